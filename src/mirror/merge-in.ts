import type { Clock } from '../base/clock.ts'
import type { RecordId } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Base, FileProblem } from '../store/mirror-bases.ts'
import type { Disk } from './disk.ts'
import { createMergeBoard } from './merge-board.ts'
import { createMergeKeys } from './merge-keys.ts'
import { createMergeNewcomer } from './merge-newcomer.ts'
import { createMergeRecord } from './merge-record.ts'
import { placeOf } from './places.ts'
import { createRenamed, type NotYet } from './renamed.ts'
import { createSaveBase } from './save-base.ts'
import type { LateSave, MergeParts, Saved } from './saved.ts'

export interface MergeInParts extends Omit<MergeParts, 'saveBase'> {
  readonly disk: Disk
  readonly clock: Clock
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
  newcomer(kind: RecordKind, file: string, saved: Saved): Promise<FileProblem | NotYet | undefined>
  /** A text that was saved to a file after it was displaced. False when it cannot be read as a file of its kind. */
  late(save: LateSave): Promise<boolean>
}

export function createMergeIn(given: MergeInParts): MergeIn {
  const parts = { ...given, saveBase: createSaveBase(given) }
  const board = createMergeBoard(parts)
  const records = createMergeRecord(parts)
  const renamed = createRenamed(parts)
  const keys = createMergeKeys(parts)
  return {
    board: board.board,
    record: records.record,
    keys: keys.keys,
    newcomer: createMergeNewcomer({ ...parts, renamed, records }),
    async late(save) {
      const place = placeOf(given.project.kinds, save.path)
      if (!place || save.text.trim() === '') return false
      if (place.type === 'board') return await board.late(save.base, save.text, save.also)
      return await (place.type === 'keys' ? keys.late(place.kind, save) : records.late(place.kind, save))
    },
  }
}
