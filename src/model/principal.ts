import { unreachable } from '../base/assert.ts'
import type { Actor } from './actor.ts'

/** What an operation asks of its caller. Each includes the ones before it. */
export const operationRoles = ['reader', 'writer', 'admin'] as const
export type OperationRole = (typeof operationRoles)[number]

/** What a caller may be. A `replica` may, besides writing, exchange rows: it speaks for every actor of the project. */
export const roles = [...operationRoles, 'replica'] as const
export type Role = (typeof roles)[number]

/** A part of the project that somebody may write: a kind, or the records of it that carry a label. */
export interface Scope {
  readonly kind: string
  readonly label?: string
}

/** `task`, or `task:frontend`. */
export function formatScope({ kind, label }: Scope): string {
  return label === undefined ? kind : `${kind}:${label}`
}

/** The scope that a text names; its kind need not exist. */
export function parseScope(text: string): Scope {
  const at = text.indexOf(':')
  return at < 0 ? { kind: text } : { kind: text.slice(0, at), label: text.slice(at + 1) }
}

/** Who calls, what they may do, and how orch knows. Made once, where a connection is accepted; every surface passes it on. */
export interface Principal {
  /** In whose name it is recorded. `verified` says whether orch checked the name or it was only said. */
  readonly actor: Actor
  readonly role: Role
  /** What may be written; absent, everything that the role allows. Reading is not narrowed. */
  readonly scopes?: readonly Scope[] | undefined
  /** The session the caller says it works in. */
  readonly session?: string | undefined
  /** How it was authenticated: by the permissions of the local socket, a token of ours, or a signed token of an issuer. */
  readonly by: 'socket' | 'token' | 'jwt'
  /** The id of the token, where there is one. */
  readonly token?: string | undefined
  /** Where it calls from: `local`, or an address. */
  readonly from: string
  /** Aborted when the token is revoked or has expired: who holds a connection open ends it. */
  readonly ended?: AbortSignal | undefined
}

/**
 * Whether a caller is who it says, as far as orch can know: by a token or a key, or as the person whose repository it is,
 * who alone can open the socket and names nobody. Everybody else only says a name.
 */
export function isKnown({ actor, by, role }: Principal): boolean {
  return actor.verified || (by === 'socket' && role === 'admin')
}

/** Whether a role includes what an operation asks. */
export function mayCall(role: Role, asked: OperationRole): boolean {
  switch (role) {
    case 'reader':
    case 'writer':
    case 'admin':
      return operationRoles.indexOf(role) >= operationRoles.indexOf(asked)
    case 'replica':
      return asked !== 'admin'
    default:
      return unreachable(role)
  }
}

/** Whether a principal may write anything at all to a document itself, past the operations: scopes are checked by operations only. */
export function mayWriteDocument({ role, scopes }: Principal): boolean {
  return role !== 'reader' && scopes === undefined
}

/** Whether a principal may exchange rows, which carry the names of all actors. */
export function mayExchangeRows({ role, scopes }: Principal): boolean {
  return (role === 'replica' || role === 'admin') && scopes === undefined
}
