import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from '../api/operation.ts'
import { systemClock } from '../base/clock.ts'
import { reasonOf } from '../base/error.ts'
import { placeText } from '../base/place-text.ts'
import { createTurns, type Turns } from '../base/turns.ts'
import { boardText } from '../mirror/board.ts'
import { BOARD } from '../mirror/places.ts'
import type { Problem } from '../model/attention.ts'
import { logFile, renderLogLine } from '../model/log.ts'
import { decodeFile, sameText } from '../model/markdown.ts'
import type { StoreFindings } from '../store/check.ts'
import type { LogPlace } from '../store/log-index.ts'
import type { OpenProject } from '../store/open-project.ts'
import type { Renderer } from './render.ts'

/** A page of the work log. */
const ENTRIES_PER_PAGE = 200

export interface DoctorParts {
  /** Checks the database and what is made of it, off the event loop. */
  readonly checkStore: () => Promise<StoreFindings>
  /** Private files that nobody else may read. */
  readonly privateFiles: readonly string[]
  /** Brings the files up to the document first; then paths whose text is not the document's rendering. */
  readonly checkFiles: () => Promise<readonly string[]>
  /** What differs between the history branch and the document, after a snapshot. */
  readonly checkHistory: () => Promise<readonly string[]>
  /** What is not encrypted and is to be; missing where nothing is to be. */
  readonly checkEncryption?: () => readonly string[]
  readonly problems: () => readonly Problem[]
}

/** Checks on the live project what must always be true. Every check says what it looked at. */
export function createDoctor(parts: DoctorParts): () => Promise<readonly Finding[]> {
  const checksOf = (store: Promise<StoreFindings>): readonly Check[] => [
    ['the database is whole', async () => (await store).damage],
    ['document and index equal what all rows give', async () => (await store).differences],
    ['every file shows the document', parts.checkFiles],
    ['the history branch holds the document', parts.checkHistory],
    ['private files are private', () => parts.privateFiles.flatMap(openToOthers)],
    ...(parts.checkEncryption ? [['what is to be encrypted is', parts.checkEncryption] as const] : []),
    ['nothing stands still', () => parts.problems().map((one) => `${placeText(one)}: ${one.what}`)],
  ]
  return async () => {
    const findings: Finding[] = []
    const store = parts.checkStore()
    // Each check that asks for it tells of its failure.
    store.catch(() => undefined)
    for (const [check, look] of checksOf(store)) {
      const found = await attempt(look)
      const more = found.length > 1 ? ` (and ${found.length - 1} more)` : ''
      findings.push({ check, ok: found.length === 0, detail: found.length === 0 ? 'yes' : `${found[0]}${more}` })
    }
    return findings
  }
}

type Check = readonly [what: string, look: () => Promise<readonly string[]> | readonly string[]]

async function attempt(look: () => Promise<readonly string[]> | readonly string[]): Promise<readonly string[]> {
  try {
    return await look()
  } catch (error) {
    return [`could not be checked: ${reasonOf(error)}`]
  }
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
    const text = await dayText(project, day, turns)
    await check(logFile(day), () => text)
  }
  return wrong
}

/** A day may have ten thousands of entries. */
async function dayText(project: OpenProject, day: string, turns: Turns): Promise<string> {
  let text = ''
  for (let after: LogPlace | undefined; ; ) {
    const page = project.logOfDay(day, ENTRIES_PER_PAGE, after)
    text += page.map(renderLogLine).join('')
    after = page.at(-1)
    if (page.length < ENTRIES_PER_PAGE) return text
    if (turns.isOver()) await turns.next()
  }
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
