import type { Turns } from '../base/turns.ts'
import { dayOf, dayOfFile, type LogEntry, logFile, renderLogLine } from '../model/log.ts'
import type { Project } from '../store/project.ts'
import { blobOid, type FileChange, type Oid } from './git-repo.ts'
import type { NotedDay, SnapshotLedger } from './snapshot-ledger.ts'

export interface LogDaysParts {
  readonly project: Pick<Project, 'logDays' | 'logCount' | 'logOfDay'>
  readonly ledger: Pick<SnapshotLedger, 'days'>
  readonly turns: Turns
}

/** The files of days of the work log that a snapshot writes, and the notes that are settled by it. */
export interface LogDays {
  readonly files: readonly FileChange[]
  readonly noted: readonly NotedDay[]
}

const PAGE = 200

/**
 * Renders the days that are over and have entries since the last snapshot; with a tree, those that it shows otherwise or
 * not at all. A day that is not over is left out: its file would be committed whole again with every entry.
 */
export async function closedDays(
  { project, ledger, turns }: LogDaysParts,
  now: number,
  tree: ReadonlyMap<string, Oid> | undefined,
): Promise<LogDays> {
  const today = dayOf(new Date(now).toISOString())
  const noted = ledger.days(today)
  const days = tree ? project.logDays().filter((day) => day < today) : noted.map(({ day }) => day)
  const [like] = tree?.values() ?? []
  const files: FileChange[] = []
  for (const day of days) {
    const bytes = await renderDay(project, day, turns)
    if (bytes.length > 0 && tree?.get(logFile(day)) !== blobOid(bytes, like)) files.push({ path: logFile(day), bytes })
  }
  for (const path of tree?.keys() ?? []) {
    const day = dayOfFile(path)
    if (day !== undefined && project.logCount(day) === 0) files.push({ path, delete: true })
  }
  return { files, noted }
}

async function renderDay(project: LogDaysParts['project'], day: string, turns: Turns): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let last: LogEntry | undefined; ; ) {
    const page = project.logOfDay(day, PAGE, last)
    parts.push(Buffer.from(page.map(renderLogLine).join('')))
    last = page.at(-1)
    if (turns.isOver()) await turns.next()
    if (page.length < PAGE) return Buffer.concat(parts)
  }
}
