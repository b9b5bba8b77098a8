import { must } from '../base/assert.ts'
import {
  type BoardEdits,
  type BoardLine,
  type BoardStatuses,
  boardDistance,
  boardEdits,
  boardMarkers,
  boardTitle,
  parseBoard,
  renderBoard,
  withoutUnseenIds,
  withUnseenIds,
} from '../model/board.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import { mergeText } from '../model/text-diff.ts'
import { applyEdits } from '../model/text-edit.ts'
import { parseValue } from '../model/validate.ts'
import type { Base, FileProblem } from '../store/mirror-bases.ts'
import type { Tx } from '../store/tx.ts'
import { boardLists, boardStatuses, taskKind } from './board.ts'
import { BOARD, BOARD_REF } from './places.ts'
import type { SaveComparison } from './save-base.ts'
import { type MergeParts, originOf, type Saved } from './saved.ts'
import { TAKE } from './ways.ts'

/**
 * Merges what a person did to the board: the same rules as for every file [M1, M6, M7]. A new line becomes a task in the
 * transaction that moves the base; its id is noted in the base until it stands in the file, so that an editor that does
 * not know it yet makes no second task.
 */
export interface MergeBoard {
  board(base: Base | undefined, saved: Saved): Promise<FileProblem | undefined>
  /** What was saved to the file after it was displaced. */
  late(base: string, text: string, also: () => void): Promise<boolean>
}

export function createMergeBoard(parts: MergeParts): MergeBoard {
  const { project, bases, saveBase, notices, onTaken } = parts
  const task = taskKind(project)

  const comparison: SaveComparison = {
    asInFile: withoutUnseenIds,
    // Two who do the same to a line have not seen one another: the distance alone tells.
    hasSeen: () => false,
    distance: (ours, saved) => {
      const statuses = boardStatuses(project)
      return { prose: boardDistance(parseBoard(ours, statuses), parseBoard(saved, statuses), statuses), front: 0 }
    },
    // Nobody guesses an id.
    canBe: (ours, saved) => (saved.match(new RegExp(ID_AT_END, 'gm')) ?? []).every((id) => ours.includes(id)),
    isAcceptable: false,
  }

  const board = async (base: Base | undefined, saved: Saved): Promise<FileProblem | undefined> => {
    const { path, hash, text, style } = saved
    const markers = boardMarkers(text)
    if (markers) return markers
    const from = base && saveBase.of(BOARD_REF, base, saved, undefined, comparison)
    const edits = editsOf(from?.text ?? '', text)
    const problem = edits.problems[0]
    await apply(edits, (ids) => {
      from?.also()
      bases.put({ path, kind: BOARD_REF.kind, id: '', text: withUnseenIds(text, ids), hash, style, problem })
    })
    return undefined
  }

  const editsOf = (base: string, text: string): BoardEdits => {
    const statuses = boardStatuses(project)
    const before = parseBoard(base, statuses)
    const ours = parseBoard(renderBoard(boardLists(project, statuses), statuses), statuses)
    // What was wrong before is wrong still: only lines that orch wrote, now or then, are fine.
    const known = new Set(ours.others.map((other) => other.text))
    const after = parseBoard(text, statuses)
    return boardEdits(before, { ...after, others: after.others.filter((other) => !isMoreLine(other.text)) }, statuses, {
      known,
      given: givenLately(statuses),
    })
  }

  /** Lines that were given an id, in all texts that somebody may still have open. */
  const givenLately = (statuses: BoardStatuses): readonly BoardLine[] =>
    bases
      .versions(BOARD, 0)
      .filter(({ text }) => withoutUnseenIds(text) !== text)
      .flatMap(({ text }) => parseBoard(text, statuses).lines)
      .filter(({ isUnseen }) => isUnseen)

  const apply = async (edits: BoardEdits, put: (ids: ReadonlyMap<number, string>) => void): Promise<void> => {
    const { changed, created, unseen, missing, foreign } = edits
    for (const { id } of changed) await revive(id)
    const gone = missing.filter((id) => project.read(task, id as RecordId)?.deletedAt === undefined)
    const ids = new Map(unseen)
    const overridden: { readonly id: string; readonly value: string }[] = []
    await project.transact(
      originOf(parts, BOARD),
      (tx) => {
        for (const edit of changed) {
          const lost = change(tx, edit)
          if (lost !== undefined) overridden.push({ id: edit.id, value: lost })
        }
        for (const { title, status, line } of created)
          ids.set(line, tx.create(task, { title: shortTitle(task, title), status }))
      },
      {
        also() {
          put(ids)
          for (const { id, value } of overridden) tellOverridden(id, value)
          tellLines(
            gone,
            foreign.map(({ id = '' }) => id),
          )
        },
      },
    )
    onTaken(BOARD_REF)
  }

  /** Returns the status that somebody else had set meanwhile, when this one takes its place. */
  const change = (tx: Tx, { id, from, to, status }: BoardEdits['changed'][number]): string | undefined => {
    const current = isRecordId(id) ? tx.read(task, id) : undefined
    if (!current) return undefined
    const title = String(current.values.title ?? '')
    const next = to.title === from.title ? title : mergedTitle(task, from.title, to.title, title)
    const now = String(current.values.status ?? '')
    tx.update(task, current.id, {
      set: { ...(next !== title && { title: next }), ...(status !== undefined && status !== now && { status }) },
    })
    const isLost = status !== undefined && from.status !== undefined && now !== from.status && now !== status
    return isLost ? now : undefined
  }

  /** A deletion that had not seen this save does not hold [M8]. */
  const revive = async (id: string): Promise<void> => {
    const record = isRecordId(id) ? project.read(task, id) : undefined
    if (record?.deletedAt === undefined) return
    const also = (): void =>
      notices.happened({
        kind: 'kept_record',
        record: id,
        key: id,
        what: `${id} was deleted, and its line was edited: it is there again`,
        where: BOARD,
        fix: 'Delete it again if you meant to.',
      })
    await project.transact(originOf(parts, BOARD), (tx) => tx.restore(task, record.id), { also })
  }

  const tellOverridden = (id: string, value: string): void =>
    notices.happened({
      kind: 'overridden_value',
      key: `${id} status`,
      record: id,
      where: BOARD,
      what: `the status of ${id} was changed by hand over "${value}", which somebody had set meanwhile`,
      why: 'Both changed it since the board was read. What a person saved counts.',
      fix: 'If the other value is right, take it.',
      ways: [TAKE],
      data: { kind: task.name, id, field: 'status', value },
    })

  const tellLines = (gone: readonly string[], foreign: readonly string[]): void => {
    if (gone.length > 0) {
      notices.happened({
        kind: 'kept_line',
        key: 'missing',
        what: `${gone.length === 1 ? 'a line was' : `${gone.length} lines were`} taken out: ${listed(gone)} comes back`,
        where: BOARD,
        fix: 'To be rid of a task, move its line under Cancelled, or delete its file.',
      })
    }
    if (foreign.length > 0) {
      notices.happened({
        kind: 'kept_line',
        key: 'foreign',
        what: `lines of tasks that the board did not show were put in and are not read: ${listed(foreign)}`,
        where: BOARD,
        fix: 'Edit the files of these tasks.',
      })
    }
  }

  return {
    board,
    async late(base, text, also) {
      if (boardMarkers(text)) return false
      await apply(editsOf(base, text), also)
      return true
    },
  }
}

const ID_AT_END = /\((t-[0-9a-z]{8})\)$/

function mergedTitle(task: RecordKind, from: string, to: string, current: string): string {
  const merged = applyEdits(current, mergeText(from, to, current)).trim()
  const field = must(task.fields[task.title], 'tasks have titles')
  return parseValue(field, merged).ok && boardTitle(merged) !== '' ? merged : shortTitle(task, to)
}

function shortTitle(task: RecordKind, title: string): string {
  const field = must(task.fields[task.title], 'tasks have titles').value
  return field.type === 'text' ? [...title].slice(0, field.maxLength / 2).join('') : title
}

/** `_12 more: ..._`, with any number. */
function isMoreLine(text: string): boolean {
  return /^_\d+ more: `orch task list --status [\w-]+`\._$/.test(text)
}

function listed(ids: readonly string[]): string {
  return ids.length > 5 ? `${ids.slice(0, 5).join(', ')} and ${ids.length - 5} more` : ids.join(', ')
}
