import { OrchError } from '../base/error.ts'
import { sha256 } from '../base/hash.ts'
import type { Actor } from '../model/actor.ts'
import { isRecordId, type Random, randomText } from '../model/id.ts'
import { isKnown, type Principal } from '../model/principal.ts'
import type { AgentMarks, SessionKey } from '../store/agent-marks.ts'

/**
 * Who a caller is, by the session it names. A session is continued only with its key, so that no process works under
 * another's name by accident; who shows the key acts as the session's actor, and that is recorded as checked.
 */
export interface Identity {
  /** Makes the key of a session that was just started; it is shown once and kept only as a hash. */
  issue(session: string, actor: Actor): string
  /** The caller as it is to be taken. Throws `session_key`. */
  identify(principal: Principal): Principal
}

const KEY_LENGTH = 20

/** `onIssued` hears of the key of each session, as a hash. */
export function createIdentity(
  marks: AgentMarks,
  random: Random,
  onIssued: (session: string, key: SessionKey) => void = () => undefined,
): Identity {
  return {
    issue(session, { name, type }) {
      const secret = randomText(random, KEY_LENGTH)
      const key = { hash: sha256(secret), actor: name, type: type === 'person' ? 'person' : 'agent' } as const
      marks.putKey(session, key)
      onIssued(session, key)
      return `${session}.${secret}`
    },
    identify(principal) {
      if (principal.session === undefined) return principal
      const [session = '', secret] = principal.session.split('.', 2)
      const known = isRecordId(session) ? marks.keyOf(session) : undefined
      if (!known) {
        // Of another replica, or from before there were keys: taken as it is said.
        if (secret === undefined) return principal
        throw new OrchError('session_key', { id: session, reason: 'it was not started here' })
      }
      const isSelf = isKnown(principal) && principal.actor.name === known.actor
      if (secret === undefined) {
        if (isSelf) return { ...principal, session }
        throw new OrchError('session_key', { id: session, reason: 'only its id was given' })
      }
      if (sha256(secret) !== known.hash)
        throw new OrchError('session_key', { id: session, reason: 'the key is not the one' })
      const { name } = principal.actor
      if (!isKnown(principal) && name !== known.actor) {
        throw new OrchError('session_key', { id: session, reason: `it is ${known.actor}'s, not ${name}'s` })
      }
      if (isSelf) return { ...principal, session }
      // The key proves whose session it is, and no more: what only the person of the repository may do, it may not.
      const role = principal.role === 'admin' ? 'writer' : principal.role
      return { ...principal, actor: { name: known.actor, type: known.type, verified: true }, role, session }
    },
  }
}
