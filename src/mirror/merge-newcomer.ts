import { must } from '../base/assert.ts'
import { addedComments, entriesField } from '../model/comments.ts'
import { MAX_TITLE_LENGTH } from '../model/field.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import { checkFile } from '../model/layout.ts'
import { decodeFile, parseRecord, titleOf } from '../model/markdown.ts'
import { type FileContent, valuesOf } from '../store/file-patch.ts'
import type { Base, FileProblem } from '../store/mirror-bases.ts'
import type { Disk } from './disk.ts'
import type { MergeRecord } from './merge-record.ts'
import { firstInvalid, problemAt } from './problem.ts'
import { idIn, type MergeParts, originOf, type Saved } from './saved.ts'
import { CELLS_TO_CHOOSE, commonText, editedSigns } from './stale.ts'

/**
 * Takes in a file at a path where none was: new, renamed, put back, or copied [M11]. `file` is its path below the kind's
 * folder.
 */
export type MergeNewcomer = (kind: RecordKind, file: string, saved: Saved) => Promise<FileProblem | undefined>

export interface MergeNewcomerParts extends MergeParts {
  readonly disk: Disk
  readonly records: MergeRecord
}

export function createMergeNewcomer(parts: MergeNewcomerParts): MergeNewcomer {
  const { project, disk, bases, saveBase, records, onTaken } = parts

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
    const gone = checkFile(file) === undefined ? await renamedFrom(kind, known?.id, saved) : undefined
    if (gone) {
      await rename(kind, gone, path, file)
      return records.record(kind, gone.id as RecordId, { ...gone, path }, saved)
    }
    if (!parsed.ok) return problemAt(parsed)
    const problem = firstInvalid(parsed) ?? badName(checkFile(file))
    if (problem) return problem
    const put = (id: RecordId): void => bases.put({ path, kind: kind.name, id, text, hash, style, problem: undefined })
    const hasOther = known !== undefined && bases.pathsOf(kind.name, known.id).some((one) => one !== path)
    const versions = saveBase.recent(path)
    // A path of ours that had this record until a moment ago: not a copy, but a late save.
    const isLate = hasOther && versions.length > 0
    if (!known || (hasOther && !isLate)) {
      await create(kind, file, saved, parsed, put)
      return undefined
    }
    const { id } = known
    const [newest] = versions
    const from = newest && saveBase.of({ kind: kind.name, id }, { path, text: newest.text }, text, versions)
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

  /**
   * What is known of the file that a new one was until it was renamed: one that is gone and was of the record it names, or,
   * where it names none, had not been given its id yet and is like it.
   */
  const renamedFrom = async (kind: RecordKind, id: RecordId | undefined, saved: Saved): Promise<Base | undefined> => {
    const paths = id === undefined ? alikeWithoutId(kind, saved) : bases.pathsOf(kind.name, id)
    // Of several, while the record moves here because it was renamed elsewhere, the one that is gone had this name.
    const gone = await firstOf(paths, async (one) => one !== saved.path && !(await isThere(disk, one)))
    const base = gone === undefined ? undefined : bases.get(gone)
    if (!base || !isRecordId(base.id) || !project.read(kind, base.id)) return undefined
    return (await hasCloser(base, saved)) ? undefined : base
  }

  const alikeWithoutId = (kind: RecordKind, { text }: Saved): readonly string[] => {
    const bare = bases.barePaths(kind.name, MAX_BARE + 1)
    return bare.length > MAX_BARE ? [] : bare.filter((one) => isLike(bases.get(one)?.text ?? '', text))
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

  /** Whether another new file that says the same id, or none as well, is closer to what a file held that is gone. */
  const hasCloser = async (base: Base, { path, text }: Saved): Promise<boolean> => {
    const budget = { cells: CELLS_TO_CHOOSE }
    const mine = editedSigns(base.text, text, budget)
    // Thousands may be renamed at once, by git, and nothing is closer than the same.
    if (mine === 0) return false
    const known = bases.signatures()
    for (const folder of new Set([path, base.path].map((one) => one.slice(0, one.lastIndexOf('/'))))) {
      const listing = await disk.list(folder)
      for (const { name, type } of listing.type === 'entries' ? listing.entries : []) {
        const other = `${folder}/${name}`
        if (type !== 'file' || other === path || known.has(other) || !name.endsWith('.md')) continue
        const found = await disk.read(other)
        const decoded = found.type === 'file' ? decodeFile(found.bytes) : undefined
        if (!decoded?.ok || idIn(decoded.text) !== idIn(text)) continue
        if (editedSigns(base.text, decoded.text, budget) < mine) return true
      }
    }
    return false
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

/** Where more files wait for their ids, they are being written by the thousand, and not renamed by a person. */
const MAX_BARE = 16

/** Whether most of two texts is the same. */
function isLike(a: string, b: string): boolean {
  return a === b || commonText(a, b).length * 2 > Math.max(a.length, b.length)
}

/**
 * Whether a file has this very name: on many disks it can be opened by one that differs in case or form as well. Rejects
 * when the disk does not say; an error is neither absence nor presence.
 */
async function isThere(disk: Disk, path: string): Promise<boolean> {
  if ((await disk.read(path)).type === 'absent') return false
  const at = path.lastIndexOf('/')
  const listing = await disk.list(path.slice(0, at))
  if (listing.type === 'unreadable') throw new Error(`whether ${path} is gone cannot be seen: ${listing.reason}`)
  return listing.type !== 'entries' || listing.entries.some(({ name }) => name === path.slice(at + 1))
}

async function firstOf<T>(items: readonly T[], isIt: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await isIt(item)) return item
  return undefined
}

function badName(reason: string | undefined): FileProblem | undefined {
  return reason === undefined ? undefined : { reason: `its name cannot be used everywhere: ${reason}` }
}
