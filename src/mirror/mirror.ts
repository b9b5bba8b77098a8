import { type Clock, createSteadyClock, sleep } from '../base/clock.ts'
import { createCoalesce } from '../base/coalesce.ts'
import type { Logger } from '../base/log.ts'
import { createQueue } from '../base/queue.ts'
import type { Service } from '../base/service.ts'
import type { Actor } from '../model/actor.ts'
import type { Problem } from '../model/attention.ts'
import type { Random } from '../model/id.ts'
import type { AttentionStore } from '../store/attention.ts'
import type { MirrorBases } from '../store/mirror-bases.ts'
import type { MirrorLogs } from '../store/mirror-logs.ts'
import type { Commit, Project } from '../store/project.ts'
import { createBrokenFiles } from './broken-files.ts'
import { type Abilities, type Disk, LEAST } from './disk.ts'
import { createDisplacedFiles } from './displaced.ts'
import { createFights } from './fights.ts'
import { createFound } from './found.ts'
import { removeLeftovers } from './leftovers.ts'
import { createLogFiles, LOG_FOLDER } from './log-files.ts'
import { createLooking } from './looking.ts'
import { createMergeIn } from './merge-in.ts'
import { createPages } from './pages.ts'
import { BOARD_REF, LOCAL, placeOf, README, type Ref } from './places.ts'
import { createNotices } from './problem.ts'
import type { Scan } from './scan.ts'
import { createSettling, type Quiet, quietBy } from './settle.ts'
import { createSignatures } from './signatures.ts'
import { createTakeIn } from './take-in.ts'
import { createVanished } from './vanished.ts'
import type { LocalFacts } from './views.ts'
import { createVisits } from './visits.ts'
import type { Watch } from './watch.ts'
import type { FileWays } from './ways.ts'
import { createWriteOut, DISPLACED_MS } from './write-out.ts'

export interface MirrorParts {
  readonly project: Project
  readonly disk: Disk
  readonly bases: MirrorBases
  readonly writtenLogs: MirrorLogs
  readonly attention: AttentionStore
  readonly watch: Watch
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Who saves files here. */
  readonly fileActor: () => Actor
  /** What LOCAL.md says, the mirror's own problems included. */
  readonly facts: () => LocalFacts
  /** How a path is named in problems, where it is not the only mirror. */
  readonly nameOf?: (path: string) => string
  /** Whether the place of the directory is there at all; where it is not, nothing is looked at. */
  readonly stands?: () => boolean
  readonly onFallen?: () => void
  /** How long a file must be untouched before it is read, in milliseconds; by default what the disk allows. */
  readonly quietMs?: number | undefined
  /** How often all files are looked at, in milliseconds. */
  readonly scanMs?: number
}

/** The files that show the document, kept equal to it both ways. */
export interface Mirror extends Service, FileWays {
  /** Resolves when all that was saved before is merged, and all that is merged is written out. */
  sync(): Promise<void>
  problems(): readonly Problem[]
  /** What was found that the disk can do; known once the mirror has started. */
  abilities(): Abilities
  /** Hears every commit. */
  note(commit: Commit): void
  /** The facts for LOCAL.md may have changed. */
  refreshLocal(): void
}

const SCAN_MS = 5000
const WRITE_MS = 20
const WRITE_MAX_MS = 100
const PAGES_MS = 1000
/** How often the files of the work log are brought up while entries come. */
const LOGS_MS = 2000
/** When the look that everything waits for has failed. */
const LOOK_AGAIN_MS = 1000
/** The longest that `sync` waits for a file that somebody keeps writing to. */
const SYNC_MS = 30_000
/** How long apart `sync` asks whether a file that shall be written is closed. */
const SYNC_STEP_MS = 100

/**
 * Starts in this order [M13]: recover what a crash cut short, take in what changed while nobody looked, then (after
 * `start` has resolved) watch, look again, and only then write.
 */
export function createMirror(parts: MirrorParts): Mirror {
  const { project, disk, bases, clock, random, log, nameOf = (path) => path } = parts
  /** Takes in or writes out, never both: whatever looks at a file has it to itself. */
  const turns = createQueue()
  const notices = createNotices({
    clock,
    store: parts.attention,
    nameOf,
    onChange: () => pages.poke(),
  })
  const known = createSignatures(bases)
  /** Paths with an exchange that could not be ended. */
  let stuck: ReadonlySet<string> = new Set()
  let isTidy = false
  let mayWrite = false
  let isEnding = false
  let isStopped = false
  let opening: Promise<void> = Promise.resolve()
  let abilities = LEAST
  const quiet: Quiet = (isBeingWritten) => quietBy(abilities, parts.quietMs)(isBeingWritten)
  const exchanges = (): boolean => abilities.exchanges
  const shortestQuiet = (): number => quiet(abilities.seesWriters ? false : undefined)

  const onError = (error: unknown): void => log.error('the mirror failed at something', { error })
  const onTaken = (ref: Ref): void => {
    writeOut.mark(ref)
    writing.poke()
  }
  const { fileActor } = parts
  // How long ago something was must not change when somebody sets the clock, also before a crash: it goes on from where it
  // was. What was written last is then as new as it was, to an editor that has been open all the time.
  const steady = createSteadyClock(clock, bases.lastAt())
  const fights = createFights(clock)
  const settling = createSettling(clock)
  const mergeIn = createMergeIn({ project, disk, bases, clock: steady, notices, fileActor, onTaken })
  const takeIn = createTakeIn({ kinds: project.kinds, disk, bases, clock, notices, quiet, settling, fights, mergeIn })
  const vanished = createVanished({ project, bases, clock, notices, fileActor, onTaken })
  const visits = createVisits({
    takeIn,
    clock,
    log,
    notices,
    quietMs: shortestQuiet,
    onDue: () => void turns.add(() => visits.look([])).catch(onError),
    onLooked(path, signature) {
      if (signature === undefined) return
      known.looked(path, signature)
      writeOut.unblock(path)
      writing.poke()
    },
    onAbsent: () => looking.poke(),
  })
  const takeFound = createFound({
    kinds: project.kinds,
    bases,
    known,
    visits,
    vanished,
    notices,
    isStuck: (path) => stuck.has(path),
  })
  const writeOut = createWriteOut({
    project,
    disk,
    bases,
    clock: steady,
    random,
    log,
    notices,
    onChanged: (path) => visits.hint(path),
    onWritten(path, hash) {
      known.written(path)
      if (hash !== undefined) fights.changed(path, hash, 'us')
      displaced.lookIn(DISPLACED_MS)
    },
    onDisplaced: () => displaced.lookIn(shortestQuiet()),
    onFree: () => writing.poke(),
    exchanges,
  })

  const shown = createPages({ project, disk, clock, random, log, notices, facts: parts.facts, exchanges })
  const logFiles = createLogFiles({ project, disk, written: parts.writtenLogs, clock, random, notices, log })

  const displaced = createDisplacedFiles({
    disk,
    bases,
    clock,
    steady,
    notices,
    mergeIn,
    quiet,
    settling,
    turns,
    onError,
  })

  const broken = createBrokenFiles({
    kinds: project.kinds,
    disk,
    bases,
    fights,
    turns,
    nameOf,
    onChanged: (path) => visits.hint(path),
    onTaken,
  })

  const looking = createLooking({
    kinds: project.kinds,
    projectId: () => project.id,
    disk,
    clock,
    log,
    notices,
    turns,
    watch: parts.watch,
    scanMs: parts.scanMs ?? SCAN_MS,
    async before() {
      if (parts.stands?.() === false) {
        parts.onFallen?.()
        throw new Error('the place of the mirror is gone')
      }
      stuck = await writeOut.recover()
      if (!isTidy) isTidy = await removeLeftovers(disk, bases)
    },
    onScan: takeScan,
    onHint: hint,
    onMade: () => pages.poke(),
    onError,
  })
  const writing = createCoalesce({ clock, quietMs: WRITE_MS, maxMs: WRITE_MAX_MS, run: write, onError })
  const pages = createCoalesce({ clock, quietMs: PAGES_MS, maxMs: PAGES_MS, run: () => turns.add(showPages), onError })
  const logs = createCoalesce({ clock, quietMs: LOGS_MS, maxMs: LOGS_MS, run: updateLogs, onError })

  async function write(): Promise<void> {
    if (!mayWrite) return
    while (await turns.add(() => writeOut.step())) if (isStopped) return
  }

  async function updateLogs(): Promise<void> {
    if (!mayWrite) return
    const wait = await turns.add(() => logFiles.update())
    if (wait !== undefined && !isStopped) clock.after(wait, logs.poke)
  }

  async function showPages(): Promise<void> {
    writeOut.mark(BOARD_REF)
    writing.poke()
    await shown.show()
  }

  async function takeScan(result: Scan): Promise<{ readonly dueMs: number | undefined; readonly isCalm: boolean }> {
    logs.poke()
    const isCalm = await takeFound(result)
    writeOut.unblock()
    writing.poke()
    if (shown.areStale()) pages.poke()
    return { dueMs: vanished.due(), isCalm: isCalm && !shown.areStale() }
  }

  function hint(path: string): void {
    if (path === README || path === LOCAL) pages.poke()
    else if (path === LOG_FOLDER || path.startsWith(`${LOG_FOLDER}/`)) logs.poke()
    else if (placeOf(project.kinds, path)) visits.hint(path)
    else looking.poke()
  }

  function note({ changes, entries }: Commit): void {
    if (entries.length > 0) {
      logFiles.note(entries)
      logs.poke()
    }
    if (changes.length === 0) return
    for (const { kind, id } of changes) {
      writeOut.mark({ kind, id: project.kinds.keys(kind) ? '' : id })
    }
    writing.poke()
    pages.poke()
  }

  async function recover(): Promise<void> {
    // What did not fit may fit what is declared now: it is read anew.
    for (const base of bases.broken()) bases.put({ ...base, hash: '' })
    await known.load()
    await looking.look().catch(onError)
    // What changed while nobody looked is seen twice, all of it at once.
    if (visits.unsettled().size === 0) return
    await sleep(clock, shortestQuiet())
    await visits.look([...visits.unsettled().keys()])
  }

  async function open(): Promise<void> {
    looking.watch(abilities)
    while (!(await hasLooked())) {
      if (isEnding) return
      await sleep(clock, LOOK_AGAIN_MS)
    }
    mayWrite = true
    await writeOut.markAll()
    logFiles.noteAll()
    logs.poke()
    writing.poke()
    pages.poke()
    displaced.lookIn(0)
  }

  async function hasLooked(): Promise<boolean> {
    try {
      await turns.add(looking.look)
      return true
    } catch (error) {
      onError(error)
      return false
    }
  }

  async function waitForUnsettled(): Promise<void> {
    const until = clock.monotonic() + SYNC_MS
    let waitFor: readonly string[] | undefined
    while (clock.monotonic() < until) {
      const { unsettledMs } = await turns.add(displaced.look)
      await looking.flush()
      await writing.flush()
      const unsettled = visits.unsettled()
      waitFor = (waitFor ?? [...unsettled.keys()]).filter((path) => unsettled.has(path))
      const dues = waitFor.map((path) => (unsettled.get(path) ?? 0) - clock.monotonic())
      const busyMs = writeOut.isWaiting() ? SYNC_STEP_MS : undefined
      const next = Math.min(...dues, ...[vanished.due(), unsettledMs, busyMs].filter((ms) => ms !== undefined))
      if (next === Number.POSITIVE_INFINITY) return
      await sleep(clock, Math.max(1, next))
    }
  }

  return {
    name: 'mirror',
    async start() {
      // What is not known to be possible is not done.
      abilities = await disk.probe().catch((error: unknown) => {
        onError(error)
        return LEAST
      })
      log.info('found what the disk can do', { tier: abilities.summary })
      await turns.add(recover)
      opening = open().catch(onError)
    },
    async stop() {
      if (isStopped) return
      isEnding = true
      await opening
      await writing.flush().catch(onError)
      await logs.flush().catch(onError)
      isStopped = true
      visits.stop()
      displaced.stop()
      await Promise.all([looking.stop(), writing.stop(), logs.stop(), pages.stop()])
      await turns.idle()
    },
    async sync() {
      await opening
      writeOut.retry()
      await waitForUnsettled()
      await logs.flush()
      await pages.flush()
      await writing.flush()
    },
    abilities: () => abilities,
    problems: () => [...broken.problems(), ...notices.list()],
    note,
    refreshLocal: () => pages.poke(),
    async restore(where) {
      await opening
      return broken.restore(where)
    },
    resume: broken.resume,
  }
}
