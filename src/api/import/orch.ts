import { nextTurn } from '../../base/turns.ts'
import { entriesOf } from '../../model/comments.ts'
import { isEntry } from '../../model/entry.ts'
import type { RecordId } from '../../model/id.ts'
import { isRecordId } from '../../model/id.ts'
import { emptyValue, type RecordKind, type Values } from '../../model/kind.ts'
import { checkLogEntry, type LogEntry } from '../../model/log.ts'
import { type Json, recordHash } from '../../model/record.ts'
import { checkJson, parseValue, STATE_KEY } from '../../model/validate.ts'
import type { Project } from '../../store/project.ts'
import { encodeRow, type Row } from '../../store/row.ts'
import type { Tx } from '../../store/tx.ts'
import { count, type ImportParts } from './items.ts'
import { type ExportFile, linesOf } from './orch-lines.ts'
import { type Draft, emptyDraft, finish, type Report } from './report.ts'

const ROWS_PER_COMMIT = 50
const RECORDS_PER_COMMIT = 20

export interface OrchImport extends ImportParts, ExportFile {}

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
  return finish(draft, parts.project.kinds)
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
  for await (const line of linesOf(file, options.name)) {
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
