import { OrchError } from '../../base/error.ts'
import { sha256 } from '../../base/hash.ts'
import { makeId, type RecordId } from '../../model/id.ts'
import type { ImportedRecord } from '../../model/import/imported.ts'
import type { RecordKind } from '../../model/kind.ts'
import { page } from '../../model/kinds/page.ts'
import { task } from '../../model/kinds/task.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { Draft } from './report.ts'

/** A record of another tool, as it was read there. */
export interface ReadRecord {
  readonly tool: 'Backlog.md' | 'beads' | 'TaskMaster' | 'GitHub' | 'JSON' | 'Markdown'
  /** What it is called there, for reports: a file's path, or an id. */
  readonly path: string
  readonly record: ImportedRecord
  /** Of all that it says there. */
  readonly hash: string
}

/** What was read, and the record here that it is or becomes. */
export interface Item extends ReadRecord {
  readonly kind: RecordKind
  /** The old id, told apart from one that another record has too. */
  readonly alias: string | undefined
  readonly existing: StoredRecord | undefined
  readonly id: RecordId
}

/** The extra key that says where a record came from, and from which text. */
export const IMPORTED = 'imported'

/** The YAML source of `imported`. JSON is YAML. */
export function importedSource({ tool, path, hash }: ReadRecord): string {
  return JSON.stringify(`${tool} ${path} ${hash}`)
}

function importedHash(record: StoredRecord): string | undefined {
  return record.extra[IMPORTED]?.match(/ ([0-9a-f]{12})["']?$/)?.[1]
}

/** Finds for a file the record that an earlier import made of it, or the id that it gets. */
export function createIdentify(project: Project, draft: Draft): (file: ReadRecord) => Item {
  const times = new Map<string, number>()
  const taken = new Set<RecordId>()
  return (file) => {
    const { record, path } = file
    const kind = record.kind === 'task' ? task : page
    const same = `${record.kind} ${record.alias?.toLowerCase()}`
    const time = (times.get(same) ?? 0) + 1
    times.set(same, time)
    const isSecond = record.alias !== undefined && time > 1
    const alias = isSecond ? `${record.alias}~${time}` : record.alias
    if (isSecond) {
      draft.notes.push({ file: path, reason: `another one has the id ${record.alias} too; this one is ${alias} here` })
    }
    const existing = findExisting(project, kind, record, alias)
    const id = existing?.id ?? freeId(project, kind, alias ?? path, taken)
    taken.add(id)
    if (existing) compare(existing, file, draft)
    return { ...file, kind, alias, existing, id }
  }
}

/** The record that has an old id as alias; where two have it, the first. */
export function byAlias(project: Project, kind: RecordKind, alias: string): StoredRecord | undefined {
  return candidates(project, kind, alias).find((record) => {
    const aliases = record.values.aliases
    return Array.isArray(aliases) && aliases.some((one) => one.toLowerCase() === alias.toLowerCase())
  })
}

/** What a name may mean; it may as well be the beginning of ids that have nothing to do with it. */
function candidates(project: Project, kind: RecordKind, name: string): readonly StoredRecord[] {
  const read = (id: string): readonly StoredRecord[] => {
    const record = project.read(kind, id as RecordId)
    return record ? [record] : []
  }
  try {
    return read(project.resolve(name, kind).id)
  } catch (error) {
    if (!(error instanceof OrchError)) throw error
    if (error.code === 'record_not_found') return []
    if (error.code === 'ambiguous_id') return String(error.data.matches).split(', ').flatMap(read)
    throw error
  }
}

function findExisting(
  project: Project,
  kind: RecordKind,
  { file }: ImportedRecord,
  alias: string | undefined,
): StoredRecord | undefined {
  if (alias !== undefined) return byAlias(project, kind, alias)
  const found = file === undefined ? undefined : project.recordAt(`${kind.plural}/${file}`)
  return found && project.read(kind, found.id)
}

function compare(existing: StoredRecord, { hash, path }: ReadRecord, draft: Draft): void {
  const known = importedHash(existing)
  if (known === hash) draft.unchanged++
  else draft.differs.push({ file: path, reason: `it is ${existing.id} here` })
}

/**
 * An id that only this replica makes, and makes again in a second run: what an interrupted import has linked to a record
 * that it did not reach is right when the next one does.
 */
function freeId(project: Project, kind: RecordKind, name: string, taken: ReadonlySet<RecordId>): RecordId {
  for (let attempt = 0; ; attempt++) {
    const bytes = Buffer.from(sha256(`${project.replica}\n${name.toLowerCase()}\n${attempt}`), 'hex')
    const id = makeId(kind.letter, (length) => bytes.subarray(0, length))
    if (!taken.has(id) && project.read(kind, id) === undefined) return id
  }
}
