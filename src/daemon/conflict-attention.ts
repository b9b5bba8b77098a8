import { attentionId, type Happened } from '../model/attention.ts'
import type { AttentionStore } from '../store/attention.ts'
import type { Conflict, ConflictSide } from '../store/conflicts.ts'
import type { Project } from '../store/project.ts'
import { oneLine } from '../store/record-diff.ts'
import type { Settle } from './attention.ts'

/** Puts values that lost against others written at the same time on the attention list, and takes them off once they are decided. */
export interface ConflictAttention {
  /** Hears of a conflict inside the transaction that made or settled it. */
  note(conflict: Conflict): void
  /** How they are settled from the list. */
  readonly ways: Readonly<Record<string, Settle>>
}

export function createConflictAttention(
  store: AttentionStore,
  project: () => Pick<Project, 'conflicts' | 'transact'>,
  now: () => number,
): ConflictAttention {
  const idOf = (data: unknown): string => String(data)
  return {
    note(conflict) {
      // A save made on an older text is on the list as what it is.
      if (conflict.source !== 'concurrent') return
      const item = itemOf(conflict)
      if (conflict.state === 'open') store.keep(item, now())
      else store.drop(attentionId(item))
    },
    ways: {
      async take({ data }, origin) {
        const { conflicts, transact } = project()
        const { loser, field, key, id } = conflicts.get(idOf(data))
        await transact(origin, (tx) => conflicts.take(tx, id, origin.actor.name))
        return `${field} of ${key} is ${shown(loser)}.`
      },
      async keep({ data }, origin) {
        const { winner, field, key } = project().conflicts.keep(idOf(data), origin.actor.name)
        return `${field} of ${key} stays ${shown(winner)}.`
      },
    },
  }
}

function itemOf({ id, key, field, winner, loser }: Conflict): Happened {
  const name = key.endsWith(`/${field}`) ? key : `${field} of ${key}`
  return {
    kind: 'conflict',
    what: `${name} is ${shown(winner)}, by ${winner.actor}; ${shown(loser)}, by ${loser.actor}, was written at the same time and lost`,
    where: key,
    ...(key.includes('/') ? {} : { record: key }),
    why: 'neither had seen the other; which of the two shows is decided alike everywhere, but not by time',
    fix: 'Choose which of the two is right: take what lost, or keep what shows. Any later change of the field decides, too.',
    key: id,
    ways: [
      { name: 'take', help: `puts ${shown(loser)} back` },
      { name: 'keep', help: `${shown(winner)} is right` },
    ],
    data: id,
  }
}

function shown({ value }: ConflictSide): string {
  return value === null ? 'nothing' : oneLine(typeof value === 'string' ? `"${value}"` : JSON.stringify(value), 60)
}
