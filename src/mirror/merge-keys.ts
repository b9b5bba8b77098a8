import type { KeyedKind } from '../model/kind.ts'
import { parseState } from '../model/state-file.ts'
import { changedState } from '../store/file-patch.ts'
import type { Base, FileProblem } from '../store/mirror-bases.ts'
import { problemAt } from './problem.ts'
import { type LateSave, type MergeParts, originOf, type Saved } from './saved.ts'

/** Merges files of keyed values: key by key. */
export interface MergeKeys {
  keys(kind: KeyedKind, base: Base | undefined, saved: Saved): Promise<FileProblem | undefined>
  late(kind: KeyedKind, save: LateSave): Promise<boolean>
}

export function createMergeKeys(parts: MergeParts): MergeKeys {
  const { project, bases, saveBase, onTaken } = parts

  const keys = async (kind: KeyedKind, base: Base | undefined, saved: Saved): Promise<FileProblem | undefined> => {
    const { path, hash, text, style } = saved
    const parsed = parseState(text)
    if (!parsed.ok) return problemAt(parsed)
    const from = base && saveBase.of({ kind: kind.name, id: '' }, base, saved)
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
      originOf(parts, path),
      (tx) => {
        for (const [key, value] of changed) tx.setKey(kind.name, key, value)
      },
      { also },
    )
    onTaken({ kind: kind.name, id: '' })
  }

  return {
    keys,
    async late(kind, { path, base, text, also }) {
      const [before, parsed] = [parseState(base), parseState(text)]
      if (!parsed.ok || !before.ok) return false
      await setKeys(kind, path, changedState(before.values, parsed.values), also)
      return true
    },
  }
}
