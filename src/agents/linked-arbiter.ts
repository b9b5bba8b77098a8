import { type ErrorBody, OrchError, reasonOf, toOrchError } from '../base/error.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { Json } from '../model/record.ts'
import type { Lease } from '../store/leases.ts'
import type { Arbiter, RenewAnswer } from './arbiter.ts'

/** What replicas ask the arbiter over a link. */
export type AskArbiter =
  | {
      readonly do: 'grant'
      /** In order of preference. */
      readonly tasks: readonly RecordId[]
      readonly actor: string
      readonly person: boolean
      readonly session: string
    }
  /** Says that the holder lives; asks for what was claimed provisionally. */
  | { readonly do: 'renew'; readonly lease: Lease }
  | { readonly do: 'end'; readonly task: RecordId; readonly fence: number }

type GrantAnswer = { readonly task: string; readonly fence: number } | { readonly error: ErrorBody }

const MAX_TASKS = 64
const MAX_NAME = 200

/** The arbiter as a replica that another one is linked with. `ask` rejects where it cannot be reached. */
export function createLinkedArbiter(replica: () => string, ask: (body: Json) => Promise<Json>): Arbiter {
  const answerTo = async (question: AskArbiter): Promise<unknown> => {
    try {
      return await ask(question as unknown as Json)
    } catch (error) {
      if (toOrchError(error).code === 'arbiter_unreachable') throw error
      throw new OrchError('arbiter_unreachable', { replica: replica(), reason: reasonOf(error) })
    }
  }
  return {
    async grant({ tasks, actor, person, session }) {
      const answer = (await answerTo({ do: 'grant', tasks, actor, person, session })) as GrantAnswer
      if ('error' in answer) throw OrchError.fromBody(answer.error)
      return { task: answer.task as RecordId, fence: answer.fence }
    },
    renew: async (lease) => (await answerTo({ do: 'renew', lease })) as RenewAnswer,
    async end({ task, fence }) {
      await answerTo({ do: 'end', task, fence })
    },
  }
}

/** Answers what another replica asks of the arbiter that sits here. */
export async function answerForArbiter(arbiter: Arbiter, from: string, body: Json): Promise<Json> {
  const question = readAsk(body)
  if (!question) throw new OrchError('usage', { reason: 'this question is not understood' })
  switch (question.do) {
    case 'grant':
      try {
        const { task, fence } = await arbiter.grant({ ...question, replica: from })
        return { task, fence }
      } catch (error) {
        const refusal = toOrchError(error)
        if (refusal.code === 'arbiter_unreachable') throw refusal
        return { error: refusal.toBody() } as unknown as Json
      }
    case 'renew':
      return (await arbiter.renew({ ...question.lease, replica: from })) as unknown as Json
    case 'end':
      await arbiter.end(question)
      return {}
  }
}

/** A question as it came over a link; undefined when it is none. */
function readAsk(body: Json): AskArbiter | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined
  const ask = body as Readonly<Record<string, Json>>
  switch (ask.do) {
    case 'grant': {
      const { tasks, actor, person, session } = ask
      if (!Array.isArray(tasks) || tasks.length > MAX_TASKS || !tasks.every(isId)) return undefined
      if (!isName(actor) || typeof person !== 'boolean' || !isText(session)) return undefined
      return { do: 'grant', tasks, actor, person, session }
    }
    case 'renew': {
      const lease = ask.lease as unknown as Lease | null
      if (typeof lease !== 'object' || lease === null) return undefined
      const { task, actor, session, fence, formerFence, replica, at, until, provisional } = lease
      const isSound =
        isId(task) && isName(actor) && isText(session) && isText(replica) && typeof provisional === 'boolean'
      const numbers = [fence, formerFence, at, until ?? 0]
      if (!isSound || !numbers.every(Number.isSafeInteger)) return undefined
      return { do: 'renew', lease: { task, actor, session, fence, formerFence, replica, at, until, provisional } }
    }
    case 'end':
      return isId(ask.task) && Number.isSafeInteger(ask.fence)
        ? { do: 'end', task: ask.task, fence: ask.fence as number }
        : undefined
    default:
      return undefined
  }
}

const isId = (value: unknown): value is RecordId => typeof value === 'string' && isRecordId(value)
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_NAME
const isName = (value: unknown): value is string => isText(value) && value !== ''
