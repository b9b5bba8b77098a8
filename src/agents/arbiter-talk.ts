import type { ErrorBody } from '../base/error.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { Json } from '../model/record.ts'
import type { Lease } from '../store/leases.ts'

/** What replicas ask the arbiter. */
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

export type GrantAnswer = { readonly task: string; readonly fence: number } | { readonly error: ErrorBody }

export type RenewAnswer =
  | { readonly state: 'held'; readonly fence: number }
  | { readonly state: 'lost'; readonly holder?: string; readonly reason: string }

const MAX_TASKS = 64
const MAX_NAME = 200

/** A question as it came over a link; undefined when it is none. */
export function readAsk(body: Json): AskArbiter | undefined {
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
