import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { sha256 } from '../base/hash.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { Actor } from '../model/actor.ts'
import { MAX_TITLE_LENGTH } from '../model/field.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import { checkFile } from '../model/layout.ts'
import { decodeFile, type FileStyle, parseRecord, sameText, titleOf } from '../model/markdown.ts'
import { parseState } from '../model/state-file.ts'
import { mergeText } from '../model/text-diff.ts'
import type { Base, FileProblem, MirrorBases } from '../store/mirror-bases.ts'
import type { Project, RecordPatch } from '../store/project.ts'
import type { Disk, FileRead, Stamp } from './disk.ts'
import { changedState, type FileContent, isEmptyPatch, patchOf, unknownBase, valuesOf, withoutEnd } from './ingest.ts'
import { type Place, placeOf, type Ref } from './places.ts'
import type { Notices } from './problem.ts'
import { looksTorn, settleDelay, TORN_MS } from './settle.ts'
import { chooseBase, STALE_MS } from './stale.ts'

export interface TakeInParts {
  readonly project: Project
  readonly disk: Disk
  readonly bases: MirrorBases
  readonly clock: Clock
  readonly notices: Notices
  /** How long a file must be untouched before it is read. */
  readonly quietMs: number
  /** Who saves files here. */
  readonly fileActor: () => Actor
  /** Something was taken in, or may be written again. */
  readonly onTaken: (ref: Ref) => void
}

/**
 * - `wait`: not settled; look again after `ms`.
 * - `looked`: everything that can be done is done. While the file has this signature there is no need to look again; ''
 *   when that cannot be told, undefined when there is no base for it.
 */
export type Visit =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'absent' }
  | { readonly type: 'looked'; readonly signature: string | undefined }

/** A signature says nothing about changes within the resolution of the disk's clock, which is up to 2 s. */
const RACY_MS = 2000

/** Brings what is on disk into the document. */
export interface TakeIn {
  /** Looks at one path and takes in what was saved there, once it is settled. Rejects when the change cannot be made durable. */
  visit(path: string): Promise<Visit>
  /** Merges a text that was saved to a file after it was displaced. False when it cannot be read as a file of its kind. */
  late(save: LateSave): Promise<boolean>
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

/** A file as it was read, and what is known of it. */
interface Saved {
  readonly path: string
  readonly hash: string
  readonly text: string
  readonly style: FileStyle
}

const LF: FileStyle = { bom: false, eol: 'lf' }

export function createTakeIn(parts: TakeInParts): TakeIn {
  const { project, disk, bases, clock, notices, quietMs, onTaken } = parts
  const seen = new Map<string, { readonly signature: string; readonly since: number }>()
  /** Old texts that were saved again and not obeyed: the second time they are. */
  const askedOnce = new Map<string, string>()
  const origin = (path: string): WriteOrigin => ({ source: 'file', actor: parts.fileActor(), path })

  const visit = async (path: string): Promise<Visit> => {
    const place = placeOf(path)
    if (!place) return { type: 'looked', signature: undefined }
    const found = await disk.read(path)
    if (found.type !== 'unreadable') notices.works(path)
    switch (found.type) {
      case 'absent':
        seen.delete(path)
        return { type: 'absent' }
      case 'changing':
        return { type: 'wait', ms: quietMs }
      case 'unreadable':
        notices.failing({
          what: `cannot be read: ${found.reason}`,
          where: path,
          fix: 'Make it readable; nothing is lost, and it is not taken as deleted.',
        })
        return { type: 'looked', signature: undefined }
      case 'refused':
        leaveAlone(path, place, '', { reason: found.reason })
        return { type: 'looked', signature: '' }
      case 'file':
        return look(path, place, found)
    }
  }

  const look = async (path: string, place: Place, found: FileRead & { readonly type: 'file' }): Promise<Visit> => {
    const { signature, changedAt } = found
    const hash = sha256(found.bytes)
    const base = bases.get(path)
    if (base?.hash === hash) {
      seen.delete(path)
      return { type: 'looked', signature: trusted(found) }
    }
    const decoded = decodeFile(found.bytes)
    const isTorn = decoded.ok ? base && looksTorn(base.text, decoded.text) : true
    const ms = settleDelay(
      { now: clock.now(), changedAt, seenFor: seenFor(path, signature) },
      isTorn ? Math.max(TORN_MS, quietMs) : quietMs,
    )
    if (ms > 0) return { type: 'wait', ms }
    seen.delete(path)
    if (!decoded.ok) leaveAlone(path, place, hash, problemOf(decoded))
    else await take(place, base, { path, hash, text: decoded.text, style: decoded.style })
    return { type: 'looked', signature: bases.get(path) && trusted(found) }
  }

  const trusted = ({ signature, changedAt }: Stamp): string => (clock.now() - changedAt > RACY_MS ? signature : '')

  const seenFor = (path: string, signature: string): number => {
    const before = seen.get(path)
    if (before?.signature === signature) return clock.monotonic() - before.since
    seen.set(path, { signature, since: clock.monotonic() })
    return 0
  }

  /** Notes that a file is broken and touches nothing [M7]; the base stays what is merged. */
  const leaveAlone = (path: string, place: Place, hash: string, problem: FileProblem): void => {
    const base = bases.get(path)
    if (base?.problem?.reason === problem.reason && base.hash === hash) return
    bases.put({ ...(base ?? { path, kind: place.kind.name, id: '', text: '', style: LF }), hash, problem })
  }

  const take = async (place: Place, base: Base | undefined, saved: Saved): Promise<void> => {
    const isBlank = saved.text.trim() === ''
    // Somebody has made the file and is about to write it.
    if (isBlank && !base) return
    if (isBlank) {
      leaveAlone(saved.path, place, saved.hash, { reason: 'is empty', line: 1, column: 1 })
    } else if (base && !base.problem && sameText(base.text, saved.text)) {
      bases.put({ ...base, text: saved.text, hash: saved.hash, style: saved.style })
    } else {
      try {
        if (place.type === 'keys') await takeKeys(place.kind, base, saved)
        else if (base && base.id !== '') await takeRecord(place.kind, base.id as RecordId, base, saved)
        else await takeUnknown(place.kind, place.file, saved)
      } catch (error) {
        // A refusal of what the file says is the writer's to mend; anything else is tried again.
        if (!(error instanceof OrchError) || error.code === 'storage_failed') throw error
        leaveAlone(saved.path, place, saved.hash, { reason: error.message })
      }
    }
  }

  const takeRecord = async (kind: RecordKind, id: RecordId, base: Base, saved: Saved): Promise<void> => {
    const { path, hash, text, style } = saved
    const parsed = parseRecord(kind, text, base.text)
    const before = parseRecord(kind, base.text, base.text)
    await revive(kind, id, path)
    if (!parsed.ok) {
      await takeBody(kind, id, base, { body: parsed.body, hash, problem: problemOf(parsed) })
    } else if (!parsed.hasFrontMatter && before.ok && before.hasFrontMatter) {
      leaveAlone(path, { type: 'record', kind, file: '' }, hash, {
        reason: 'has lost its front matter',
        line: 1,
        column: 1,
      })
    } else {
      await merge(kind, id, path, baseFor(path, base.text, text), parsed, {
        also: () => bases.put({ path, kind: kind.name, id, text, hash, style, problem: firstInvalid(parsed) }),
      })
    }
  }

  /** The text a save was made from; tells when that is not the base [M6]. */
  const baseFor = (path: string, base: string, text: string): string => {
    const choice = chooseBase(text, base, bases.versions(path, clock.now() - STALE_MS))
    if (!choice.stale) return choice.text
    const hash = sha256(text)
    if (choice.stale === 'as-it-was' && askedOnce.get(path) === hash) {
      askedOnce.delete(path)
      return base
    }
    askedOnce.set(path, hash)
    notices.happened({
      what: 'was saved from an older text; what was added since is kept',
      where: path,
      fix: 'Look at it. If you meant to take that out, take it out again.',
    })
    return choice.text
  }

  const merge = async (
    kind: RecordKind,
    id: RecordId,
    path: string,
    base: string | undefined,
    disk: FileContent,
    options: { readonly also: () => void; readonly file?: string },
  ): Promise<void> => {
    await project.transact(
      origin(path),
      (tx) => {
        const current = must(tx.read(kind, id), `no record ${id}`)
        const patch: RecordPatch = {
          ...patchOf(kind, contentOf(kind, base) ?? unknownBase(kind, disk, current), disk, current),
          ...(options.file !== undefined && { file: options.file }),
        }
        if (!isEmptyPatch(patch)) tx.update(kind, id, patch)
      },
      { also: options.also },
    )
    onTaken({ kind: kind.name, id })
  }

  /** Of a broken file, what can be told apart [M7]. */
  const takeBody = async (
    kind: RecordKind,
    id: RecordId,
    base: Base,
    broken: { readonly body: string | undefined; readonly hash: string; readonly problem: FileProblem },
  ): Promise<void> => {
    const { hash, problem, body } = broken
    const before = contentOf(kind, base.text)?.values[kind.body]
    const text = body === undefined ? undefined : withBody(kind, base.text, body)
    if (body === undefined || text === undefined || body === before) return bases.put({ ...base, hash, problem })
    await project.transact(
      origin(base.path),
      (tx) => {
        const current = must(tx.read(kind, id), `no record ${id}`)
        const edits = mergeText(String(before ?? ''), body, withoutEnd(current.values[kind.body]))
        if (edits.length > 0) tx.update(kind, id, { edit: { [kind.body]: edits } })
      },
      { also: () => bases.put({ ...base, text, hash, problem }) },
    )
  }

  /** A deletion that had not seen this save does not hold [M8]. */
  const revive = async (kind: RecordKind, id: RecordId, path: string): Promise<void> => {
    if (project.read(kind, id)?.deletedAt === undefined) return
    await project.transact(origin(path), (tx) => tx.restore(kind, id))
    notices.happened({
      what: `${id} was deleted, and its file was edited or put back: it is there again`,
      where: path,
      fix: 'Delete it again if you meant to.',
    })
  }

  const takeKeys = async (kind: KeyedKind, base: Base | undefined, saved: Saved): Promise<void> => {
    const { path, hash, text, style } = saved
    const parsed = parseState(text)
    if (!parsed.ok) {
      leaveAlone(path, { type: 'keys', kind }, hash, problemOf(parsed))
      return
    }
    const before = base && parseState(baseFor(path, base.text, text))
    const changed = changedState(before?.ok ? before.values : {}, parsed.values)
    await project.transact(
      origin(path),
      (tx) => {
        for (const [key, value] of changed) tx.setKey(kind.name, key, value)
      },
      { also: () => bases.put({ path, kind: kind.name, id: '', text, hash, style, problem: undefined }) },
    )
    onTaken({ kind: kind.name, id: '' })
  }

  /** A file at a path where none was: new, renamed, put back, or copied [M11]. */
  const takeUnknown = async (kind: RecordKind, file: string, saved: Saved): Promise<void> => {
    const { path, hash, text, style } = saved
    const parsed = parseRecord(kind, text)
    const problem = !parsed.ok ? problemOf(parsed) : (firstInvalid(parsed) ?? badName(checkFile(file)))
    if (!parsed.ok || problem) {
      leaveAlone(path, { type: 'record', kind, file }, hash, problem ?? { reason: 'cannot be read' })
      return
    }
    const known = parsed.id !== undefined && isRecordId(parsed.id) ? project.read(kind, parsed.id) : undefined
    const put = (id: RecordId): void => bases.put({ path, kind: kind.name, id, text, hash, style, problem: undefined })
    const registered = known && bases.pathsOf(kind.name, known.id).find((one) => one !== path)
    const versions = bases.versions(path, clock.now() - STALE_MS)
    // A path of ours that had this record until a moment ago: not a copy, but a late save.
    const isCopy = registered !== undefined && versions.length === 0 && (await disk.read(registered)).type !== 'absent'
    if (!known || isCopy) {
      await create(kind, file, saved, parsed, put)
      return
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
        id = tx.create(kind, { ...values, [kind.title]: title }, { file, extra: parsed.extra, ...front })
      },
      { also: () => put(must(id, 'no id')) },
    )
    onTaken({ kind: kind.name, id: must(id, 'no id') })
  }

  return {
    visit,
    async late({ path, id, base, text, also }) {
      const place = placeOf(path)
      if (!place || text.trim() === '') return false
      if (place.type === 'keys') {
        const [before, parsed] = [parseState(base), parseState(text)]
        if (!parsed.ok || !before.ok) return false
        await project.transact(
          origin(path),
          (tx) => {
            for (const [key, value] of changedState(before.values, parsed.values))
              tx.setKey(place.kind.name, key, value)
          },
          { also },
        )
        onTaken({ kind: place.kind.name, id: '' })
        return true
      }
      const parsed = parseRecord(place.kind, text, base)
      if (!parsed.ok || !project.read(place.kind, id as RecordId)) return false
      await revive(place.kind, id as RecordId, path)
      await merge(place.kind, id as RecordId, path, base, parsed, { also })
      return true
    },
  }
}

function contentOf(kind: RecordKind, text: string | undefined): FileContent | undefined {
  const parsed = text === undefined ? undefined : parseRecord(kind, text, text)
  return parsed?.ok ? parsed : undefined
}

/** A file's text with another body; undefined when its front matter cannot be told apart. */
function withBody(kind: RecordKind, text: string, body: string): string | undefined {
  const old = String(contentOf(kind, text)?.values[kind.body] ?? '')
  const at = text.lastIndexOf(old)
  const next = text.slice(0, at) + body
  return contentOf(kind, next)?.values[kind.body] === body ? next : undefined
}

function firstInvalid({ invalid }: FileContent): FileProblem | undefined {
  const [first] = invalid
  return first && { reason: `${first.key}: ${first.reason}`, line: first.line, column: first.column }
}

function badName(reason: string | undefined): FileProblem | undefined {
  return reason === undefined ? undefined : { reason: `its name cannot be used everywhere: ${reason}` }
}

function problemOf({
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
