import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import { type AttentionItem, attentionId, DISMISS, type Problem, type Way } from '../model/attention.ts'
import type { AttentionStore, Kept } from '../store/attention.ts'

/** Settles a kept item in one of its ways, in the name of whoever chose it; resolves to what was done, as a sentence. */
export type Settle = (kept: Kept, origin: WriteOrigin) => Promise<string>

export interface AttentionParts {
  readonly store: AttentionStore
  readonly clock: Clock
  /** What is wrong now, of all parts; what they kept may be among it. Its ways get no data. */
  readonly current: () => readonly Problem[]
  /** By kind of item and way. */
  readonly ways: Readonly<Record<string, Readonly<Record<string, Settle>>>>
  readonly onChange: () => void
}

/** The one list of what needs somebody, whichever part found it. */
export interface Attention {
  /** What stands still first, then what was kept, newest first. */
  list(): readonly AttentionItem[]
  /** Settles an item. Throws `attention_not_found`, `invalid_input` for a way it does not have, and what the way throws. */
  settle(id: string, way: string, origin: WriteOrigin): Promise<string>
}

export function createAttention({ store, clock, current, ways, onChange }: AttentionParts): Attention {
  const kept = (): ReadonlyMap<string, Kept> => new Map(store.list(clock.now()).map((one) => [one.id, one]))

  const list = (): readonly AttentionItem[] => {
    const held = kept()
    const live = new Map(current().map((problem) => [attentionId(problem), problem]))
    for (const id of held.keys()) live.delete(id)
    const seen = seenFirst([...live.keys()])
    return [
      ...[...live].map(([id, problem]) => itemOf(id, problem, seen.get(id) ?? clock.now(), problem.ways ?? [])),
      ...[...held.values()].map(({ id, problem }) =>
        itemOf(id, problem, problem.since ?? clock.now(), [...(problem.ways ?? []), DISMISS]),
      ),
    ]
  }

  /** A list must come, above all when the database is the problem. */
  const seenFirst = (ids: readonly string[]): ReadonlyMap<string, number> => {
    try {
      return store.firstSeen(ids, clock.now())
    } catch {
      return new Map()
    }
  }

  return {
    list,
    async settle(id, way, origin) {
      const item = list().find((one) => one.id === id)
      if (!item) throw new OrchError('attention_not_found', { id })
      const held = kept().get(id)
      const live = held ? undefined : current().find((problem) => attentionId(problem) === id)
      const one = held ?? (live && { id, problem: live, data: null })
      if (held && way === DISMISS.name) {
        store.drop(id)
        onChange()
        return `${id} is off the list.`
      }
      const settle = one && ways[item.kind]?.[way]
      if (!settle || !item.ways.some(({ name }) => name === way)) throw noWay(item, way)
      const done = await settle(one, origin)
      store.drop(id)
      onChange()
      return done
    },
  }
}

function itemOf(id: string, problem: Problem, since: number, ways: readonly Way[]): AttentionItem {
  const { key: _, ...shown } = problem
  return { id, ...shown, since: new Date(problem.since ?? since).toISOString(), ways }
}

function noWay({ ways, fix }: AttentionItem, way: string): OrchError {
  const names = ways.map(({ name }) => name).join(', ')
  return new OrchError('invalid_input', {
    field: 'way',
    reason: names === '' ? `nothing can be chosen here. ${fix}` : `"${way}" is not one of ${names}`,
  })
}
