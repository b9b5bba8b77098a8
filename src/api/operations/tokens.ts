import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import { parseTime } from '../../base/time-text.ts'
import { isActorName } from '../../model/actor.ts'
import type { Kinds } from '../../model/kind-set.ts'
import { parseScope, type Role, roles, type Scope } from '../../model/principal.ts'
import type { StoredToken } from '../../store/token-store.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { isoTime } from './output.ts'
import { nothing } from './schemas.ts'

const tokenSchema = z.object({
  id: z.string().describe('its id'),
  name: z.string().describe('its name'),
  state: z.enum(['valid', 'expired', 'revoked', 'other project']).describe('whether it may be used'),
  role: z.enum(roles).describe('what its bearer may do'),
  scopes: z.array(z.string()).optional().describe('what may be written, if not everything'),
  actor: z.string().optional().describe('whom it stands for; absent when its bearer says who it is'),
  createdAt: z.string().describe('when it was made, or made anew'),
  createdBy: z.string().describe('who made it'),
  expiresAt: z.string().optional().describe('when it ends'),
  lastUsedAt: z.string().optional().describe('when it was used last, to a minute'),
})
const newTokenSchema = z.object({
  token: z.string().describe('the token itself: it is shown this once'),
  ...tokenSchema.shape,
})
const which = z.strictObject({ name: z.string().describe('its name or id') })

/** Tokens: who may come in from outside. */
export const tokenOperations: readonly Operation[] = [
  defineOperation<TokenInput, unknown>({
    name: 'token.create',
    effect: 'write',
    role: 'admin',
    help: 'Makes a token for somebody who comes over HTTP or a websocket, and prints it this once.',
    input: z.strictObject({
      name: z.string().describe('what to call it: whose it is, or what for'),
      role: z
        .enum(roles)
        .default('writer')
        .describe(
          'reader; writer; admin, who may also make tokens and peers; or replica, which speaks for every actor',
        ),
      scope: z
        .array(z.string())
        .default([])
        .describe('narrows what may be written: a kind (`task`) or the records of it with a label (`task:frontend`)'),
      actor: z.string().optional().describe('whom it stands for, by default its name; `-` when its bearer says so'),
      person: z.boolean().default(false).describe('the actor is a person, not an agent'),
      expires: z.string().optional().describe('when it ends: 30d, 12h, or a date'),
    }),
    output: newTokenSchema,
    cli: {
      command: 'token create',
      positionals: ['name'],
      view: { type: 'text', field: 'token' },
      examples: [
        'orch token create claude --expires 30d',
        'orch token create ci --role reader',
        'orch token create designer --scope task:frontend --scope log',
        'orch token create office --role replica',
      ],
    },
    run({ parts, project, clock, actor: by }, input) {
      const expiresAt = input.expires === undefined ? undefined : expiryOf(input.expires, clock.now())
      const scopes = scopesOf(input.scope, project.kinds)
      if (scopes && input.role === 'replica') {
        throw new OrchError('invalid_input', { field: 'scope', reason: 'a replica brings rows of everything' })
      }
      const { token, stored } = parts.tokens.create(
        { name: nameOf(input.name, 'name'), role: input.role, scopes, actor: actorOf(input), expiresAt },
        by.name,
      )
      return { token, ...shown(stored, project.id, clock.now()) }
    },
  }),
  defineOperation<object, unknown>({
    name: 'token.list',
    effect: 'read',
    role: 'admin',
    help: 'Lists the tokens of this replica, also those that have ended.',
    input: nothing,
    output: z.object({ items: z.array(tokenSchema).describe('the tokens') }),
    cli: {
      command: 'token list',
      positionals: [],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'id', head: 'id', style: 'id' },
          { key: 'name', head: 'name' },
          { key: 'state', head: 'state', style: 'status' },
          { key: 'role', head: 'role' },
          { key: 'scopes', head: 'scopes' },
          { key: 'actor', head: 'actor' },
          { key: 'expiresAt', head: 'expires', style: 'time' },
          { key: 'lastUsedAt', head: 'last used', style: 'time' },
        ],
        empty: 'There are no tokens.',
      },
      examples: ['orch token list'],
    },
    run: ({ parts, project, clock }) => ({
      items: parts.tokens.list().map((token) => shown(token, project.id, clock.now())),
    }),
  }),
  defineOperation<{ name: string }, unknown>({
    name: 'token.revoke',
    effect: 'write',
    role: 'admin',
    help: 'Ends a token at once, and every connection that was made with it.',
    input: which,
    output: tokenSchema,
    cli: {
      command: 'token revoke',
      positionals: ['name'],
      view: { type: 'message', text: 'Revoked {name} ({id}); its connections are closed' },
      examples: ['orch token revoke claude'],
    },
    run: ({ parts, project, clock }, { name }) => shown(parts.tokens.revoke(name), project.id, clock.now()),
  }),
  defineOperation<{ name: string }, unknown>({
    name: 'token.rotate',
    effect: 'write',
    role: 'admin',
    help: 'Gives a token a new text, prints it this once, and ends the old one at once.',
    input: which,
    output: newTokenSchema,
    cli: {
      command: 'token rotate',
      positionals: ['name'],
      view: { type: 'text', field: 'token' },
      examples: ['orch token rotate claude'],
    },
    run({ parts, project, clock }, { name }) {
      const { token, stored } = parts.tokens.rotate(name)
      return { token, ...shown(stored, project.id, clock.now()) }
    },
  }),
  defineOperation<object, unknown>({
    name: 'token.show',
    effect: 'read',
    role: 'admin',
    help: 'Prints the token that is there from the start: other replicas and y-websocket clients join with it.',
    input: nothing,
    output: z.object({ token: z.string().describe('the token: keep it secret') }),
    cli: {
      command: 'token show',
      positionals: [],
      view: { type: 'text', field: 'token' },
      examples: ['orch token show'],
    },
    run: ({ parts }) => ({ token: parts.tokens.show() }),
  }),
]

interface TokenInput {
  readonly name: string
  readonly role: Role
  readonly scope: readonly string[]
  readonly actor?: string | undefined
  readonly person: boolean
  readonly expires?: string | undefined
}

function actorOf({ name, actor, person }: TokenInput): StoredToken['actor'] {
  if (actor === '-') return null
  return { name: nameOf(actor ?? name, 'actor'), type: person ? 'person' : 'agent' }
}

function nameOf(text: string, field: string): string {
  if (isActorName(text)) return text
  const reason = '1 to 64 letters, digits, blanks and ._@+-, beginning with a letter or digit'
  throw new OrchError('invalid_input', { field, reason })
}

function scopesOf(texts: readonly string[], kinds: Kinds): readonly Scope[] | undefined {
  if (texts.length === 0) return undefined
  return texts.map((text) => {
    const scope = parseScope(text)
    const kind = kinds.all.find(({ name }) => name === scope.kind)
    const known = kinds.all.map(({ name }) => name).join(', ')
    if (!kind)
      throw new OrchError('invalid_input', { field: 'scope', reason: `no kind "${scope.kind}"; there are ${known}` })
    const hasLabels = kind.shape === 'records' && kind.fields.labels?.merge === 'set'
    if (scope.label !== undefined && (!hasLabels || scope.label === '')) {
      throw new OrchError('invalid_input', { field: 'scope', reason: `a ${kind.name} has no labels to narrow it by` })
    }
    return scope
  })
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `30d` from now, or the end of a date. */
function expiryOf(text: string, now: number): number {
  const [, count, unit = ''] = /^(\d{1,5})([mhdw])$/.exec(text.trim()) ?? []
  const at = count === undefined ? parseTime(text, now, 'end') : now + Number(count) * (UNITS[unit] ?? 0)
  if (at === undefined || at <= now) {
    throw new OrchError('invalid_input', { field: 'expires', reason: 'use 30d, 12h, or a date to come' })
  }
  return at
}

function shown(token: StoredToken, project: string, now: number): object {
  return {
    id: token.id,
    name: token.name,
    state: stateOf(token, project, now),
    role: token.role,
    ...(token.scopes && { scopes: token.scopes }),
    ...(token.actor && { actor: token.actor.name }),
    createdAt: isoTime(token.createdAt),
    createdBy: token.createdBy,
    ...(token.expiresAt !== null && { expiresAt: isoTime(token.expiresAt) }),
    ...(token.lastUsedAt !== null && { lastUsedAt: isoTime(token.lastUsedAt) }),
  }
}

function stateOf({ revokedAt, expiresAt, project: its }: StoredToken, project: string, now: number): string {
  if (revokedAt !== null) return 'revoked'
  if (expiresAt !== null && expiresAt <= now) return 'expired'
  return its === project ? 'valid' : 'other project'
}
