import type { Clock } from '../base/clock.ts'
import { OrchError, toOrchError } from '../base/error.ts'
import type { Json } from '../model/record.ts'

/** A question to one replica, on its way. */
export interface Question {
  /** Names it everywhere: in a circle of replicas it must not go round for ever. */
  readonly key: string
  readonly to: string
  readonly from: string
  /** Over how many more replicas it may be passed on. */
  readonly hops: number
  readonly body: Json
}

/** A replica that a link stands with. */
export interface Neighbour {
  readonly replica: string
  /** Rejects with what the other side refused, and when it does not answer. */
  ask(question: Question): Promise<Json>
}

/** Questions from replica to replica over the links that stand, beside the rows. Nothing of them is kept. */
export interface Asks {
  /** Asks a replica, over others where no link leads there. Rejects with `arbiter_unreachable` when no way does. */
  ask(to: string, body: Json): Promise<Json>
  /** A question that came from a neighbour. */
  take(question: Question): Promise<Json>
  /** A link stands, until the returned function is called. */
  join(neighbour: Neighbour): () => void
}

export interface AsksParts {
  readonly replica: () => string
  /** Answers what is asked of this replica. */
  readonly answer: (from: string, body: Json) => Promise<Json>
  /** Hears that a link stands. */
  readonly onLinked: (replica: string) => void
  readonly clock: Clock
  /** Random text. */
  readonly key: () => string
}

const MAX_HOPS = 4
/** A replica that is there answers in milliseconds; one that went away is noticed by the link only later. */
const TIMEOUT_MS = 5_000
const KEPT_KEYS = 1_000

export function createAsks({ replica, answer, onLinked, clock, key }: AsksParts): Asks {
  const neighbours = new Set<Neighbour>()
  const seen = new Set<string>()

  const isNew = (one: string): boolean => {
    if (seen.has(one)) return false
    seen.add(one)
    const [oldest] = seen
    if (seen.size > KEPT_KEYS && oldest !== undefined) seen.delete(oldest)
    return true
  }
  const unreachable = (to: string, reason: string): OrchError =>
    new OrchError('arbiter_unreachable', { replica: to, reason })

  const pass = async (question: Question): Promise<Json> => {
    const { to } = question
    const direct = [...neighbours].filter((one) => one.replica === to)
    const ways = direct.length > 0 ? direct : question.hops > 0 ? [...neighbours] : []
    const others = ways.filter((one) => one.replica !== question.from)
    if (others.length === 0) throw unreachable(to, 'no link leads there')
    const passed = { ...question, hops: question.hops - 1 }
    const tries = others.map(async (one) => {
      try {
        return { value: await within(one.ask(passed), to) }
      } catch (error) {
        const refusal = toOrchError(error)
        // Only the one that was asked can refuse; who passes it on can only fail to.
        if (refusal.code === 'arbiter_unreachable') throw refusal
        return { refusal }
      }
    })
    try {
      const first = await Promise.any(tries)
      if ('refusal' in first) throw first.refusal
      return first.value
    } catch (error) {
      throw error instanceof AggregateError ? unreachable(to, 'it does not answer') : error
    }
  }

  const within = (asked: Promise<Json>, to: string): Promise<Json> =>
    new Promise((resolve, reject) => {
      const cancel = clock.after(TIMEOUT_MS, () => reject(unreachable(to, 'it does not answer')))
      asked.then(resolve, reject).finally(cancel)
    })

  return {
    ask: (to, body) => {
      const question = { key: key(), to, from: replica(), hops: MAX_HOPS, body }
      isNew(question.key)
      return pass(question)
    },
    async take(question) {
      if (!isNew(question.key)) throw unreachable(question.to, 'the question has been here')
      return question.to === replica() ? await answer(question.from, question.body) : await pass(question)
    },
    join(neighbour) {
      neighbours.add(neighbour)
      onLinked(neighbour.replica)
      return () => neighbours.delete(neighbour)
    },
  }
}
