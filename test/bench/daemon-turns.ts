/**
 * What has the event loop of a whole daemon, with all of its parts at work at once: the CPU of its main thread in one turn
 * (Linux), while it writes all files and takes a snapshot of all, and while many write. `npm run bench:turns`;
 * `-- --tasks 1000 --edits 500`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { sleepAwake } from '../../src/cli/start-daemon.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestRepo, type TestRepo, until } from '../flow/harness.ts'
import { measured, usedBy } from './measured.ts'
import { byBench, openForSnapshots, populate } from './populate.ts'

const { values: flags } = parseArgs({
  options: { tasks: { type: 'string', default: '10000' }, edits: { type: 'string', default: '2000' } },
})
const [tasks, edits] = [Number(flags.tasks), Number(flags.edits)]
const CALLERS = 20
const LIMIT_MS = 600_000

interface Used {
  readonly rss: number
  readonly turnP99: number
  readonly turnMax: number
  readonly over10: number
}

/** A daemon of its own until `work` is done; what its turns took meanwhile. What it does before it is ready is not counted. */
async function daemonDuring(repo: TestRepo, work: (url: string) => Promise<void>): Promise<Used> {
  const child = spawn(process.execPath, ['--import', measured, 'dist/daemon.mjs', '--report', '--dir', repo.dir], {
    env: { ...repo.env, ORCH_BENCH_DIR: repo.dir, ORCH_BENCH_TURNS: 'each' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const pid = child.pid ?? 0
  let said = ''
  ;(child.stdio[2] as Readable).on('data', (chunk) => {
    said += String(chunk)
  })
  await once(child.stdio[3] as Readable, 'data')
  await usedBy(repo.dir, pid)
  const urlOf = (): string => /"url":"([^"]+)"/.exec(said)?.[1] ?? ''
  await until(() => urlOf() !== '', 'it listens', LIMIT_MS)
  await work(urlOf())
  const used = await usedBy<Used>(repo.dir, pid)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
  return used
}

/** Until all files say so, and a snapshot holds it. */
async function settled(repo: TestRepo, word: string): Promise<void> {
  const folder = join(repo.dir, 'orch', task.folder)
  const saysSo = (name: string | undefined): boolean =>
    name !== undefined && readFileSync(join(folder, name), 'utf8').includes(word)
  await until(
    () => {
      try {
        const names = readdirSync(folder)
        return names.length === tasks && [0.1, 0.5, 0.9, 0.999].every((part) => saysSo(names[Math.floor(part * tasks)]))
      } catch {
        return false
      }
    },
    'all files are written',
    LIMIT_MS,
  )
  await until(
    () => {
      try {
        return repo.git('log', '-1', '--format=%B', 'orch-history').includes(`${tasks} tasks`)
      } catch {
        return false
      }
    },
    'a snapshot holds all',
    LIMIT_MS,
  )
  await sleepAwake(2000)
}

/** Many callers at once, who also look around. */
async function edited(repo: TestRepo, url: string): Promise<void> {
  const token = repo.read('.git/orch/token').trim()
  const ids = readdirSync(join(repo.dir, 'orch', task.folder)).map((name) => name.slice(0, 10))
  const call = async (operation: string, body: object): Promise<void> => {
    const response = await fetch(`${url}/api/${operation}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(await response.text())
    await response.arrayBuffer()
  }
  const caller = async (first: number): Promise<void> => {
    for (let i = first; i < edits; i += CALLERS) {
      const id = ids[(i * 7919) % ids.length]
      await call('task.update', { id, title: `Edited ${i}` })
      if (i % 5 === 0) await call('log.append', { action: 'edited', task: id })
      if (i % 50 === 0) await call('ready', { limit: 20 })
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, first) => caller(first)))
}

const say = (what: string, { turnMax, turnP99, over10, rss }: Used): void => {
  process.stdout.write(
    `| ${what} | ${turnMax.toFixed(1)} ms | ${turnP99.toFixed(1)} ms | ${over10} | ${Math.round(rss / 1e6)} MB |\n`,
  )
}

const repo = await createTestRepo({ init: false })
try {
  await populate(repo, tasks)
  process.stdout.write(
    `${tasks} tasks\n\n| what a daemon does | most CPU in one turn | 99 of 100 | turns over 10 ms | memory |\n|---|---|---|---|---|\n`,
  )
  say('nothing was written yet: all files, and a snapshot of all', await daemonDuring(repo, () => settled(repo, '---')))
  const state = openForSnapshots(repo)
  const word = `Anew-${Date.now()}`
  for (const id of state.project.ids(task))
    await state.project.transact(byBench, (tx) => tx.update(task, id, { set: { title: word } }))
  state.close()
  say('all was changed while it was away: the same', await daemonDuring(repo, () => settled(repo, word)))
  say(`${edits} edits by ${CALLERS} callers`, await daemonDuring(repo, (url) => edited(repo, url)))
} finally {
  await repo.remove()
}
