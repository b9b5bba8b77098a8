import { isDeepStrictEqual } from 'node:util'
import { OrchError } from '../../base/error.ts'
import type { Kept, KeptMembers, KeptRecord } from '../../doc/kept.ts'
import type { WriteOrigin } from '../../doc/origin.ts'
import { makeId, type Random, type RecordId } from '../../model/id.ts'
import { emptyValue, type RecordKind, textsOf, type Value, type Values } from '../../model/kind.ts'
import { recordHash } from '../../model/record.ts'
import { STATE_KEY } from '../../model/validate.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { ProjectReader } from '../../store/reader.ts'
import type { CreateOptions } from '../../store/tx.ts'

/** What an import of one project into another makes. */
export interface ProjectPlan {
  /** Ids that the other project has already -> the ids their records get. */
  readonly renamed: ReadonlyMap<RecordId, RecordId>
  /** Living records and entries of the work log, by the plural of their kind. */
  readonly counts: Readonly<Record<string, number>>
  /** Deleted records, which are not imported. */
  readonly deleted: number
  readonly keys: readonly PlannedKey[]
}

/** A key of keyed values that is not there yet, or says something else there. */
export interface PlannedKey {
  readonly kind: string
  readonly key: string
  /** The key it gets; undefined when there is no name for it. */
  readonly as: string | undefined
}

type Target = Pick<Project, 'read' | 'readKeys' | 'kinds'> & Pick<ProjectReader, 'kept'>

/** Says what importing `from` into `into` makes; writes nothing. */
export function planProject(from: ProjectReader, into: Target, random: Random): ProjectPlan {
  const renamed = new Map<RecordId, RecordId>()
  const counts: Record<string, number> = {}
  let deleted = 0
  for (const kind of from.kinds.records) {
    const living = from.ids(kind)
    counts[kind.plural] = living.length
    deleted += from.ids(kind, { deleted: true }).length - living.length
    for (const id of living) {
      if (into.read(kind, id)) renamed.set(id, freeId(kind, [from, into], random))
    }
  }
  const theirs = new Set([...into.kept()].map(({ id }) => id))
  const ours = new Set<RecordId>()
  for (const record of from.kept()) {
    if (isOfKind(from, record)) continue
    ours.add(record.id)
    counts[record.root] = (counts[record.root] ?? 0) + 1
  }
  const isFree = (id: RecordId): boolean => !theirs.has(id) && !ours.has(id)
  for (const id of ours) if (theirs.has(id)) renamed.set(id, freeIdLike(id, isFree, random))
  counts[from.kinds.log.plural] = from.logCount('')
  const keys = from.kinds.keyed.flatMap(({ name }) => planKeys(name, from, into))
  return { renamed, counts, deleted, keys }
}

/** Long names of projects and keys do not fit into one key; then the project's id is tried. */
function planKeys(kind: string, from: ProjectReader, into: Target): readonly PlannedKey[] {
  const theirs = into.readKeys(kind)
  const isFree = (key: string): boolean => STATE_KEY.test(key) && !theirs.has(key) && !from.readKeys(kind).has(key)
  return [...from.readKeys(kind).values()].flatMap(({ key, value }) => {
    const there = theirs.get(key)
    if (value === undefined || (there && JSON.stringify(there.value) === JSON.stringify(value))) return []
    const names = [from.name.replace(/[^\w.-]+/g, '-'), from.id].map((name) => `${key}.${name}`)
    return [{ kind, key, as: there ? names.find(isFree) : key }]
  })
}

function freeId(kind: RecordKind, projects: readonly Target[], random: Random): RecordId {
  for (;;) {
    const id = makeId(kind.letter, random)
    if (projects.every((project) => project.read(kind, id) === undefined)) return id
  }
}

/** A record of a kind that nobody declares here has no read and no rules: only its letter is known. */
function freeIdLike(id: RecordId, isFree: (id: RecordId) => boolean, random: Random): RecordId {
  for (;;) {
    const made = makeId(id.slice(0, 1), random)
    if (isFree(made)) return made
  }
}

/** Whether only fields of a record are undeclared. */
function isOfKind({ kinds }: Pick<ProjectReader, 'kinds'>, { root, id }: Pick<KeptRecord, 'root' | 'id'>): boolean {
  return kinds.lettered(id[0])?.plural === root
}

export interface ProjectImport {
  readonly from: ProjectReader
  readonly into: Project & Pick<ProjectReader, 'kept'>
  readonly plan: ProjectPlan
  readonly origin: WriteOrigin
}

/** Small enough that nobody waits for a slice. */
const RECORDS_PER_SLICE = 20
const ENTRIES_PER_SLICE = 200

/**
 * Makes every planned record and key, then compares each record with the one it was made of. Resolves with how many
 * records it made. Throws `join_failed` when one is not what it was.
 */
export async function importProject(parts: ProjectImport): Promise<number> {
  const { from, into, plan, origin } = parts
  const kept = new Map([...from.kept()].map((record) => [record.id, movedKept(record, plan.renamed)]))
  let made = 0
  for (const kind of from.kinds.records) {
    const ids = from.ids(kind)
    for (let at = 0; at < ids.length; at += RECORDS_PER_SLICE) {
      const slice = ids
        .slice(at, at + RECORDS_PER_SLICE)
        .map((id) => carriedOver(kind, from.read(kind, id), plan.renamed))
      await into.transact(origin, (tx) => {
        for (const { from: id, values, options } of slice) {
          tx.create(kind, values, options)
          const fields = kept.get(id)
          if (fields?.root === kind.plural) tx.keep(fields)
        }
      })
      for (const one of slice) compare(into.read(kind, one.options.id), one)
      made += slice.length
    }
  }
  const whole = [...kept.values()].filter((record) => !isOfKind(from, record))
  for (let at = 0; at < whole.length; at += RECORDS_PER_SLICE) {
    const slice = whole.slice(at, at + RECORDS_PER_SLICE)
    await into.transact(origin, (tx) => {
      for (const record of slice) tx.keep(record)
    })
    made += slice.length
  }
  compareKept(into, [...kept.values()])
  await importLog(parts)
  await into.transact(origin, (tx) => {
    for (const { kind, key, as } of plan.keys) {
      if (as !== undefined) tx.setKey(kind, as, from.readKeys(kind).get(key)?.value)
    }
  })
  return made
}

/** Entries keep their ids but where the other project has one, which nothing refers to. */
async function importLog({ from, into, plan, origin }: ProjectImport): Promise<void> {
  for (const day of from.logDays()) {
    let entries = from.logOfDay(day, ENTRIES_PER_SLICE)
    while (entries.length > 0) {
      const slice = entries
      await into.transact(origin, (tx) => {
        for (const { id, task, session, ...entry } of slice) {
          const [about, during] = [task, session].map((one) => plan.renamed.get(one as RecordId) ?? one)
          const links = { ...(about && { task: about }), ...(during && { session: during }) }
          tx.appendLog({ ...entry, ...links, ...(into.readLog(id) === undefined && { id }) })
        }
      })
      entries = from.logOfDay(day, ENTRIES_PER_SLICE, slice.at(-1))
    }
  }
}

/**
 * What is undeclared, as it is made anew. What refers to what is not known: every value that is an id which changes, and
 * every member of a set that is one, is that.
 */
function movedKept({ root, id, members }: KeptRecord, renamed: ReadonlyMap<RecordId, RecordId>): KeptRecord {
  const to = renamed.get(id)
  const redirect = (text: string): string => renamed.get(text as RecordId) ?? text
  const moved = (all: KeptMembers): KeptMembers =>
    Object.fromEntries(Object.entries(all).map(([name, kept]) => [redirect(name), one(kept)]))
  const one = (kept: Kept): Kept => {
    if (kept.type === 'map') return { ...kept, members: moved(kept.members) }
    return kept.type === 'value' && typeof kept.value === 'string' ? { ...kept, value: redirect(kept.value) } : kept
  }
  const { file, aliases } = members
  const named = file?.type === 'value' ? String(file.value) : ''
  return {
    root,
    id: to ?? id,
    members: {
      ...moved(members),
      ...(to !== undefined && named.startsWith(id) && { file: { type: 'value', value: to + named.slice(id.length) } }),
      ...(to !== undefined &&
        aliases?.type === 'map' && {
          aliases: { type: 'map', members: { ...moved(aliases.members), [id]: { type: 'value', value: true } } },
        }),
    },
  }
}

function compareKept(into: Pick<ProjectReader, 'kept'>, kept: readonly KeptRecord[]): void {
  const there = new Map([...into.kept()].map((record) => [record.id, record]))
  for (const record of kept) {
    if (!isDeepStrictEqual(there.get(record.id), record)) {
      throw new OrchError('join_failed', { reason: `what ${record.id} keeps undeclared did not come over as it was` })
    }
  }
}

interface CarriedOver {
  /** The id that it had. */
  readonly from: RecordId
  readonly values: Values
  readonly options: CreateOptions & { readonly id: RecordId; readonly extra: Readonly<Record<string, string>> }
}

/** A record as it is made anew: the same but for its id, where that is taken, and its references to such ids. */
function carriedOver(
  kind: RecordKind,
  record: StoredRecord | undefined,
  renamed: ReadonlyMap<RecordId, RecordId>,
): CarriedOver {
  if (!record) throw new OrchError('join_failed', { reason: `a ${kind.name} is gone that was there before` })
  const { extra, front, file } = record
  const id = renamed.get(record.id) ?? record.id
  const values: Record<string, Value> = {}
  for (const [name, field] of Object.entries(kind.fields)) {
    const value = record.values[name] ?? emptyValue(field)
    values[name] = field.value.type === 'ref' ? redirected(value, renamed) : value
  }
  if (id !== record.id) values.aliases = [...textsOf(values.aliases), record.id].sort()
  return {
    from: record.id,
    values,
    options: {
      id,
      front,
      extra,
      file: id !== record.id && file.startsWith(record.id) ? id + file.slice(record.id.length) : file,
      ...(typeof values.createdAt === 'string' && { createdAt: values.createdAt }),
      createdBy: typeof values.createdBy === 'string' ? values.createdBy : null,
    },
  }
}

function redirected(value: Value, renamed: ReadonlyMap<RecordId, RecordId>): Value {
  const redirect = (id: string): string => renamed.get(id as RecordId) ?? id
  if (typeof value === 'string') return redirect(value)
  return typeof value === 'object' && value !== null ? textsOf(value).map(redirect).sort() : value
}

function compare(made: StoredRecord | undefined, { values, options }: CarriedOver): void {
  const isSame = made && recordHash(made) === recordHash({ values, extra: options.extra })
  if (!isSame || made.file !== options.file || made.front !== options.front) {
    throw new OrchError('join_failed', { reason: `${options.id} did not come over as it was` })
  }
}
