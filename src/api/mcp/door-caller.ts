import { toActorName } from '../../model/actor.ts'
import type { Principal } from '../../model/principal.ts'
import type { Door } from '../door.ts'
import type { Activity } from '../protocol.ts'
import { createAgentSession, type LazySession } from './agent-session.ts'
import type { McpCaller } from './caller.ts'

export interface DoorCallerParts {
  readonly door: Door
  readonly principal: Principal
  readonly activity: (listen: (activity: Activity) => void) => () => void
  /** Says that a caller's connection lives, until it is called off. */
  readonly attach: (principal: Principal) => () => void
}

export interface DoorCaller extends McpCaller {
  readonly session: LazySession
  /** While a stream to the client is open, it lives. */
  live(): () => void
}

/** The way to the operations inside the daemon. A principal whose name nobody checked goes by that of its client. */
export function createDoorCaller({ door, principal, activity, attach }: DoorCallerParts): DoorCaller {
  let caller = principal
  let streams = 0
  let detach: (() => void) | undefined
  const as = (session: string | undefined): Principal => ({ ...caller, session })
  const attachWhileLive = (): void => {
    const key = session.key()
    if (streams > 0 && key !== undefined) detach ??= attach(as(key))
  }
  const session = createAgentSession({
    ask: (operation, input, key, { signal }) => door.call(operation, input, as(key), signal && { signal }),
    given: principal.session,
    attach: async () => {
      detach?.()
      detach = undefined
      attachWhileLive()
    },
  })
  return {
    session,
    call: session.call,
    read: (operation, input, { signal } = {}) =>
      door.call(operation, input, as(principal.session), signal && { signal }),
    follow: ({ onChange }) => activity(onChange),
    introduce(client) {
      if (client === undefined || principal.actor.verified || caller !== principal) return
      const name = toActorName(client, principal.actor.name)
      caller = { ...principal, actor: { name, type: 'agent', verified: false } }
    },
    live() {
      streams++
      attachWhileLive()
      return () => {
        streams--
        if (streams > 0) return
        detach?.()
        detach = undefined
      }
    },
  }
}
