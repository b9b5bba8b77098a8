import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { nextTurn } from '../base/turns.ts'
import { type Random, randomText } from '../model/id.ts'
import { dayOf, dayOfFile, type LogEntry, logFile, renderLogLine } from '../model/log.ts'
import type { LogPlace } from '../store/log-index.ts'
import type { MirrorLogs } from '../store/mirror-logs.ts'
import type { Project } from '../store/project.ts'
import type { Disk } from './disk.ts'
import { diskReason } from './errno.ts'
import type { Notices } from './problem.ts'
import { freshPath } from './replace.ts'
import { PAGE_PREFIX } from './view-files.ts'

/** The folder of the work log's files. */
export const LOG_FOLDER = 'log'

export interface LogFilesParts {
  readonly project: Pick<Project, 'logDays' | 'logCount' | 'logOfDay'>
  readonly disk: Disk
  readonly written: MirrorLogs
  readonly clock: Clock
  readonly random: Random
  readonly notices: Notices
  readonly log: Logger
}

/**
 * Shows the work log as a file a day. They are only read by people: what is done to them by hand is put back. So a file
 * that is as it was left is appended to in place, at a cost that does not grow with it; one that is not, or that lacks
 * entries from before its last, is made anew.
 */
export interface LogFiles {
  note(entries: readonly LogEntry[]): void
  noteAll(): void
  /** Brings the files up to the log; resolves with the milliseconds until what had to wait can be done. */
  update(): Promise<number | undefined>
}

const PAGE = 200
/** A file that is made anew is left alone for a second for each so many bytes. */
const BYTES_PER_SECOND = 1 << 20

export function createLogFiles({ project, disk, written, clock, random, notices, log }: LogFilesParts): LogFiles {
  const changed = new Set<string>()
  const notBefore = new Map<string, number>()

  /** The lines of a day, after an entry. */
  const render = async (day: string, after?: LogPlace) => {
    const parts: Buffer[] = []
    let entries = 0
    let last: LogPlace | undefined = after
    for (;;) {
      const page = project.logOfDay(day, PAGE, last)
      parts.push(Buffer.from(page.map(renderLogLine).join('')))
      entries += page.length
      last = page.at(-1) ?? last
      if (page.length < PAGE) return { bytes: Buffer.concat(parts), entries, at: last?.at ?? '', id: last?.id ?? '' }
      await nextTurn()
    }
  }

  const append = async (day: string, signature: string): Promise<boolean> => {
    const before = written.get(day)
    if (!before || before.signature !== signature) return false
    if (project.logCount(day) === before.entries) return true
    const more = await render(day, before)
    // Entries from before the last one came later.
    if (project.logCount(day) !== before.entries + more.entries) return false
    const stamp = await disk.append(logFile(day), more.bytes, signature)
    if (stamp) written.put({ ...more, day, signature: stamp.signature, entries: before.entries + more.entries })
    return stamp !== undefined
  }

  const rewrite = async (day: string): Promise<void> => {
    const path = logFile(day)
    const { bytes, ...all } = await render(day)
    const fresh = freshPath(`${PAGE_PREFIX}${randomText(random, 16)}`)
    await disk.create(fresh, bytes)
    try {
      await disk.remove(path)
      // Whoever made a file of this name in between is found at the next look.
      await disk.link(fresh, path)
    } finally {
      await disk.remove(fresh)
    }
    const signature = (await signatures()).get(day)
    if (signature) written.put({ ...all, day, signature })
    notBefore.set(day, clock.monotonic() + (bytes.length / BYTES_PER_SECOND) * 1000)
  }

  /** What is on disk, by day: a signature, or '' for what is no file. Undefined when the folder cannot be read. */
  const look = async (): Promise<ReadonlyMap<string, string> | undefined> => {
    const listing = await disk.list(LOG_FOLDER)
    if (listing.type === 'unreadable' || listing.type === 'refused') {
      const fix = 'Make it a directory that can be read.'
      notices.failing({ what: `cannot be read: ${listing.reason}`, where: LOG_FOLDER, fix })
      return undefined
    }
    notices.works(LOG_FOLDER)
    if (listing.type === 'absent') return new Map()
    return new Map(
      listing.entries.flatMap((entry) => {
        const day = dayOfFile(`${LOG_FOLDER}/${entry.name}`)
        return day === undefined ? [] : [[day, entry.type === 'file' ? entry.signature : '']]
      }),
    )
  }
  const signatures = async (): Promise<ReadonlyMap<string, string>> => (await look()) ?? new Map()

  /** Brings one file up. False when it has to wait. */
  const updateDay = async (day: string, signature: string | undefined): Promise<boolean> => {
    if (signature !== undefined && (await append(day, signature))) return true
    if (clock.monotonic() < (notBefore.get(day) ?? 0)) return false
    const before = written.get(day)
    const path = logFile(day)
    if (signature === '') {
      notices.failing({ what: 'is not a file', where: path, fix: 'Move it away; the work log shows a day there.' })
      return true
    }
    if (signature !== undefined && before && before.signature !== signature) {
      const fix = 'The work log is only read here. Add an entry with `orch log append`.'
      notices.happened({ kind: 'kept_line', what: 'was changed by hand: it is as it was again', where: path, fix })
    }
    await rewrite(day)
    notices.works(path)
    return true
  }

  return {
    note(entries) {
      for (const { at } of entries) changed.add(dayOf(at))
    },
    noteAll() {
      for (const day of project.logDays()) changed.add(day)
    },
    async update() {
      const found = await look()
      if (!found) return undefined
      for (const { day, signature } of written.all()) if (found.get(day) !== signature) changed.add(day)
      for (const day of [...changed].sort()) {
        changed.delete(day)
        if (project.logCount(day) === 0) continue
        try {
          if (!(await updateDay(day, found.get(day)))) changed.add(day)
        } catch (error) {
          changed.add(day)
          log.warn('a file of the work log could not be written', { day, error })
          const fix = 'Make room, or make it writable. It is tried again by itself.'
          notices.failing({ what: `cannot be written: ${diskReason(error)}`, where: logFile(day), fix })
        }
        await nextTurn()
      }
      const waits = [...changed].map((day) => (notBefore.get(day) ?? 0) - clock.monotonic())
      return waits.length > 0 ? Math.max(1, Math.min(...waits)) : undefined
    },
  }
}
