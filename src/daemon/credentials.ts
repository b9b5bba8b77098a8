import { isShared, type Tokens } from '../api/access/tokens.ts'
import { isRecordId } from '../model/id.ts'
import { roles } from '../model/principal.ts'
import type { Json } from '../model/record.ts'
import type { AgentMarks, SessionKey } from '../store/agent-marks.ts'
import type { StoredToken } from '../store/token-store.ts'

/** A token or the key of a session as nodes tell each other of it: as a hash, never itself. */
export type Credential = { readonly token: StoredToken } | { readonly session: string; readonly key: SessionKey }

/** What this node knows, and where what others know is kept: so a token or a session is good at every node. */
export function createCredentials(parts: {
  readonly tokens: () => Pick<Tokens, 'list' | 'learn'>
  readonly marks: () => Pick<AgentMarks, 'keyOf' | 'putKey'>
}) {
  const { tokens, marks } = parts
  return {
    all: (): readonly Json[] =>
      tokens()
        .list()
        .filter(isShared)
        .map((token) => toJson({ token })),
    take(given: Json): void {
      const credential = given as unknown as Partial<{ token: StoredToken; session: string; key: SessionKey }>
      if (credential.token && isToken(credential.token)) tokens().learn(credential.token)
      const { session, key } = credential
      if (session === undefined || !key || !isRecordId(session) || !isKey(key) || marks().keyOf(session)) return
      marks().putKey(session, key)
    },
  }
}

/** As it is told. */
export function toJson(credential: Credential): Json {
  return credential as unknown as Json
}

const HASH = /^[0-9a-f]{64}$/

function isToken({
  id,
  name,
  hash,
  role,
  scopes,
  actor,
  project,
  createdAt,
  createdBy,
  ...rest
}: StoredToken): boolean {
  const areTexts = [id, name, project, createdBy].every((text) => typeof text === 'string')
  const areTimes = [createdAt, rest.expiresAt ?? 0, rest.lastUsedAt ?? 0, rest.revokedAt ?? 0].every(
    Number.isSafeInteger,
  )
  const isScoped = scopes === null || (Array.isArray(scopes) && scopes.every((scope) => typeof scope === 'string'))
  const isActor = actor === null || (typeof actor === 'object' && typeof actor.name === 'string')
  return areTexts && areTimes && isScoped && isActor && HASH.test(hash) && roles.includes(role)
}

function isKey({ hash, actor, type }: SessionKey): boolean {
  return HASH.test(hash) && typeof actor === 'string' && (type === 'person' || type === 'agent')
}
