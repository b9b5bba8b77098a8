import { must } from '../base/assert.ts'
import { NOTICE_MS } from '../model/attention.ts'
import { cutComments, entriesField, losesComments } from '../model/comments.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind, Value } from '../model/kind.ts'
import { parseRecord } from '../model/markdown.ts'
import type { Json } from '../model/record.ts'
import { mergeText } from '../model/text-diff.ts'
import { type FileContent, isEmptyPatch, overriddenBy, patchOf, withoutEnd } from '../store/file-patch.ts'
import type { Base, FileProblem, Version } from '../store/mirror-bases.ts'
import type { RecordPatch } from '../store/tx.ts'
import { unknownBase, withoutUnmerged } from './ingest.ts'
import { firstInvalid, problemAt } from './problem.ts'
import { type LateSave, type MergeParts, originOf, type Saved } from './saved.ts'
import { TAKE } from './ways.ts'

/** Merges files of records. */
export interface MergeRecord {
  record(kind: RecordKind, id: RecordId, base: Base, saved: Saved): Promise<FileProblem | undefined>
  late(kind: RecordKind, save: LateSave): Promise<boolean>
  /** What changed from a base, or all that the file says where none is known; `also` runs in the transaction. */
  merge(
    kind: RecordKind,
    id: RecordId,
    path: string,
    base: string | undefined,
    disk: FileContent,
    options: { readonly also: () => void; readonly file?: string; readonly later?: readonly string[] },
  ): Promise<void>
  /** A deletion that had not seen this save does not hold [M8]. */
  revive(kind: RecordKind, id: RecordId, path: string): Promise<void>
}

const LOST_FRONT_MATTER: FileProblem = { reason: 'has lost its front matter', line: 1, column: 1 }

export function createMergeRecord(parts: MergeParts): MergeRecord {
  const { project, bases, saveBase, notices, onTaken } = parts

  const record = async (kind: RecordKind, id: RecordId, base: Base, saved: Saved): Promise<FileProblem | undefined> => {
    const { path, hash, text, style } = saved
    const parsed = parseRecord(kind, text, base.text)
    const before = parseRecord(kind, base.text, base.text)
    await revive(kind, id, path)
    if (!parsed.ok) return mergeBody(kind, id, base, saved, { body: parsed.body, problem: problemAt(parsed) })
    const hasLost = !parsed.hasFrontMatter && before.ok && before.hasFrontMatter
    const bare = hasLost ? bareTexts(kind, path) : []
    if (hasLost && bare.length === 0) return LOST_FRONT_MATTER
    const from = saveBase.of(
      { kind: kind.name, id },
      { path, text: bare[0]?.text ?? base.text },
      saved,
      hasLost ? bare : undefined,
    )
    await merge(kind, id, path, from.text, parsed, {
      later: from.later,
      also() {
        from.also()
        const merged = withoutUnmerged(text, base.text, parsed.invalid)
        bases.put({ path, kind: kind.name, id, text: merged, hash, style, problem: firstInvalid(parsed) })
      },
    })
    return undefined
  }

  /**
   * The texts from before a file that was made by hand got its front matter: an editor that has one of them open saves
   * it again, however much later, and takes nothing out.
   */
  const bareTexts = (kind: RecordKind, path: string): readonly Version[] =>
    bases.versions(path, 0).filter(({ text }) => {
      const parsed = parseRecord(kind, text)
      return text !== '' && parsed.ok && !parsed.hasFrontMatter
    })

  const merge: MergeRecord['merge'] = async (kind, id, path, base, disk, options) => {
    const before = withCountersOf(kind, contentOf(kind, base), disk, options.later ?? [])
    let overridden: ReturnType<typeof overriddenBy> = []
    await project.transact(
      originOf(parts, path),
      (tx) => {
        const current = must(tx.read(kind, id), `no record ${id}`)
        overridden = before ? overriddenBy(kind, before, disk, current) : []
        const patch: RecordPatch = {
          ...patchOf(kind, before ?? unknownBase(kind, disk, current), disk, current),
          ...(options.file !== undefined && { file: options.file }),
        }
        if (!isEmptyPatch(patch)) tx.update(kind, id, patch)
      },
      {
        also() {
          options.also()
          for (const { field, value } of overridden) {
            project.conflicts.overrode(id, field)
            tellOverridden(kind, id, path, field, value)
          }
          if (before && losesComments(before.section, disk.section)) tellComments(id, path)
        },
      },
    )
    onTaken({ kind: kind.name, id })
  }

  const tellComments = (id: RecordId, path: string): void =>
    notices.happened({
      kind: 'kept_line',
      record: id,
      what: 'an old comment was changed or removed; it is put back',
      where: path,
      fix: 'Comments stay as they were written. Write another one below it.',
    })

  const tellOverridden = (kind: RecordKind, id: RecordId, path: string, field: string, value: Value): void =>
    notices.happened({
      kind: 'overridden_value',
      key: field,
      record: id,
      where: path,
      what: `${field} was saved by hand over "${shortened(value)}", which somebody had set meanwhile`,
      why: 'Both changed it since the file was read. What a person saved counts.',
      fix: 'If the other value is right, take it.',
      ways: [TAKE],
      data: { kind: kind.name, id, field, value: value as Json },
      forMs: NOTICE_MS,
    })

  /** Of a broken file, what can be told apart [M7]. */
  const mergeBody = async (
    kind: RecordKind,
    id: RecordId,
    base: Base,
    saved: Saved,
    { body, problem }: { readonly body: string | undefined; readonly problem: FileProblem },
  ): Promise<FileProblem | undefined> => {
    if (body === undefined) return problem
    const from = saveBase.of({ kind: kind.name, id }, base, saved)
    const before = contentOf(kind, from.text)?.values[kind.body]
    const text = withBody(kind, from.text, body)
    if (text === undefined || (body === before && from.text === base.text)) return problem
    await project.transact(
      originOf(parts, base.path),
      (tx) => {
        const current = must(tx.read(kind, id), `no record ${id}`)
        const edits = mergeText(String(before ?? ''), body, withoutEnd(current.values[kind.body]))
        if (edits.length > 0) tx.update(kind, id, { edit: { [kind.body]: edits } })
      },
      {
        also() {
          from.also()
          bases.put({ ...base, text, hash: saved.hash, problem })
        },
      },
    )
    return problem
  }

  /** A deletion that had not seen this save does not hold [M8]. */
  const revive = async (kind: RecordKind, id: RecordId, path: string): Promise<void> => {
    if (project.read(kind, id)?.deletedAt === undefined) return
    const also = (): void =>
      notices.happened({
        kind: 'kept_record',
        record: id,
        what: `${id} was deleted, and its file was edited or put back: it is there again`,
        where: path,
        fix: 'Delete it again if you meant to.',
      })
    await project.transact(originOf(parts, path), (tx) => tx.restore(kind, id), { also })
  }

  const late = async (kind: RecordKind, { path, id: name, base, text, also }: LateSave): Promise<boolean> => {
    const id = name as RecordId
    const [before, parsed] = [parseRecord(kind, base, base), parseRecord(kind, text, base)]
    const hasLostFront = before.ok && before.hasFrontMatter && parsed.ok && !parsed.hasFrontMatter
    if (!parsed.ok || hasLostFront || !project.read(kind, id)) return false
    await revive(kind, id, path)
    // Nobody had it open with what was written after it, nor was it made from itself, as it was when it was set aside.
    const versions = saveBase.recent(path, 0)
    const at = versions.findLastIndex((version) => version.text === base)
    const earlier = at < 0 ? versions.filter(({ next }) => next !== '') : versions.slice(at)
    const from = saveBase.of({ kind: kind.name, id }, { path, text: base }, { text, ageMs: 0 }, earlier)
    await merge(kind, id, path, from.text, parsed, {
      later: from.later,
      also() {
        from.also()
        also()
      },
    })
    return true
  }

  return { record, late, merge, revive }
}

function contentOf(kind: RecordKind, text: string | undefined): FileContent | undefined {
  const parsed = text === undefined ? undefined : parseRecord(kind, text, text)
  return parsed?.ok ? parsed : undefined
}

/**
 * What a save is measured against, with the counters of a later text where the save shows those: who saved has them from
 * there, and they would be counted once more.
 */
function withCountersOf(
  kind: RecordKind,
  before: FileContent | undefined,
  disk: FileContent,
  later: readonly string[],
): FileContent | undefined {
  if (!before || later.length === 0) return before
  const contents = later.flatMap((text) => contentOf(kind, text) ?? [])
  const counters = Object.keys(kind.fields).filter((name) => kind.fields[name]?.merge === 'counter')
  const shown = counters.filter((name) => contents.some(({ values }) => values[name] === disk.values[name]))
  const values = Object.fromEntries(shown.map((name) => [name, disk.values[name] ?? null]))
  return { ...before, values: { ...before.values, ...values } }
}

/** A file's text with another body; undefined when its front matter cannot be told apart. */
function withBody(kind: RecordKind, text: string, body: string): string | undefined {
  const old = String(contentOf(kind, text)?.values[kind.body] ?? '')
  const { body: main, section } = entriesField(kind) === undefined ? { body: text, section: '' } : cutComments(text)
  const next = main.slice(0, main.lastIndexOf(old)) + body + (section === '' ? '' : `\n\n${section}`)
  return contentOf(kind, next)?.values[kind.body] === body ? next : undefined
}

function shortened(value: Value): string {
  const text = String(value ?? '')
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}
