import { must } from '../base/assert.ts'
import { addedComments, entriesField } from '../model/comments.ts'
import { MAX_TITLE_LENGTH } from '../model/field.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import { checkFile } from '../model/layout.ts'
import { parseRecord, titleOf } from '../model/markdown.ts'
import { type FileContent, valuesOf } from '../store/file-patch.ts'
import type { Base, FileProblem } from '../store/mirror-bases.ts'
import type { MergeRecord } from './merge-record.ts'
import { firstInvalid, problemAt } from './problem.ts'
import type { NotYet, Renamed } from './renamed.ts'
import { idIn, type MergeParts, originOf, type Saved } from './saved.ts'

/**
 * Takes in a file at a path where none was: new, renamed, put back, or copied [M11]. `file` is its path below the kind's
 * folder.
 */
export type MergeNewcomer = (kind: RecordKind, file: string, saved: Saved) => Promise<FileProblem | NotYet | undefined>

export interface MergeNewcomerParts extends MergeParts {
  readonly renamed: Renamed
  readonly records: MergeRecord
}

export function createMergeNewcomer(parts: MergeNewcomerParts): MergeNewcomer {
  const { project, bases, renamed, saveBase, records, onTaken } = parts

  /** Of two files with one id that come at once only one can be what was renamed: which is decided one after the other. */
  const byId = new Map<string, Promise<unknown>>()

  const newcomer: MergeNewcomer = async (kind, file, saved) => {
    const id = idIn(saved.text)
    if (id === '') return take(kind, file, saved)
    const before = byId.get(id) ?? Promise.resolve()
    const mine = before.then(() => take(kind, file, saved))
    const settled = mine.catch(() => undefined)
    byId.set(id, settled)
    try {
      return await mine
    } finally {
      if (byId.get(id) === settled) byId.delete(id)
    }
  }

  const take: MergeNewcomer = async (kind, file, saved) => {
    const { path, hash, text, style } = saved
    const parsed = parseRecord(kind, text)
    const said = parsed.ok ? parsed.id : idIn(text)
    const known = said !== undefined && isRecordId(said) ? project.read(kind, said) : undefined
    const gone = checkFile(file) === undefined ? await renamed.from(kind, known?.id, saved) : undefined
    if (gone && 'waitMs' in gone) return gone
    if (gone) {
      await rename(kind, gone, path, file)
      return records.record(kind, gone.id as RecordId, { ...gone, path }, saved)
    }
    if (!parsed.ok) return problemAt(parsed)
    const problem = firstInvalid(parsed) ?? badName(checkFile(file))
    if (problem) return problem
    const put = (id: RecordId): void => bases.put({ path, kind: kind.name, id, text, hash, style, problem: undefined })
    const hasOther = known !== undefined && bases.pathsOf(kind.name, known.id).some((one) => one !== path)
    const versions = saveBase.recent(path, saved.ageMs)
    // A path of ours that had this record until a moment ago: not a copy, but a late save.
    const isLate = hasOther && versions.length > 0
    if (!known || (hasOther && !isLate)) {
      await create(kind, file, saved, parsed, put)
      return undefined
    }
    const { id } = known
    const [newest] = versions
    const from = newest && saveBase.of({ kind: kind.name, id }, { path, text: newest.text }, saved, versions)
    await records.revive(kind, id, path)
    await records.merge(kind, id, path, from?.text, parsed, {
      ...(!isLate && project.pathOf(kind, id) !== path && { file }),
      also() {
        from?.also()
        put(id)
      },
    })
    return undefined
  }

  /** The record goes where its file went. */
  const rename = async (kind: RecordKind, from: Base, path: string, file: string): Promise<void> => {
    const id = from.id as RecordId
    await records.revive(kind, id, path)
    await project.transact(
      originOf(parts, path),
      (tx) => {
        if (project.pathOf(kind, id) !== path) tx.update(kind, id, { file })
      },
      { also: () => bases.move(from.path, path) },
    )
    onTaken({ kind: kind.name, id })
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
      originOf(parts, path),
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

  return newcomer
}

function badName(reason: string | undefined): FileProblem | undefined {
  return reason === undefined ? undefined : { reason: `its name cannot be used everywhere: ${reason}` }
}
