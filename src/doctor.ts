import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from './api/operation.ts'
import { systemClock } from './base/clock.ts'
import { reasonOf } from './base/error.ts'
import { createTurns } from './base/turns.ts'
import { boardText } from './mirror/board.ts'
import { BOARD } from './mirror/places.ts'
import type { Problem } from './model/attention.ts'
import { logFile, renderLogLine } from './model/log.ts'
import { decodeFile, sameText } from './model/markdown.ts'
import type { Renderer } from './render.ts'
import { type Database, openDatabase } from './store/database.ts'
import type { OpenProject } from './store/open-project.ts'

export interface DoctorParts {
  readonly db: Database
  readonly project: OpenProject
  /** Private files that nobody else may read. */
  readonly privateFiles: readonly string[]
  /** Brings the files up to the document first; then paths whose text is not the document's rendering. */
  readonly checkFiles: () => Promise<readonly string[]>
  /** What differs between the history branch and the document, after a snapshot. */
  readonly checkHistory: () => Promise<readonly string[]>
  readonly problems: () => readonly Problem[]
}

/** Checks on the live project what must always be true. Every check says what it looked at. */
export function createDoctor(parts: DoctorParts): () => Promise<readonly Finding[]> {
  const { db, project } = parts
  const checks: readonly (readonly [string, () => Promise<readonly string[]> | readonly string[]])[] = [
    ['the database is whole', () => quickCheck(db)],
    ['document and index equal what all rows give', () => project.checkIndex(openDatabase(':memory:'))],
    ['every file shows the document', parts.checkFiles],
    ['the history branch holds the document', parts.checkHistory],
    ['private files are private', () => parts.privateFiles.flatMap(openToOthers)],
    ['nothing stands still', () => parts.problems().map(({ where, what }) => `${where}: ${what}`)],
  ]
  return async () => {
    const findings: Finding[] = []
    for (const [check, look] of checks) {
      const found = await attempt(look)
      const more = found.length > 1 ? ` (and ${found.length - 1} more)` : ''
      findings.push({ check, ok: found.length === 0, detail: found.length === 0 ? 'yes' : `${found[0]}${more}` })
    }
    return findings
  }
}

async function attempt(look: () => Promise<readonly string[]> | readonly string[]): Promise<readonly string[]> {
  try {
    return await look()
  } catch (error) {
    return [`could not be checked: ${reasonOf(error)}`]
  }
}

function quickCheck(db: Database): readonly string[] {
  const found = db.all<{ quick_check: string }>('PRAGMA quick_check').map((row) => row.quick_check)
  return found.filter((line) => line !== 'ok')
}

function openToOthers(file: string): readonly string[] {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
  return process.platform !== 'win32' && (mode & 0o077) !== 0 ? [`${file} can be read by others`] : []
}

/** Records and keys whose file on disk is not what they render to, those aside that a person has been told about. */
export async function filesThatDiffer(
  project: OpenProject,
  render: Renderer,
  mirrorDir: string,
  isKnown: (path: string) => boolean,
): Promise<readonly string[]> {
  const turns = createTurns(systemClock)
  const wrong: string[] = []
  const check = async (path: string, text: () => string): Promise<void> => {
    if (turns.isOver()) await turns.next()
    if (isKnown(path)) return
    const onDisk = readIfThere(join(mirrorDir, path))
    const decoded = onDisk && decodeFile(onDisk)
    if (!decoded) wrong.push(`${path} is missing`)
    else if (!decoded.ok || !sameText(decoded.text, text())) wrong.push(`${path} does not show the document`)
  }
  for (const key of keysOf(project)) {
    const file = render(key)
    if (file) await check(file.path, () => file.text)
  }
  await check(BOARD, () => boardText(project))
  for (const day of project.logDays()) {
    await check(logFile(day), () => project.logOfDay(day, project.logCount(day)).map(renderLogLine).join(''))
  }
  return wrong
}

function keysOf(project: OpenProject): readonly string[] {
  const records = project.kinds.records.flatMap((kind) => project.ids(kind))
  const keyed = project.kinds.keyed.flatMap((kind) =>
    [...project.readKeys(kind.name).keys()].slice(0, 1).map((key) => `${kind.name}/${key}`),
  )
  return [...records, ...keyed]
}

function readIfThere(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
