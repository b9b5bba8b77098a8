import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { OrchError } from '../../src/base/error.ts'
import { CRASH_LABELS, type CrashLabel } from '../../src/daemon/crash-points.ts'
import { createDaemonClient } from '../helpers/daemon-client.ts'
import { countOf, createTestRepo, type TestRepo, until } from './harness.ts'

/** More than the rows between two load snapshots, in calls of many at once. */
const ROWS = 1010
const AT_ONCE = 64

interface Task {
  readonly id: string
  readonly title: string
  readonly body: string
}

const repo = await createTestRepo({ env: { ORCH_MIRROR_QUIET_MS: '50' } })
afterAll(() => repo.remove())

/** One repository takes every crash, one after the other: what one of them breaks, the checks after the next would see too. */
const acknowledged: string[] = []
const inDoubt: string[] = []
const { ask } = createDaemonClient(repo.dir, repo.env, packageJson.version)
const { id: shared } = await ask<{ id: string }>('task.create', { title: 'Shared', body: 'Start.' }, 'test')
await ask('sync', {}, 'test')

test.each(CRASH_LABELS.map((label, round) => ({ label, round })))(
  '[P1] [P3] kill -9 at $label: every acknowledged write is there once, nothing is left over, the doctor finds nothing',
  async ({ label, round }) => {
    await repo.run(['stop'])
    const log = join(repo.dir, '.git/orch/daemon.log')
    await scenario(label, round)
    await until(() => countOf(readFileSync(log, 'utf8'), `killed at ${label}\n`) >= 1, `the daemon dies at ${label}`)

    // A call that was under way may have started another daemon that dies, too; the next one lives.
    await until(() => ask('sync', {}, 'test').then(() => true, isDeath), 'a daemon that lives')
    const { items } = await ask<{ items: readonly Task[] }>('task.list', { full: true, limit: 1000, all: true }, 'test')
    const text = items.map(({ title, body }) => `${title}\n${body}`).join('\n')
    const file = repo.read(`orch/tasks/${fileOf(shared)}`)
    for (const word of acknowledged) expect(countOf(text, word), word).toBe(1)
    for (const word of inDoubt) expect(countOf(text, word), word).toBeLessThanOrEqual(1)
    for (const word of acknowledged.filter((one) => one.startsWith('hand'))) expect(countOf(file, word), word).toBe(1)
    const { findings } = await ask<{ findings: readonly { ok: boolean }[] }>('doctor', {}, 'test')
    expect(findings.filter(({ ok }) => !ok)).toEqual([])
    expect((await ask<{ problems: unknown[] }>('status', {}, 'test')).problems).toEqual([])
    await until(() => leftovers(repo).length === 0, `nothing is left over, but ${leftovers(repo)}`, 5000)
  },
)

/** Everything that reaches a label, under a daemon that dies at it. */
async function scenario(label: CrashLabel, round: number): Promise<void> {
  const dying = createDaemonClient(repo.dir, { ...repo.env, ORCH_CRASH_AT: label }, packageJson.version)
  const write = async (word: string, op: string, input: object): Promise<void> => {
    try {
      await dying.ask(op, input, 'agent')
      acknowledged.push(word)
    } catch (error) {
      if (!(error instanceof OrchError) || error.exit !== 7) throw error
      inDoubt.push(word)
      throw error
    }
  }
  try {
    await dying.ask('status', {}, 'agent')
    // Saved by a person: no call acknowledges it, but what is on the disk must not be lost either.
    const path = `orch/tasks/${fileOf(shared)}`
    repo.write(path, `${repo.read(path).trimEnd()} hand${round}e\n`)
    acknowledged.push(`hand${round}e`)
    await write(`made${round}e`, 'task.create', { title: `made${round}e` })
    await write(`said${round}e`, 'task.update', { id: shared, append: `said${round}e` })
    await dying.ask('sync', {}, 'agent')
    await write(`late${round}e`, 'task.update', { id: shared, append: `late${round}e` })
    await dying.ask('sync', {}, 'agent')
    importable(round)
    await write(`came${round}e`, 'import.backlog', { dir: join(repo.dir, `from-${round}`) })
    if (label.startsWith('load.')) await manyRows(dying.ask)
    await dying.ask('sync', {}, 'agent')
  } catch (error) {
    if (!(error instanceof OrchError) || error.exit !== 7) throw error
  }
}

function isDeath(error: unknown): false {
  if (error instanceof OrchError && error.exit === 7) return false
  throw error
}

const fileOf = (id: string): string => readdirSync(join(repo.mirror, 'tasks')).find((name) => name.startsWith(id)) ?? ''

function importable(round: number): void {
  const dir = join(repo.dir, `from-${round}`, 'backlog')
  mkdirSync(join(dir, 'tasks'), { recursive: true })
  writeFileSync(join(dir, 'config.yml'), 'project_name: "Shop"\n')
  const task = `---\nid: BACK-${round}\ntitle: came${round}e\nstatus: To Do\n---\n\nText.\n`
  writeFileSync(join(dir, 'tasks', `back-${round} - came.md`), task)
}

async function manyRows(ask: (op: string, input: unknown, actor: string) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < ROWS; from += AT_ONCE) {
    const calls = Array.from({ length: AT_ONCE }, (_, i) =>
      ask('state.set', { key: 'many', value: `${Math.random()} ${from + i}` }, 'agent'),
    )
    const failed = (await Promise.allSettled(calls)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }
}

/** Unfinished files, wherever the daemon makes some. */
function leftovers({ dir }: TestRepo): readonly string[] {
  const inside = (folder: string): readonly string[] =>
    existsSync(join(dir, folder)) ? readdirSync(join(dir, folder)).map((name) => `${folder}/${name}`) : []
  return [
    ...inside('.git').filter((name) => /fast_import_crash|\.lock$/.test(name)),
    ...inside('.git/orch/load').filter((name) => name.endsWith('.tmp')),
    ...inside('orch/.orch').filter((name) => /\.(new|made)$/.test(name)),
    ...inside('.git/refs/heads').filter((name) => name.endsWith('.lock')),
    ...inside('.git/orch').filter((name) => /daemon\.json\.\d+$/.test(name)),
  ]
}
