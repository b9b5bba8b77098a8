import { type ChildProcess, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { PROTOCOL_VERSION } from '../../src/api/protocol.ts'
import { identityOf } from '../../src/base/repository.ts'
import { createDaemonClient } from '../helpers/daemon-client.ts'
import { type TestRepo, until } from './harness.ts'

interface Step {
  readonly name: string
  readonly step: 'idle' | 'claimed' | 'done' | 'refused'
  readonly task: string
  readonly fence: number
  readonly code?: string
}

interface LogEntry {
  readonly action: string
  readonly actor: string
  readonly details?: { readonly fence: number }
}

export interface Race {
  /** What is wrong; empty when every task was won by one at a time, completed once, and no late write went through. */
  readonly wrong: readonly string[]
  readonly killed: number
  readonly claims: number
  /** Late writes of the dead that were refused. */
  readonly fenced: number
}

/** Processes race for tasks, one by one killed and replaced, until all tasks are completed; then the work log is held to the rules. */
export async function raceForClaims(
  repo: TestRepo,
  options: {
    readonly tasks: number
    readonly processes: number
    readonly kills: number
    readonly workMs: number
    readonly random: () => number
  },
): Promise<Race> {
  const { ask, paths } = createDaemonClient(repo.dir, repo.env, packageJson.version)
  const call = <T>(op: string, input: object): Promise<T> => ask<T>(op, input, 'watcher')
  const ids: string[] = []
  for (let i = 0; i < options.tasks; i++) {
    ids.push((await call<{ id: string }>('task.create', { title: `Task ${i}` })).id)
  }
  const common = identityOf(join(repo.dir, '.git'))
  const hello = JSON.stringify({ orch: PROTOCOL_VERSION, version: packageJson.version, common })
  const steps: Step[] = []
  const broken: string[] = []
  const running = new Map<string, ChildProcess>()
  let started = 0
  let ending = false

  const start = (): void => {
    const name = `agent-${++started}`
    const script = resolve(import.meta.dirname, 'claimant.mjs')
    const child = spawn(process.execPath, [script, paths.socket, hello, name, String(options.workMs)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.set(name, child)
    let pending = ''
    child.stdout?.on('data', (bytes: Buffer) => {
      pending += bytes
      const lines = pending.split('\n')
      pending = lines.pop() ?? ''
      for (const line of lines) steps.push(JSON.parse(line) as Step)
    })
    child.stderr?.on('data', (bytes: Buffer) => broken.push(String(bytes)))
    child.on('exit', (code) => {
      running.delete(name)
      if (!ending && code !== null) broken.push(`${name} ended with ${code}`)
    })
  }
  const open = async (): Promise<number> =>
    (await call<{ total: number }>('task.list', { status: ['todo', 'in_progress'], limit: 1 })).total

  for (let i = 0; i < options.processes; i++) start()
  const dead: Step[] = []
  let killed = 0
  while (killed < options.kills && (await open()) > 0) {
    const before = steps.length
    await until(
      () => steps.slice(before).some(({ step }) => step === 'claimed') || steps.at(-1)?.step === 'idle',
      'a claim',
    )
    const holding = [...running.keys()].filter((name) => steps.findLast((one) => one.name === name)?.step === 'claimed')
    const victim = holding[Math.floor(options.random() * holding.length)]
    if (victim === undefined) continue
    running.get(victim)?.kill('SIGKILL')
    killed++
    await until(() => !running.has(victim), 'the end of a killed process')
    const last = steps.findLast((one) => one.name === victim)
    if (last?.step === 'claimed') dead.push(last)
    start()
  }
  await until(async () => (await open()) === 0, 'all tasks are completed', 60_000)
  ending = true
  for (const child of running.values()) child.kill('SIGKILL')
  await until(() => running.size === 0, 'the end of all processes')

  const wrong: string[] = [...broken]
  let fenced = 0
  for (const { task, fence, name } of dead) {
    try {
      await ask('task.update', { id: task, title: 'late', fence }, name)
      wrong.push(`a late write of ${name} under ${fence} went through`)
    } catch (error) {
      if ((error as { code?: string }).code === 'fenced') fenced++
      else wrong.push(`a late write of ${name}: ${String(error)}`)
    }
  }
  let claims = 0
  for (const task of ids) {
    const { items } = await call<{ items: readonly LogEntry[] }>('log.list', { task, limit: 1000 })
    const told = items
      .filter(({ action }) => action === 'claimed' || action === 'released')
      .map(({ action, details }) => ({ action, fence: details?.fence ?? 0 }))
      // Two entries of one millisecond have no order of their own; a claim's number gives it.
      .sort((a, b) => a.fence - b.fence || (a.action < b.action ? -1 : 1))
    claims += told.filter(({ action }) => action === 'claimed').length
    told.forEach((entry, i) => {
      const expected = i % 2 === 0 ? 'claimed' : 'released'
      const before = told[i - 1]
      const fits = entry.action === expected && (expected === 'claimed' || before?.fence === entry.fence)
      if (!fits) wrong.push(`${task}: ${JSON.stringify(told)}`)
    })
    const done = steps.filter((one) => one.task === task && one.step === 'done')
    const last = told.at(-1)
    if (done.length > 1) wrong.push(`${task} was completed ${done.length} times`)
    if (done[0] && done[0].fence !== last?.fence) wrong.push(`${task} was completed under ${done[0].fence}`)
  }
  for (const { step, code, name } of steps) if (step === 'refused' && code !== 'fenced') wrong.push(`${name}: ${code}`)
  return { wrong, killed, claims, fenced }
}
