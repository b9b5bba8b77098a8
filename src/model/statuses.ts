import { choicesLike } from './kind.ts'
import type { Kinds } from './kind-set.ts'
import { task } from './kinds/task.ts'

/** What the statuses of a project's tasks mean: a status that a project adds counts as one of orch's. */
export interface Statuses {
  /** Every declared one, in the order of the board. */
  readonly all: readonly string[]
  /** A task that has one of these is over. */
  readonly closed: readonly string[]
  readonly open: readonly string[]
  /** All that are, or count as, one of these of orch. */
  like(...names: readonly string[]): readonly string[]
  /** The status of orch that one is or counts as; one that is not declared here is itself. */
  meaning(status: string): string
}

export function statusesOf(kinds: Pick<Kinds, 'own'>): Statuses {
  const kind = kinds.own(task)
  const value = kind.fields.status?.value
  const choices = value?.type === 'choice' ? value.choices : []
  const countsAs = value?.type === 'choice' ? value.countsAs : {}
  const closed = kind.stamps.closedAt?.values ?? []
  return {
    all: choices,
    closed,
    open: choices.filter((status) => !closed.includes(status)),
    like: (...names) => choicesLike(kind, 'status', ...names),
    meaning: (status) => (Object.hasOwn(countsAs, status) ? (countsAs[status] ?? status) : status),
  }
}
