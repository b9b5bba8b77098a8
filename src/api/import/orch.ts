import { OrchError, reasonOf } from '../../base/error.ts'
import { nextTurn } from '../../base/turns.ts'
import { entriesOf } from '../../model/comments.ts'
import { isEntry } from '../../model/entry.ts'
import type { RecordId } from '../../model/id.ts'
import { isRecordId } from '../../model/id.ts'
import { emptyValue, type RecordKind, type Values } from '../../model/kind.ts'
import { checkLogEntry, type LogEntry } from '../../model/log.ts'
import { decodeFile } from '../../model/markdown.ts'
import { type Json, recordHash } from '../../model/record.ts'
import { checkJson, parseValue, STATE_KEY } from '../../model/validate.ts'
import type { Project, Tx } from '../../store/project.ts'
import { decodeRow, encodeRow, type Row } from '../../store/row.ts'
import type { Folder } from './folder.ts'
import { count, type ImportParts } from './items.ts'
import { parseInTurns, STEP_BYTES } from './json-steps.ts'
import { joined, splitLines } from './lines.ts'
import { type Draft, emptyDraft, finish, type Report } from './report.ts'

/** Longest line that is read, in bytes. */
const MAX_LINE_BYTES = 64 << 20
const KNOWN_FORMAT = 1
const ROWS_PER_COMMIT = 50
const RECORDS_PER_COMMIT = 20

export interface OrchImport extends ImportParts {
  readonly folder: Folder
  readonly file: string
}

export interface OrchImportOptions {
  readonly dryRun: boolean
  readonly withDeleted: boolean
  /** What the caller named, for errors. */
  readonly name: string
}

/**
 * Imports an export of orch. Into a project that is empty, or that holds a part of the same history, come the rows of
 * the journal themselves: everything as it was there, with who and when. Into any other come the records, keys and
 * entries that are not there yet. The file is read twice: nothing is written before all of it was checked.
 */
export async function importOrch(parts: OrchImport, options: OrchImportOptions): Promise<Report> {
  const draft = emptyDraft(options.dryRun)
  const first = await check(parts, options.name)
  if (first !== undefined && isSameHistory(parts.project, first)) await importRows(parts, options, draft)
  else await importRecords(parts, options, draft)
  return finish(draft)
}

type ExportLine =
  | { readonly type: 'row'; readonly row: Row }
  | { readonly type: 'now'; readonly value: Readonly<Record<string, Json>> }

/** Reads all lines between the first and the last, which says how many there must be. Throws `import_failed` with the line. */
async function* linesOf({ folder, file }: OrchImport, name: string): AsyncGenerator<ExportLine> {
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

/** Reads all of it; the first row, if it has any. */
async function check(parts: OrchImport, name: string): Promise<Row | undefined> {
  let first: Row | undefined
  let done = 0
  for await (const line of linesOf(parts, name)) {
    if (line.type === 'row') first ??= line.row
    if (++done % RECORDS_PER_COMMIT !== 0) continue
    parts.progress(done, 0, `checking ${done} lines`)
    await nextTurn()
  }
  return first
}

/** Whether rows that begin with this one belong to what is here: nothing is, or this very row. */
function isSameHistory(project: Project, first: Row): boolean {
  const have = project.have()
  if (Object.keys(have).length === 0) return true
  const [known] = project.rowsSince({ ...have, [first.replica]: first.seq - 1 }, 1)
  return known !== undefined && Buffer.from(encodeRow(known)).equals(encodeRow(first))
}

async function importRows(parts: OrchImport, { dryRun, name }: OrchImportOptions, draft: Draft): Promise<void> {
  const { project, progress } = parts
  let waiting: Row[] = []
  let done = 0
  const flush = async (): Promise<void> => {
    const rows = waiting
    waiting = []
    const have = project.have()
    done += rows.length
    const fresh = rows.filter(({ replica, seq }) => seq > (have[replica] ?? 0)).length
    if (!dryRun && fresh > 0) {
      // It travels like the rows of a peer, which it was.
      await project.applyRows(rows, { source: 'peer', peer: 'import' })
    }
    count(draft, 'changes', fresh)
    draft.unchanged += rows.length - fresh
    progress(done, 0, `importing ${done} changes`)
    await nextTurn()
  }
  for await (const line of linesOf(parts, name)) {
    if (line.type !== 'row') continue
    waiting.push(line.row)
    if (waiting.length >= ROWS_PER_COMMIT) await flush()
  }
  if (waiting.length > 0) await flush()
}

/** What one line would write, and what it is counted as. */
interface Write {
  readonly plural: string
  run(tx: Tx): void
}

async function importRecords(
  { project, origin, progress, ...file }: OrchImport,
  options: OrchImportOptions,
  draft: Draft,
): Promise<void> {
  let waiting: Write[] = []
  let done = 0
  const flush = async (): Promise<void> => {
    const writes = waiting
    waiting = []
    if (!options.dryRun && writes.length > 0) {
      await project.transact(origin, (tx) => {
        for (const { run } of writes) run(tx)
      })
    }
    for (const { plural } of writes) count(draft, plural)
    progress(done, 0, `importing ${done} records`)
    await nextTurn()
  }
  for await (const line of linesOf({ project, origin, progress, ...file }, options.name)) {
    if (line.type === 'row') continue
    done++
    const planned = plan(project, line.value, options, draft)
    if (planned) waiting.push(planned)
    if (done % RECORDS_PER_COMMIT === 0) await flush()
  }
  await flush()
  // Whose change it was is in the journal only, which stays out.
  draft.notKept.updatedBy = draft.created
  if (draft.created === 0) delete draft.notKept.updatedBy
}

function plan(
  project: Project,
  value: Readonly<Record<string, Json>>,
  { withDeleted }: OrchImportOptions,
  draft: Draft,
): Write | undefined {
  const { kinds } = project
  const name = String(value.kind)
  const kind = kinds.record(name)
  if (kind) return planRecord(project, kind, value, withDeleted, draft)
  if (name === kinds.log.name) return planEntry(project, value, draft)
  if (kinds.keys(name)) return planKey(project, name, value, draft)
  draft.skipped.push({ file: String(value.id ?? value.key ?? name), reason: `there is no kind ${name} here` })
  return undefined
}

function planRecord(
  project: Project,
  kind: RecordKind,
  line: Readonly<Record<string, Json>>,
  withDeleted: boolean,
  draft: Draft,
): Write | undefined {
  const id = String(line.id)
  const skip = (reason: string): undefined => void draft.skipped.push({ file: id, reason })
  if (!isRecordId(id) || !id.startsWith(`${kind.letter}-`)) return skip(`that is no id of a ${kind.name}`)
  const isDeleted = line.deletedAt !== undefined
  if (isDeleted && !withDeleted) return void draft.deleted.push(id)
  const given = membersOf(line.values)
  const values: Record<string, Values[string]> = {}
  for (const [field, declared] of Object.entries(kind.fields)) {
    const parsed = parseValue(declared, given[field] ?? emptyValue(declared))
    if (!parsed.ok) return skip(`${field} ${parsed.reason}`)
    values[field] = declared.merge === 'entries' ? entriesOf(parsed.value).filter(isEntry) : parsed.value
  }
  const extra = Object.fromEntries(Object.entries(membersOf(line.extra)).map(([key, source]) => [key, String(source)]))
  const existing = project.read(kind, id)
  if (existing) {
    if (recordHash(existing) === recordHash({ values, extra })) draft.unchanged++
    else draft.differs.push({ file: id, reason: 'it says something else here' })
    return undefined
  }
  for (const field of Object.keys(given)) {
    if (!(field in kind.fields)) draft.notKept[field] = (draft.notKept[field] ?? 0) + 1
  }
  draft.created++
  if (isDeleted) draft.createdDeleted++
  const options = {
    id: id as RecordId,
    extra,
    ...(typeof line.front === 'string' && { front: line.front }),
    ...(typeof line.file === 'string' && { file: line.file }),
    ...(typeof values.createdAt === 'string' && { createdAt: values.createdAt }),
    createdBy: typeof values.createdBy === 'string' ? values.createdBy : null,
  }
  return {
    plural: kind.plural,
    run(tx) {
      tx.create(kind, values, options)
      if (isDeleted) tx.delete(kind, id)
    },
  }
}

function planEntry(
  project: Project,
  { kind: _, ...line }: Readonly<Record<string, Json>>,
  draft: Draft,
): Write | undefined {
  const { id, ...values } = line as unknown as LogEntry
  const fault = checkLogEntry(String(id), values)
  if (fault !== undefined) return void draft.skipped.push({ file: String(id), reason: fault })
  if (project.readLog(id)) return void draft.unchanged++
  const { task, session, details, ...rest } = values
  return {
    plural: 'entries of the log',
    run: (tx) =>
      void tx.appendLog({
        ...rest,
        id,
        ...(task !== '' && { task }),
        ...(session !== '' && { session }),
        ...(details !== null && { details }),
      }),
  }
}

function planKey(
  project: Project,
  kind: string,
  line: Readonly<Record<string, Json>>,
  draft: Draft,
): Write | undefined {
  const key = String(line.key)
  const name = `${kind}/${key}`
  const fault = STATE_KEY.test(key) ? checkJson(line.value) : 'is no key'
  if (fault !== undefined) return void draft.skipped.push({ file: name, reason: `it ${fault}` })
  const there = project.readKeys(kind).get(key)?.value
  if (there !== undefined) {
    if (JSON.stringify(there) === JSON.stringify(line.value)) draft.unchanged++
    else draft.differs.push({ file: name, reason: 'it has another value here' })
    return undefined
  }
  return { plural: `keys of the ${kind}`, run: (tx) => tx.setKey(kind, key, line.value) }
}

function membersOf(value: Json | undefined): Readonly<Record<string, Values[string]>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as unknown as Readonly<Record<string, Values[string]>>)
    : {}
}
