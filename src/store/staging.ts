import { assert, must } from '../base/assert.ts'
import { OrchError } from '../base/error.ts'
import { withoutOuterNewlines } from '../base/trim.ts'
import type { DocWriter, ProjectDoc } from '../doc/project-doc.ts'
import type { RecordEdit } from '../doc/write.ts'
import { type Entry, MAX_ENTRY_LENGTH } from '../model/entry.ts'
import { canonicalSkeleton } from '../model/front-matter.ts'
import { makeId, type Random, type RecordId, randomText } from '../model/id.ts'
import type { KeyedKind, RecordKind, Value, Values } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { checkFile, newFileName } from '../model/layout.ts'
import { checkLogEntry, type LogEntry, logDocOf, logValues } from '../model/log.ts'
import type { RecordView } from '../model/record.ts'
import type { TextEdit } from '../model/text-edit.ts'
import { brokenText, checkJson, STATE_KEY } from '../model/validate.ts'
import type { LogIndex } from './log-index.ts'
import type { RecordIndex } from './record-index.ts'
import type { Vector } from './row.ts'
import type { RecordPatch, Tx } from './tx.ts'

export interface StagingParts {
  readonly doc: ProjectDoc
  readonly index: RecordIndex
  readonly logs: LogIndex
  readonly kinds: Kinds
  readonly random: Random
  readonly actor: string
  readonly at: number
  readonly replica: string
  /** What this replica has seen when the row that is being made is included. */
  readonly seen: Vector
}

/**
 * Collects what a writer asks for, checking each call first. Nothing touches the document until `apply`, because a Yjs
 * transaction cannot be taken back: a writer that throws half-way has changed nothing.
 */
export function createStaging(parts: StagingParts): {
  readonly tx: Tx
  apply(writer: DocWriter): void
  /** Entries for the work log, by the document of their month. */
  readonly entries: ReadonlyMap<string, readonly LogEntry[]>
} {
  const { doc, index, random, actor, at, replica, seen } = parts
  const { own } = parts.kinds
  const steps: ((writer: DocWriter) => void)[] = []
  const created = new Map<string, RecordView>()
  const restored = new Set<string>()
  const textsEdited = new Set<string>()
  const entries = new Map<string, LogEntry[]>()
  const logIds = new Set<string>()

  const keyedKind = (name: string): KeyedKind => must(parts.kinds.keys(name), `no keyed kind ${name}`)

  const living = (kind: RecordKind, id: RecordId): void => {
    if (created.has(id) || restored.has(id)) return
    const record = index.get(kind, id)
    if (!record) throw new OrchError('record_not_found', { kind: kind.name, id })
    if (record.deletedAt !== undefined) throw new OrchError('record_deleted', { kind: kind.name, id })
  }

  const checkEdits = (kind: RecordKind, id: RecordId, name: string, edits: readonly TextEdit[]): void => {
    assert(!textsEdited.has(`${id} ${name}`), `${name} of ${id} is edited twice in one transaction`)
    textsEdited.add(`${id} ${name}`)
    const record = index.get(kind, id)
    const text = name === 'front' ? record?.front : record?.values[name]
    checkOffsets(String(text ?? ''), name, edits)
  }

  const freshLogId = (): RecordId => {
    let id = makeId('l', random)
    while (parts.logs.get(id) || logIds.has(id)) id = makeId('l', random)
    logIds.add(id)
    return id
  }

  let entriesMade = 0
  /** Each a moment after the one before, so that they stay in their order. */
  const newEntries = (append: RecordPatch['append'] = {}): Readonly<Record<string, readonly Entry[]>> =>
    Object.fromEntries(
      Object.entries(append).map(([name, entries]) => [
        name,
        entries.map((entry) => ({
          id: randomText(random, 10),
          at: entry.at ?? at + entriesMade++,
          by: entry.by ?? actor,
          text: checkedText(name, entry.text),
        })),
      ]),
    )

  const tx: Tx = {
    kinds: parts.kinds,
    read: (kind, id) => created.get(id) ?? index.get(own(kind), id),
    readKeys(kindName) {
      const keys = [...index.keys(keyedKind(kindName)).values()]
      return new Map(keys.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value] as const])))
    },

    create(named, values, options = {}) {
      const kind = own(named)
      const id = options.id ?? freshId(doc, kind, random)
      if (doc.has(kind, id) || created.has(id)) throw new OrchError('already_exists', { what: `${kind.name} ${id}` })
      const file = options.file ?? newFileName(kind, id, String(values[kind.title] ?? ''))
      checkFileName(file)
      const extra = options.extra ?? {}
      const record = {
        values: {
          ...kind.defaults,
          ...bornOf(kind, { at, actor }),
          ...values,
          createdAt: options.createdAt ?? new Date(at).toISOString(),
          createdBy: options.createdBy === undefined ? actor : options.createdBy,
          ...stampsOf(kind, values, {}, at),
          ...newEntries(options.append),
        },
        file,
        front: options.front ?? canonicalSkeleton(kind, Object.keys(extra)),
        extra,
      }
      created.set(id, { id, kind: kind.name, ...record, issues: [] })
      steps.push((writer) => writer.create(kind, id, record))
      return id
    },

    update(named, id, patch) {
      const kind = own(named)
      living(kind, id)
      if (patch.file !== undefined) checkFileName(patch.file)
      for (const [name, edits] of Object.entries(patch.edit ?? {})) checkEdits(kind, id, name, edits)
      if (patch.front) checkEdits(kind, id, 'front', patch.front)
      // A value in the place of a shared type would take away what others write in that at the same time.
      for (const name of Object.keys(patch.set ?? {}))
        assert(kind.fields[name]?.merge === 'register', `${name} of ${kind.name} is no register`)
      const before = index.get(kind, id)?.values ?? {}
      const { set, append, ...rest } = patch
      const edit: RecordEdit = {
        ...rest,
        ...(set && { set: { ...set, ...stampsOf(kind, set, before, at) } }),
        ...(append && { append: newEntries(append) }),
      }
      steps.push((writer) => writer.edit(kind, id, edit))
    },

    delete(named, id) {
      const kind = own(named)
      living(kind, id)
      steps.push((writer) => writer.delete(kind, id, replica, { by: actor, at, seen }))
    },

    restore(named, id) {
      const kind = own(named)
      const record = index.get(kind, id)
      if (!record) throw new OrchError('record_not_found', { kind: kind.name, id })
      if (record.deletedAt === undefined) return
      restored.add(id)
      steps.push((writer) => writer.restore(kind, id, actor, at))
    },

    setKey(kindName, key, value) {
      const kind = keyedKind(kindName)
      if (!STATE_KEY.test(key)) {
        throw new OrchError('invalid_input', {
          field: key,
          reason: 'a key begins with a letter or _, then letters, digits, _ . -; at most 64 in all',
        })
      }
      const reason = value === undefined ? undefined : checkJson(value)
      if (reason) throw new OrchError('invalid_input', { field: key, reason })
      const before = index.getKey(kind, key)?.value
      if (JSON.stringify(before) === JSON.stringify(value)) return
      steps.push((writer) => writer.setKey(kind, key, value))
    },

    setArbiter(arbiter) {
      steps.push((writer) => writer.setArbiter(arbiter))
    },

    keep(record) {
      steps.push((writer) => writer.keep(record))
    },

    appendLog(values) {
      const id = values.id ?? freshLogId()
      if (values.id && parts.logs.get(id)) throw new OrchError('already_exists', { what: `the entry ${id}` })
      const entry: LogEntry = {
        id,
        at: values.at ?? new Date(at).toISOString(),
        actor: values.actor ?? actor,
        action: values.action,
        session: values.session ?? '',
        task: values.task ?? '',
        details: values.details ?? null,
      }
      const reason = checkLogEntry(id, logValues(entry))
      if (reason) throw new OrchError('invalid_input', { field: 'entry', reason })
      const doc = logDocOf(entry.at)
      const ofMonth = entries.get(doc) ?? []
      ofMonth.push(entry)
      entries.set(doc, ofMonth)
      return id
    },
  }

  return {
    tx,
    entries,
    apply(writer) {
      for (const step of steps) step(writer)
    },
  }
}

function freshId(doc: ProjectDoc, kind: RecordKind, random: Random): RecordId {
  let id = makeId(kind.letter, random)
  while (doc.has(kind, id)) id = makeId(kind.letter, random)
  return id
}

function checkedText(field: string, input: string): string {
  const text = withoutOuterNewlines(input.replace(/\r\n?/g, '\n')).trimEnd()
  const reason =
    text === ''
      ? 'must not be empty'
      : text.length > MAX_ENTRY_LENGTH
        ? `is ${text.length} characters; the limit is ${MAX_ENTRY_LENGTH}`
        : brokenText(text)
  if (reason !== undefined) throw new OrchError('invalid_input', { field, reason })
  return text
}

function checkFileName(file: string): void {
  const reason = checkFile(file)
  if (reason) throw new OrchError('invalid_input', { field: 'path', reason: `${JSON.stringify(file)}: ${reason}` })
}

/** What orch fills in when a record is made. */
function bornOf(kind: RecordKind, { at, actor }: { readonly at: number; readonly actor: string }): Values {
  return Object.fromEntries(
    Object.entries(kind.born).map(([name, what]) => [name, what === 'at' ? new Date(at).toISOString() : actor]),
  )
}

/** The times that follow from what is set: `closedAt` when the status becomes a closing one, nothing when it leaves. */
function stampsOf(kind: RecordKind, set: Values, before: Values, at: number): Readonly<Record<string, Value>> {
  const stamps: Record<string, Value> = {}
  for (const [name, { field, values }] of Object.entries(kind.stamps)) {
    if (!(field in set) || name in set) continue
    const closes = values.includes(String(set[field]))
    if (closes && !values.includes(String(before[field]))) stamps[name] = new Date(at).toISOString()
    if (!closes && before[name]) stamps[name] = null
  }
  return stamps
}

/** Offsets inside the text, in order, and never between the halves of a surrogate pair: Yjs would turn them into U+FFFD. */
function checkOffsets(text: string, field: string, edits: readonly TextEdit[]): void {
  let from = 0
  for (const edit of edits) {
    const end = edit.at + edit.delete
    const isInside = edit.at >= from && edit.delete >= 0 && end <= text.length
    if (!isInside || splitsPair(text, edit.at) || splitsPair(text, end)) {
      throw new OrchError('invalid_input', { field, reason: `an edit at ${edit.at} does not fit the text` })
    }
    from = end
  }
}

function splitsPair(text: string, at: number): boolean {
  const [before, after] = [text.charCodeAt(at - 1), text.charCodeAt(at)]
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff
}
