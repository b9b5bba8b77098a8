import { OrchError } from '../base/error.ts'
import { addedComments, entriesField } from '../model/comments.ts'
import { MAX_TITLE_LENGTH } from '../model/field.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { checkFile, isIgnoredName } from '../model/layout.ts'
import { decodeFile, parseRecord, renderRecord, sameText, titleOf } from '../model/markdown.ts'
import type { RecordView } from '../model/record.ts'
import { parseState, renderState } from '../model/state-file.ts'
import { changedState, type FileContent, isEmptyPatch, patchOf, valuesOf } from '../store/file-patch.ts'
import type { Project } from '../store/project.ts'
import type { Tx } from '../store/tx.ts'

/** A file that a commit changed. */
export interface EditedFile {
  readonly path: string
  /** Undefined where it was made; 'state': what the records show is what was edited. */
  readonly before: Uint8Array | 'state' | undefined
  /** Undefined where it was removed. */
  readonly after: Uint8Array | undefined
}

/** Why an edit of a file did not become one of its record. */
export interface EditProblem {
  readonly path: string
  readonly reason: string
  readonly record?: string
}

/** More files than this removed by one commit is taken for an accident: a soft deletion of each is a person's to make. */
export const MANY_REMOVED = 10

/** The records before the commit. */
export type Before = Pick<Project, 'recordAt' | 'read'>

/** Writes what a commit changed in files into the records. What cannot be read as a file of its kind is told, and left out. */
export function takeEdits(tx: Tx, files: readonly EditedFile[], now: Before): readonly EditProblem[] {
  const problems: EditProblem[] = []
  const records = files.flatMap((file) => {
    const place = recordPlace(tx.kinds, file.path)
    return place ? [{ ...file, ...place }] : []
  })
  const removed = new Map<RecordId, (typeof records)[number]>()
  for (const file of records) {
    const id =
      file.after === undefined ? (idOf(file.kind, textOf(file.before)) ?? now.recordAt(file.path)?.id) : undefined
    if (id !== undefined && file.before !== undefined) removed.set(id, file)
  }
  const moved = new Set<RecordId>()
  const attempt = (path: string, record: string | undefined, work: () => string | undefined): void => {
    let reason: string | undefined
    try {
      reason = work()
    } catch (error) {
      if (!(error instanceof OrchError)) throw error
      reason = error.message
    }
    if (reason !== undefined) problems.push({ path, reason, ...(record !== undefined && { record }) })
  }

  for (const { path, before, after, kind, file } of records) {
    if (after === undefined) continue
    const id = (before === undefined ? undefined : idOf(kind, textOf(before))) ?? now.recordAt(path)?.id
    attempt(path, id, () => {
      const decoded = decodeFile(after)
      if (!decoded.ok) return decoded.reason
      const { text } = decoded
      const current = id === undefined ? undefined : tx.read(kind, id)
      const isGone = (record: RecordView): boolean => now.read(kind, record.id)?.deletedAt !== undefined
      const edit = (record: RecordView, base: string | undefined, name?: string): string | undefined => {
        if (isGone(record)) tx.restore(kind, record.id)
        return editRecord(tx, kind, record, base, text, name)
      }
      if (before !== undefined && current) return edit(current, textOf(before))
      const named = idOf(kind, text)
      const source = named === undefined ? undefined : removed.get(named)
      const known = named === undefined ? undefined : tx.read(kind, named)
      const isMoved = known !== undefined && (source !== undefined || isGone(known))
      if (!isMoved) return createRecord(tx, kind, file, text)
      moved.add(known.id)
      return edit(known, textOf(source?.before), file)
    })
  }

  const gone = [...removed].filter(([id]) => !moved.has(id))
  for (const [id, { path, kind }] of gone) {
    if (gone.length > MANY_REMOVED) {
      problems.push({
        path,
        record: id,
        reason: `is one of ${gone.length} files that the commit removes: its record is kept`,
      })
    } else attempt(path, id, () => (now.read(kind, id)?.deletedAt === undefined ? void tx.delete(kind, id) : undefined))
  }
  for (const { path, before, after } of files) {
    const kind = tx.kinds.keyed.find((one) => one.file === path)
    if (kind) attempt(path, undefined, () => editKeys(tx, kind, before, after))
  }
  return problems
}

function editRecord(
  tx: Tx,
  kind: RecordKind,
  current: RecordView,
  before: string | undefined,
  text: string,
  file?: string,
): string | undefined {
  const shown = renderRecord(kind, current)
  const baseText = before ?? shown
  if (before !== undefined && sameText(before, text) && file === undefined) return undefined
  const parsed = parseRecord(kind, text, baseText)
  if (!parsed.ok) return `line ${parsed.line}: ${parsed.reason}`
  const own = parseRecord(kind, baseText, baseText)
  const base = own.ok ? own : parseRecord(kind, shown, shown)
  if (!base.ok) return `what was edited cannot be read: ${base.reason}`
  if (!parsed.hasFrontMatter && base.hasFrontMatter) return 'it has lost its front matter'
  const name = file === undefined || file === current.file ? undefined : checkFile(file)
  if (name !== undefined) return `its name cannot be used everywhere: ${name}`
  const patch = {
    ...patchOf(kind, base, parsed, current),
    ...(file !== undefined && file !== current.file && { file }),
  }
  if (!isEmptyPatch(patch)) tx.update(kind, current.id, patch)
  return firstInvalid(parsed)
}

function createRecord(tx: Tx, kind: RecordKind, file: string, text: string): string | undefined {
  if (text.trim() === '') return undefined
  const parsed = parseRecord(kind, text)
  if (!parsed.ok) return `line ${parsed.line}: ${parsed.reason}`
  const problem = firstInvalid(parsed) ?? checkFile(file)
  if (problem !== undefined) return problem
  const { aliases: _, ...values } = valuesOf(kind, parsed)
  const title = String(values[kind.title] ?? '') || titleOf(text, file).slice(0, MAX_TITLE_LENGTH)
  const comments = entriesField(kind)
  const append = { [comments ?? '']: addedComments('', parsed.section).map((one) => ({ text: one })) }
  tx.create(
    kind,
    { ...values, [kind.title]: title },
    {
      file,
      extra: parsed.extra,
      ...(parsed.hasFrontMatter && { front: parsed.skeleton }),
      ...(comments !== undefined && { append }),
    },
  )
  return undefined
}

function editKeys(
  tx: Tx,
  kind: KeyedKind,
  before: EditedFile['before'],
  after: Uint8Array | undefined,
): string | undefined {
  if (after === undefined) return 'a file of values is not removed as a whole: it is there again'
  const decoded = decodeFile(after)
  if (!decoded.ok) return decoded.reason
  const shown = renderState(Object.fromEntries(tx.readKeys(kind.name)))
  const parsed = parseState(decoded.text)
  if (!parsed.ok) return `line ${parsed.line}: ${parsed.reason}`
  const base = parseState(textOf(before) ?? shown)
  for (const [key, value] of changedState(base.ok ? base.values : {}, parsed.values)) tx.setKey(kind.name, key, value)
  return undefined
}

/** What a path of the tree stands for: a record's file. */
function recordPlace(kinds: Kinds, path: string): { readonly kind: RecordKind; readonly file: string } | undefined {
  const [folder = '', ...rest] = path.split('/')
  const kind = kinds.inFolder(folder)
  if (!kind || rest.length === 0 || !path.endsWith('.md') || rest.some(isIgnoredName)) return undefined
  return { kind, file: rest.join('/') }
}

/** A text that was there; undefined where what the records show stands for it, or nothing does. */
function textOf(bytes: EditedFile['before']): string | undefined {
  if (bytes === undefined || bytes === 'state') return undefined
  const decoded = decodeFile(bytes)
  return decoded.ok ? decoded.text : undefined
}

function idOf(kind: RecordKind, text: string | undefined): RecordId | undefined {
  const parsed = text === undefined ? undefined : parseRecord(kind, text, text)
  return parsed?.ok && parsed.id !== undefined && isRecordId(parsed.id) ? parsed.id : undefined
}

function firstInvalid({ invalid }: FileContent): string | undefined {
  const [first] = invalid
  return first && `line ${first.line}: ${first.key}: ${first.reason}`
}
