import { OrchError, reasonOf } from '../../base/error.ts'
import { nextTurn } from '../../base/turns.ts'
import { decodeFile } from '../../model/markdown.ts'
import type { Json } from '../../model/record.ts'
import { decodeRow, type Row } from '../../store/row.ts'
import type { Folder } from './folder.ts'
import { parseInTurns, STEP_BYTES } from './json-steps.ts'
import { joined, splitLines } from './lines.ts'

/** Longest line that is read, in bytes. */
const MAX_LINE_BYTES = 64 << 20
const KNOWN_FORMAT = 1

/** Where an export is. */
export interface ExportFile {
  readonly folder: Folder
  readonly file: string
}

/** A line of an export: a row of the journal, or what a record, key or entry is now. */
export type ExportLine =
  | { readonly type: 'row'; readonly row: Row }
  | { readonly type: 'now'; readonly value: Readonly<Record<string, Json>> }

/** Reads all lines between the first and the last, which says how many there must be. Throws `import_failed` with the line. */
export async function* linesOf({ folder, file }: ExportFile, name: string): AsyncGenerator<ExportLine> {
  let number = 0
  let ended = false
  const refuse = (reason: string, cause?: unknown): OrchError =>
    new OrchError('import_failed', { path: `${name}, line ${number}`, reason }, cause)
  const lines = splitLines(readable(folder, file, name), MAX_LINE_BYTES)
  for await (const { bytes, size } of lines) {
    number++
    if (bytes === undefined) throw refuse(`it is ${size} bytes; the limit is ${MAX_LINE_BYTES}`)
    if (ended) throw refuse('there is more behind its end')
    const long = number > 1 ? longRowIn(bytes) : undefined
    if (long !== undefined) {
      yield { type: 'row', row: await rowOf(long, refuse) }
      continue
    }
    const value = bytes.length > STEP_BYTES ? await largeObjectOf(bytes, refuse) : objectOf(bytes, refuse)
    if (number === 1) {
      if (value.orch !== 'export') throw refuse('it is no export of orch')
      if (value.format !== KNOWN_FORMAT)
        throw refuse(`it has format ${String(value.format)}; this orch knows ${KNOWN_FORMAT}`)
    } else if (typeof value.end === 'number') {
      if (value.end !== number - 1)
        throw refuse(`it says that ${value.end} lines come before it; there are ${number - 1}`)
      ended = true
    } else if (typeof value.row === 'string') {
      yield { type: 'row', row: await rowOf(Buffer.from(value.row, 'latin1'), refuse) }
    } else yield { type: 'now', value }
  }
  if (!ended) throw new OrchError('import_failed', { path: name, reason: 'it is cut off: its last line is missing' })
}

async function* readable(folder: Folder, file: string, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* folder.streamFile(file)
  } catch (error) {
    throw new OrchError('import_failed', { path: name, reason: reasonOf(error) }, error)
  }
}

function objectOf(
  bytes: Uint8Array,
  refuse: (reason: string, cause?: unknown) => OrchError,
): Readonly<Record<string, Json>> {
  const decoded = decodeFile(bytes)
  if (!decoded.ok) throw refuse(`it ${decoded.reason}`)
  let value: Json
  try {
    value = JSON.parse(decoded.text) as Json
  } catch (error) {
    throw refuse(`it is no JSON: ${reasonOf(error)}`, error)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('it is no JSON object')
  return value as Readonly<Record<string, Json>>
}

/** The same of a long line, a little at a time. */
async function largeObjectOf(
  bytes: Uint8Array,
  refuse: (reason: string, cause?: unknown) => OrchError,
): Promise<Readonly<Record<string, Json>>> {
  try {
    const value = await parseInTurns(bytes)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, Json>>
    }
  } catch (error) {
    throw refuse(`it is no JSON: ${reasonOf(error)}`, error)
  }
  throw refuse('it is no JSON object')
}

const ROW_BEGINS = '{"row":"'
const ROW_ENDS = '"}'

/** The base64 of a row that is longer than JSON is read at a time, as an export writes its line. */
function longRowIn(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length <= STEP_BYTES) return undefined
  const [begin, end] = [ROW_BEGINS.length, bytes.length - ROW_ENDS.length]
  const text = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString('latin1')
  return text(0, begin) === ROW_BEGINS && text(end, bytes.length) === ROW_ENDS ? bytes.subarray(begin, end) : undefined
}

/** A multiple of four: base64 is cut between its groups. */
const BASE64_PER_TURN = 4 << 20

async function rowOf(base64: Uint8Array, refuse: (reason: string, cause?: unknown) => OrchError): Promise<Row> {
  const parts: Uint8Array[] = []
  for (let from = 0; from < base64.length; from += BASE64_PER_TURN) {
    if (from > 0) await nextTurn()
    const part = Buffer.from(base64.buffer, base64.byteOffset + from, Math.min(BASE64_PER_TURN, base64.length - from))
    parts.push(Buffer.from(part.toString('latin1'), 'base64'))
  }
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  const bytes = await joined(parts, size)
  try {
    return decodeRow(bytes)
  } catch (error) {
    throw refuse(`it holds no row of a journal: ${reasonOf(error)}`, error)
  }
}
