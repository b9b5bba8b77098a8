import type { Clock } from '../base/clock.ts'
import { createCoalesce } from '../base/coalesce.ts'
import { reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Queue } from '../base/queue.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Disk } from './disk.ts'
import { LOG_FOLDER } from './log-files.ts'
import type { Notices } from './problem.ts'
import { SENTINEL } from './replace.ts'
import { foldersToMake, type Scan, scan } from './scan.ts'
import { QUIET_MS } from './settle.ts'
import { createStrays } from './strays.ts'
import type { Watch, Watching } from './watch.ts'

/** Looking at all files takes at most about a three-hundredth of the time, however many they are; events tell sooner. */
const SCAN_SHARE = 300
/** The same where no events tell sooner. */
const SCAN_SHARE_WITHOUT_EVENTS = 20
const MAX_SCAN_MS = 60_000
/** After so many looks that found nothing, each wait is twice the one before. */
const CALM_LOOKS = 2
/** Where events cannot be had. */
const SCAN_WITHOUT_EVENTS_MS = 1000
/** The system's list of events is short: with more than this many in a second some may have been dropped, silently. */
const BURST = 500
const BURST_MS = 1000
/** How often it is asked whether the machine has slept, and what is taken for a sleep. */
const WAKE_CHECK_MS = 5000
const ASLEEP_MS = 3000

export interface LookingParts {
  readonly kinds: Kinds
  readonly projectId: () => string
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Logger
  readonly notices: Notices
  readonly turns: Queue
  readonly watch: Watch
  readonly scanMs: number
  /** Runs in the same turn, before all files are looked at. */
  readonly before: () => Promise<void>
  /** Takes what was found; resolves with when to look again at the latest, in milliseconds, and whether all was as known. */
  readonly onScan: (result: Scan) => Promise<{ readonly dueMs: number | undefined; readonly isCalm: boolean }>
  /** Something may have happened at a path. */
  readonly onHint: (path: string) => void
  /** The directory was made anew. */
  readonly onMade: () => void
  readonly onError: (error: unknown) => void
}

/**
 * When to look at all files [M3]. Events are hints; the scan is the truth: when nothing else happens, soon when somebody
 * asks, after more events than the system can hold, after a sleep of the machine, and when watching has failed. While it
 * finds nothing new and no event comes, ever more seldom: with 10,000 files at rest, once a minute.
 */
export interface Looking {
  /** Looks at all files, inside a turn. */
  look(): Promise<void>
  /** Asks for a look soon. */
  poke(): void
  flush(): Promise<void>
  /** Begins to hear events, where the disk has any. */
  watch(disk: { readonly isRemote: boolean }): void
  stop(): Promise<void>
}

export function createLooking(parts: LookingParts): Looking {
  const { kinds, disk, clock, log, notices, turns, scanMs, onError } = parts
  const showStrays = createStrays(notices)
  let blind: ReadonlySet<string> = new Set()
  let isTold = true
  let watching: Watching | undefined
  let cancelNext: () => void = () => undefined
  let cancelWakeCheck: () => void = () => undefined
  /** How many looks in a row found nothing, with no event in between. */
  let calm = 0
  let next = { at: 0, shortestMs: 0 }
  let burst = { since: 0, events: 0 }
  let isStopped = false

  const soon = createCoalesce({
    clock,
    quietMs: QUIET_MS,
    maxMs: 2 * QUIET_MS,
    run: () => turns.add(look),
    onError,
  })

  /** Whatever becomes of a look, the next one comes. */
  async function look(): Promise<void> {
    const begun = clock.monotonic()
    let found: Awaited<ReturnType<LookingParts['onScan']>> | undefined
    try {
      found = await lookOnce()
    } finally {
      calm = found?.isCalm && tells() ? calm + 1 : 0
      const every = isTold ? scanMs : Math.min(scanMs, SCAN_WITHOUT_EVENTS_MS)
      const share = isTold ? SCAN_SHARE : SCAN_SHARE_WITHOUT_EVENTS
      const shortestMs = Math.max(every, Math.min(share * (clock.monotonic() - begun), MAX_SCAN_MS))
      const idle = Math.max(shortestMs, Math.min(shortestMs * 2 ** Math.max(0, calm - CALM_LOOKS), MAX_SCAN_MS))
      lookIn(Math.min(idle, found?.dueMs ?? idle), shortestMs)
    }
  }

  function lookIn(ms: number, shortestMs: number): void {
    cancelNext()
    next = { at: clock.monotonic() + ms, shortestMs }
    if (!isStopped) cancelNext = clock.after(ms, () => void turns.add(look).catch(onError))
  }

  /** Whether changes are told of. */
  const tells = (): boolean => watching !== undefined && isTold

  async function lookOnce(): ReturnType<LookingParts['onScan']> {
    await parts.before()
    const result = await scan(disk, kinds)
    showBlind(result)
    showStrays(result.strays)
    if (result.isGone) await comeBack()
    watching?.follow([...(result.isGone ? foldersToMake(kinds) : result.folders), LOG_FOLDER])
    return parts.onScan(result)
  }

  function showBlind({ unreadable }: Scan): void {
    for (const folder of blind) if (!unreadable.has(folder)) notices.works(folder || '.')
    for (const [folder, reason] of unreadable) {
      notices.failing({
        what: `cannot be read: ${reason}`,
        where: folder || '.',
        fix: 'Make it a directory that can be read; nothing below it is taken as deleted.',
      })
    }
    blind = new Set(unreadable.keys())
  }

  /** Makes the directory anew. */
  async function comeBack(): Promise<void> {
    try {
      for (const folder of foldersToMake(kinds)) await disk.makeDirectory(folder)
      await disk.create(SENTINEL, new TextEncoder().encode(`${parts.projectId()}\n`))
      notices.works('.')
    } catch (error) {
      notices.failing({
        what: `cannot be written: ${reasonOf(error)}`,
        where: '.',
        fix: 'Make the directory writable.',
      })
    }
    parts.onMade()
  }

  function withoutEvents(reason: string): void {
    if (!isTold) return
    log.warn('changes of files are not told of; looking every second', { reason })
    isTold = false
    soon.poke()
  }

  function onFailed(reason: string): void {
    if (isTold) {
      notices.failing({
        what: `the system does not tell of changes (${reason}): all files are looked at every second instead`,
        where: 'watcher',
        fix: 'On Linux, raise fs.inotify.max_user_watches or max_user_instances with sysctl, then `orch restart`.',
      })
    }
    withoutEvents(reason)
  }

  function hint(path: string): void {
    parts.onHint(path)
    const now = clock.monotonic()
    calm = 0
    if (next.at - now > next.shortestMs) lookIn(next.shortestMs, next.shortestMs)
    if (now - burst.since > BURST_MS) burst = { since: now, events: 0 }
    burst.events++
    if (burst.events > BURST) soon.poke()
  }

  /** While the machine sleeps, nothing is told, and no timer runs: only the clock on the wall knows. */
  function checkForSleep(): void {
    const [wall, monotonic] = [clock.now(), clock.monotonic()]
    cancelWakeCheck = clock.after(WAKE_CHECK_MS, () => {
      const late = clock.monotonic() - monotonic - WAKE_CHECK_MS
      const jump = Math.abs(clock.now() - wall - (clock.monotonic() - monotonic))
      if (Math.max(late, jump) > ASLEEP_MS) soon.poke()
      if (!isStopped) checkForSleep()
    })
  }

  return {
    look,
    poke: soon.poke,
    flush: soon.flush,
    watch({ isRemote }) {
      if (isRemote) withoutEvents('they are on a file system that does not tell')
      else watching = parts.watch({ hint, failed: onFailed })
      checkForSleep()
    },
    async stop() {
      isStopped = true
      cancelNext()
      cancelWakeCheck()
      watching?.stop()
      await soon.stop()
    },
  }
}
