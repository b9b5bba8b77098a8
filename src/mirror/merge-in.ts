import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { Actor } from '../model/actor.ts'
import { NOTICE_MS } from '../model/attention.ts'
import { addedComments, cutComments, entriesField, losesComments } from '../model/comments.ts'
import { MAX_TITLE_LENGTH } from '../model/field.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind, Value } from '../model/kind.ts'
import { checkFile } from '../model/layout.ts'
import { type FileStyle, parseRecord, titleOf } from '../model/markdown.ts'
import type { Json } from '../model/record.ts'
import { parseState } from '../model/state-file.ts'
import { mergeText } from '../model/text-diff.ts'
import {
  changedState,
  type FileContent,
  isEmptyPatch,
  overriddenBy,
  patchOf,
  valuesOf,
  withoutEnd,
} from '../store/file-patch.ts'
import type { Base, FileProblem, MirrorBases, Version } from '../store/mirror-bases.ts'
import type { Project, RecordPatch } from '../store/project.ts'
import type { Disk } from './disk.ts'
import { unknownBase, withoutUnmerged } from './ingest.ts'
import { createMergeBoard } from './merge-board.ts'
import { placeOf, type Ref } from './places.ts'
import type { Notices } from './problem.ts'
import { createSaveBase } from './save-base.ts'
import { chooseBase } from './stale.ts'
import { TAKE } from './ways.ts'

export interface MergeInParts {
  readonly project: Project
  readonly disk: Disk
  readonly bases: MirrorBases
  readonly clock: Clock
  readonly notices: Notices
  /** Who saves files here. */
  readonly fileActor: () => Actor
  /** Something was taken in, or may be written again. */
  readonly onTaken: (ref: Ref) => void
}

/** A file as it was read. */
export interface Saved {
  readonly path: string
  readonly hash: string
  readonly text: string
  readonly style: FileStyle
}

/** What was saved to a file after it was displaced. */
export interface LateSave {
  readonly path: string
  readonly id: string
  /** What was merged of the file before. */
  readonly base: string
  readonly text: string
  /** Runs in the transaction. */
  readonly also: () => void
}

/**
 * Merges what settled files say into the document; the base moves in the same transaction. What cannot be merged is
 * answered as a problem: then the file must be left alone [M7].
 */
export interface MergeIn {
  /** The board. */
  board(base: Base | undefined, saved: Saved): Promise<FileProblem | undefined>
  /** A file of a record. */
  record(kind: RecordKind, id: RecordId, base: Base, saved: Saved): Promise<FileProblem | undefined>
  /** A file of keyed values. */
  keys(kind: KeyedKind, base: Base | undefined, saved: Saved): Promise<FileProblem | undefined>
  /** A file at a path where none was: new, renamed, put back, or copied [M11]. `file` is its path below the kind's folder. */
  newcomer(kind: RecordKind, file: string, saved: Saved): Promise<FileProblem | undefined>
  /** A text that was saved to a file after it was displaced. False when it cannot be read as a file of its kind. */
  late(save: LateSave): Promise<boolean>
}

const LOST_FRONT_MATTER: FileProblem = { reason: 'has lost its front matter', line: 1, column: 1 }

export function createMergeIn(parts: MergeInParts): MergeIn {
  const { project, disk, bases, notices, onTaken } = parts
  const saveBase = createSaveBase(parts)
  const board = createMergeBoard({ ...parts, saveBase })
  const origin = (path: string): WriteOrigin => ({ source: 'file', actor: parts.fileActor(), path })

  const record = async (kind: RecordKind, id: RecordId, base: Base, saved: Saved): Promise<FileProblem | undefined> => {
    const { path, hash, text, style } = saved
    const parsed = parseRecord(kind, text, base.text)
    const before = parseRecord(kind, base.text, base.text)
    await revive(kind, id, path)
    if (!parsed.ok) return mergeBody(kind, id, base, saved, { body: parsed.body, problem: placeIn(parsed) })
    const hasLost = !parsed.hasFrontMatter && before.ok && before.hasFrontMatter
    const bare = hasLost ? bareTexts(kind, path) : []
    if (hasLost && bare.length === 0) return LOST_FRONT_MATTER
    const from = saveBase.of(
      { kind: kind.name, id },
      { path, text: bare[0]?.text ?? base.text },
      text,
      hasLost ? bare : undefined,
    )
    await merge(kind, id, path, from.text, parsed, {
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

  const merge = async (
    kind: RecordKind,
    id: RecordId,
    path: string,
    base: string | undefined,
    disk: FileContent,
    options: { readonly also: () => void; readonly file?: string },
  ): Promise<void> => {
    const before = contentOf(kind, base)
    let overridden: ReturnType<typeof overriddenBy> = []
    await project.transact(
      origin(path),
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
    const from = saveBase.of({ kind: kind.name, id }, base, saved.text)
    const before = contentOf(kind, from.text)?.values[kind.body]
    const text = withBody(kind, from.text, body)
    if (text === undefined || (body === before && from.text === base.text)) return problem
    await project.transact(
      origin(base.path),
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
    await project.transact(origin(path), (tx) => tx.restore(kind, id), { also })
  }

  const keys = async (kind: KeyedKind, base: Base | undefined, saved: Saved): Promise<FileProblem | undefined> => {
    const { path, hash, text, style } = saved
    const parsed = parseState(text)
    if (!parsed.ok) return placeIn(parsed)
    const from = base && saveBase.of({ kind: kind.name, id: '' }, base, text)
    const before = from && parseState(from.text)
    await setKeys(kind, path, changedState(before?.ok ? before.values : {}, parsed.values), () => {
      from?.also()
      bases.put({ path, kind: kind.name, id: '', text, hash, style, problem: undefined })
    })
    return undefined
  }

  const setKeys = async (
    kind: KeyedKind,
    path: string,
    changed: ReturnType<typeof changedState>,
    also: () => void,
  ): Promise<void> => {
    await project.transact(
      origin(path),
      (tx) => {
        for (const [key, value] of changed) tx.setKey(kind.name, key, value)
      },
      { also },
    )
    onTaken({ kind: kind.name, id: '' })
  }

  const newcomer = async (kind: RecordKind, file: string, saved: Saved): Promise<FileProblem | undefined> => {
    const { path, hash, text, style } = saved
    const parsed = parseRecord(kind, text)
    if (!parsed.ok) return placeIn(parsed)
    const problem = firstInvalid(parsed) ?? badName(checkFile(file))
    if (problem) return problem
    const known = parsed.id !== undefined && isRecordId(parsed.id) ? project.read(kind, parsed.id) : undefined
    const put = (id: RecordId): void => bases.put({ path, kind: kind.name, id, text, hash, style, problem: undefined })
    const others = known ? bases.pathsOf(kind.name, known.id).filter((one) => one !== path) : []
    // Of several, while the record moves here because it was renamed elsewhere, the one that is gone had this name.
    const gone = await firstOf(others, async (one) => !(await isThere(disk, one)))
    const registered = gone ?? others[0]
    const versions = saveBase.recent(path)
    // A path of ours that had this record until a moment ago: not a copy, but a late save.
    const isCopy = registered !== undefined && versions.length === 0 && gone === undefined
    if (!known || isCopy) {
      await create(kind, file, saved, parsed, put)
      return undefined
    }
    const { id } = known
    const isLate = registered !== undefined && versions.length > 0
    const base = isLate ? undefined : registered && bases.get(registered)?.text
    await revive(kind, id, path)
    await merge(kind, id, path, base ?? (versions[0] && chooseBase(text, versions[0].text, versions).text), parsed, {
      ...(!isLate && project.pathOf(kind, id) !== path && { file }),
      also() {
        put(id)
        if (registered && !isLate) bases.drop(registered)
      },
    })
    return undefined
  }

  const create = async (
    kind: RecordKind,
    file: string,
    { path, text }: Saved,
    parsed: FileContent & { readonly hasFrontMatter: boolean; readonly id: string | undefined },
    put: (id: RecordId) => void,
  ): Promise<void> => {
    let id: RecordId | undefined
    const { aliases: _, ...values } = valuesOf(kind, parsed)
    const title = String(values[kind.title] ?? '') || titleOf(text, file).slice(0, MAX_TITLE_LENGTH)
    await project.transact(
      origin(path),
      (tx) => {
        const front = parsed.hasFrontMatter ? { front: parsed.skeleton } : {}
        const comments = entriesField(kind)
        const append = { [comments ?? '']: addedComments('', parsed.section).map((one) => ({ text: one })) }
        id = tx.create(
          kind,
          { ...values, [kind.title]: title },
          { file, extra: parsed.extra, ...front, ...(comments !== undefined && { append }) },
        )
      },
      { also: () => put(must(id, 'no id')) },
    )
    onTaken({ kind: kind.name, id: must(id, 'no id') })
  }

  const late = async ({ path, id, base, text, also }: LateSave): Promise<boolean> => {
    const place = placeOf(project.kinds, path)
    if (!place || text.trim() === '') return false
    if (place.type === 'board') return await board.late(base, text, also)
    if (place.type === 'keys') {
      const [before, parsed] = [parseState(base), parseState(text)]
      if (!parsed.ok || !before.ok) return false
      await setKeys(place.kind, path, changedState(before.values, parsed.values), also)
      return true
    }
    const [before, parsed] = [parseRecord(place.kind, base, base), parseRecord(place.kind, text, base)]
    const hasLostFront = before.ok && before.hasFrontMatter && parsed.ok && !parsed.hasFrontMatter
    if (!parsed.ok || hasLostFront || !project.read(place.kind, id as RecordId)) return false
    await revive(place.kind, id as RecordId, path)
    // Texts without a next one were set aside, as this one was: it may be one of them.
    const versions = saveBase.recent(path).filter(({ next }) => next !== '')
    // Nobody had it open with what was written after it.
    const earlier = versions.slice(
      Math.max(
        0,
        versions.findIndex((version) => version.text === base),
      ),
    )
    const from = saveBase.of({ kind: place.kind.name, id }, { path, text: base }, text, earlier)
    await merge(place.kind, id as RecordId, path, from.text, parsed, {
      also() {
        from.also()
        also()
      },
    })
    return true
  }

  return { record, keys, board: board.board, newcomer, late }
}

/** Whether a file has this very name: on many disks it can be opened by one that differs in case or form as well. */
async function isThere(disk: Disk, path: string): Promise<boolean> {
  if ((await disk.read(path)).type === 'absent') return false
  const at = path.lastIndexOf('/')
  const listing = await disk.list(path.slice(0, at))
  return listing.type !== 'entries' || listing.entries.some(({ name }) => name === path.slice(at + 1))
}

async function firstOf<T>(items: readonly T[], isIt: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await isIt(item)) return item
  return undefined
}

function contentOf(kind: RecordKind, text: string | undefined): FileContent | undefined {
  const parsed = text === undefined ? undefined : parseRecord(kind, text, text)
  return parsed?.ok ? parsed : undefined
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

function firstInvalid({ invalid }: FileContent): FileProblem | undefined {
  const [first] = invalid
  return first && { reason: `${first.key}: ${first.reason}`, line: first.line, column: first.column }
}

function badName(reason: string | undefined): FileProblem | undefined {
  return reason === undefined ? undefined : { reason: `its name cannot be used everywhere: ${reason}` }
}

function placeIn({
  reason,
  line,
  column,
}: {
  readonly reason: string
  readonly line: number
  readonly column: number
}): FileProblem {
  return { reason, line, column }
}
