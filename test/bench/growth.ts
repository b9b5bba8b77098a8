/**
 * What a large project costs: 10,000 tasks, 100,000 edits of them, 100,000 entries of the work log in one month, and
 * what of it keeps the event loop. `npm run bench:growth`; `-- --tasks 1000 --edits 10000 --entries 10000` for less.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { OperationContext } from '../../src/api/operation.ts'
import { overviewOperations } from '../../src/api/operations/overview.ts'
import { must } from '../../src/base/assert.ts'
import { systemClock } from '../../src/base/clock.ts'
import { noKeys } from '../../src/base/keys.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createTurns, nextTurn } from '../../src/base/turns.ts'
import { createRenderer } from '../../src/daemon/render.ts'
import { takeCut } from '../../src/git/cut.ts'
import { closedDays } from '../../src/git/log-days.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { openSnapshotLedger, type SnapshotLedger } from '../../src/git/snapshot-ledger.ts'
import { createSnapshots } from '../../src/git/snapshots.ts'
import { boardText } from '../../src/mirror/board.ts'
import { createLogFiles } from '../../src/mirror/log-files.ts'
import { createMirror } from '../../src/mirror/mirror.ts'
import { createNodeDisk } from '../../src/mirror/node-disk.ts'
import { createNotices } from '../../src/mirror/problem.ts'
import { scan } from '../../src/mirror/scan.ts'
import { overviewOf } from '../../src/mirror/views.ts'
import { createNodeWatch } from '../../src/mirror/watch.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { openAttention } from '../../src/store/attention.ts'
import { checkInWorker } from '../../src/store/check.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { createFileLoadSnapshots, readNewest, writeSnapshotFile } from '../../src/store/file-load-snapshots.ts'
import { openMirrorBases } from '../../src/store/mirror-bases.ts'
import { openMirrorLogs } from '../../src/store/mirror-logs.ts'
import { type OpenProject, openProject } from '../../src/store/open-project.ts'
import { createRandom } from '../helpers/random.ts'
import { recordTurns, type Turns, watched } from './turns.ts'

const { values: flags } = parseArgs({
  options: {
    tasks: { type: 'string', default: '10000' },
    edits: { type: 'string', default: '100000' },
    entries: { type: 'string', default: '100000' },
  },
})
const [tasks, edits, entries] = [Number(flags.tasks), Number(flags.edits), Number(flags.entries)]
const by = { source: 'api', actor: { name: 'bench', type: 'agent', verified: false } } as const
const dir = mkdtempSync(join(tmpdir(), 'orch-growth-'))
const file = join(dir, 'orch.db')
const random = createRandom(7)
const CONCURRENT = 50
const SINGLES = 200

const say = (what: string, figure: string): void => {
  process.stdout.write(`${what.padEnd(58)} ${figure.padStart(24)}\n`)
}
const ms = (value: number): string => `${value.toFixed(1)} ms`
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

let ledger: SnapshotLedger | undefined

function open(db: Database): OpenProject {
  return openProject({
    db,
    kinds: builtInKinds,
    clock: systemClock,
    random,
    log: silentLogger,
    lease: { machine: 'bench', path: file, inode: '1' },
    generations: { get: () => undefined, set: () => undefined },
    loads: { newest: () => readNewest(join(dir, 'load'), noKeys, () => undefined), make: () => Promise.resolve() },
    name: 'growth',
    note: (changes) => ledger?.note(changes),
  })
}

/** Runs `work` n times, some at once, as many callers do. */
async function many(n: number, work: (i: number) => Promise<unknown>): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < n; i += CONCURRENT) {
    await Promise.all(Array.from({ length: Math.min(CONCURRENT, n - i) }, (_, k) => work(i + k)))
  }
  return performance.now() - start
}

async function single(work: (i: number) => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < SINGLES; i++) {
    const start = performance.now()
    await work(i)
    times.push(performance.now() - start)
  }
  return median(times)
}

/** Turns of the event loop by what made them. */
const turnsOf: { readonly what: string; readonly turns: Turns }[] = []

/** The longest turn of the event loop while something runs. */
async function longestTurn(what: string, work: () => Promise<unknown>): Promise<void> {
  globalThis.gc?.()
  const end = recordTurns()
  const start = performance.now()
  await work()
  const took = performance.now() - start
  turnsOf.push({ what, turns: await end() })
  say(what, `all ${ms(took)}`)
}

/** Something that is done in one turn, warm: the longest of several. */
async function turn(what: string, work: () => unknown): Promise<void> {
  globalThis.gc?.()
  work()
  const end = recordTurns()
  for (let i = 0; i < 9; i++) {
    await nextTurn()
    work()
  }
  await nextTurn()
  turnsOf.push({ what, turns: await end() })
}

/** What the machine does to a loop that does nothing: figures of turns are to be read beside this one. */
const idle = async (): Promise<void> => {
  for (const until = performance.now() + 1000; performance.now() < until; ) await nextTurn()
}

try {
  const db = watched(openDatabase(file))
  const project = open(db)
  ledger = openSnapshotLedger(db, builtInKinds)
  const made = await many(tasks, (i) =>
    project.transact(by, (tx) => tx.create(task, { title: `Task ${i}`, body: `What task ${i} is about.` })),
  )
  say(`create ${tasks} tasks: each`, ms(made / tasks))
  const ids = project.ids(task)
  const edit = (i: number): Promise<unknown> => {
    const id = ids[(i * 7919) % ids.length]
    return id === undefined
      ? Promise.resolve()
      : project.transact(by, (tx) =>
          tx.update(task, id, i % 2 ? { set: { title: `Task ${i}` } } : { increment: { spentHours: 1 } }),
        )
  }
  say(`${edits} edits: each`, ms((await many(edits, edit)) / edits))
  say('one more edit alone, p50', ms(await single(edit)))
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const before = sizeOf(file)
  const heapBefore = heap()

  const append = (i: number): Promise<unknown> =>
    project.transact(by, (tx) =>
      tx.appendLog({
        action: i % 3 ? 'edited' : 'ran the tests',
        task: ids[i % ids.length] ?? '',
        session: 's-00000001',
        details: { file: `src/part-${i % 50}.ts`, lines: i },
        at: new Date(Date.UTC(2026, 9, 1 + (i % 28), 8, 0, 0, i % 1000)).toISOString(),
      }),
    )
  say('one entry alone, into an empty month, p50', ms(await single(append)))
  say(`${entries} entries: each`, ms((await many(entries, append)) / entries))
  say(`one entry alone, into a month of ${entries}, p50`, ms(await single(append)))
  say('memory of the log', mb(heap() - heapBefore))
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  say('database, and of it the log', `${mb(sizeOf(file))}, ${mb(sizeOf(file) - before)}`)
  const state = project.encodeState()
  say('project document as a Yjs update', mb(state.length))
  const page = performance.now()
  project.listLog({ limit: 50, actor: 'bench', since: '2026-10-05' })
  say('a page of 50 entries', ms(performance.now() - page))

  const disk = createNodeDisk(join(dir, 'orch'))
  const notices = createNotices({ clock: systemClock, store: openAttention(db), onChange: () => undefined })
  const written = openMirrorLogs(db)
  const logFiles = createLogFiles({ project, disk, written, clock: systemClock, random, notices, log: silentLogger })
  logFiles.noteAll()
  await longestTurn('nothing at all', idle)
  await longestTurn('all log files', () => logFiles.update())
  const days = { days: () => project.logDays().map((day) => ({ day, entries: 1 })) }
  const turns = createTurns(systemClock)
  await longestTurn('all closed days for git', () =>
    closedDays({ project, ledger: days, turns }, Date.now(), undefined),
  )
  let room: Awaited<ReturnType<OpenProject['openLog']>> | undefined
  const roomHeap = heap()
  await longestTurn('open a month for a stock client', async () => {
    room = await project.openLog('log/2026-10')
  })
  say('memory of an open month', mb(heap() - roomHeap))
  await turn('the whole month for a client that has nothing', () => room?.encodeState())
  room?.close()

  mkdirSync(join(dir, 'orch', task.folder), { recursive: true })
  for (const id of ids) writeFileSync(join(dir, 'orch', project.pathOf(task, id)), `# ${id}\n`)
  await longestTurn('a scan of all files', () => scan(disk, builtInKinds))
  const cut = { project, ledger: must(ledger, 'opened above'), render: createRenderer(project), turns }
  await longestTurn('the cut of a snapshot of all', () => takeCut(cut, { everything: true }))
  execFileSync('git', ['init', '--quiet', join(dir, 'git')])
  const snapshots = createSnapshots({
    repo: openGitRepo({ commonDir: join(dir, 'git', '.git'), env: process.env, clock: systemClock, random }),
    ref: 'refs/heads/orch-history',
    base: undefined,
    project,
    ledger: must(ledger, 'opened above'),
    render: createRenderer(project),
    happened: () => undefined,
    clock: systemClock,
    log: silentLogger,
  })
  // To fork this large process is a part of each turn that starts git.
  await longestTurn('starting a git that does nothing', () => once(spawn('git', ['--version']), 'close'))
  await longestTurn('the first snapshot of all, into git', () => snapshots.take())
  await many(ids.length, (i) => edit(i))
  await longestTurn('a snapshot of as many changes, into git', () => snapshots.take())
  // As the daemon does, before it starts the mirror.
  await longestTurn('reading the work graph', project.readGraph)
  const mirror = createMirror({
    project,
    disk: createNodeDisk(join(dir, 'mirror')),
    bases: openMirrorBases(db),
    writtenLogs: written,
    attention: openAttention(db),
    watch: createNodeWatch(join(dir, 'mirror')),
    clock: systemClock,
    random,
    log: silentLogger,
    fileActor: () => ({ name: 'bench', type: 'person', verified: false }),
    facts: () => ({ replica: 'r', addresses: [], peers: [], problems: [] }),
  })
  project.onCommit(mirror.note)
  await longestTurn('writing all files of the mirror', async () => {
    await mirror.start()
    await mirror.sync()
  })
  await many(500, (i) => edit(i))
  await longestTurn('rendering what 500 edits changed', () => mirror.sync())
  await mirror.stop()
  const loads = createFileLoadSnapshots({
    dir: join(dir, 'compaction'),
    databaseFile: file,
    worker: new URL('../../dist/load-worker.mjs', import.meta.url),
    log: silentLogger,
  })
  await longestTurn('compaction', () => loads.make(project.rowCount()))
  const check = {
    databaseFile: file,
    keyring: noKeys,
    declared: {},
    project,
    worker: new URL('../../dist/check-worker.mjs', import.meta.url),
  }
  await longestTurn('doctor, all rows and a whole index', () => checkInWorker(check))

  const overview = must(overviewOperations[0], 'there is one')
  const parts = { attention: { list: () => [] }, agents: { claims: { all: () => [] } } }
  const context = { project, actor: by.actor, parts, clock: systemClock } as unknown as OperationContext
  const show = async (): Promise<unknown> => overview.run(context, { limit: 10, statuses: true })
  await longestTurn('the overview', show)
  await longestTurn('README', () => overviewOf(project, createTurns(systemClock)))
  await turn('the board', () => boardText(project))
  await turn('a page of 50', () => project.list(task, { limit: 50 }))
  await turn('a page of 50 by title', () => project.list(task, { limit: 50, sort: 'title' }))
  await turn('a page of 50 of those that all hold a word', () => project.list(task, { limit: 50, text: 'about' }))
  await turn('what is ready', () => project.ready({ claimed: new Set(), limit: 50 }))
  await turn('the whole document for a client that has nothing', () => project.encodeState())

  db.close()
  for (const what of ['all rows', 'a load snapshot']) {
    const again = openDatabase(file)
    const start = performance.now()
    const reopened = open(again)
    say(`load from ${what}`, ms(performance.now() - start))
    if (what === 'all rows')
      writeSnapshotFile(join(dir, 'load'), { n: reopened.rowCount(), state: reopened.encodeState() })
    again.close()
  }
  process.stdout.write(
    '\n| what has the event loop | CPU of the longest turn | in it: garbage, SQLite | most CPU but for garbage | turns over 10 ms | that turn on the clock |\n|---|---|---|---|---|---|\n',
  )
  for (const { what, turns } of turnsOf.toSorted((a, b) => b.turns.longest.cpu - a.turns.longest.cpu)) {
    const { longest, without, over10 } = turns
    const inIt = `${ms(longest.garbage)}, ${ms(longest.sqlite)}`
    process.stdout.write(
      `| ${what} | ${ms(longest.cpu)} | ${inIt} | ${ms(without)} | ${over10} | ${ms(longest.clock)} |\n`,
    )
  }
  say('memory in all', mb(process.memoryUsage().rss))
} finally {
  rmSync(dir, { recursive: true, force: true })
}
