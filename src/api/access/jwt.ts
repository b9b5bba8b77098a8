import { readFile } from 'node:fs/promises'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  importSPKI,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import type { Clock } from '../../base/clock.ts'
import { OrchError } from '../../base/error.ts'
import { toActorName } from '../../model/actor.ts'
import { type Role, roles } from '../../model/principal.ts'
import type { VerifyJwt } from './authenticate.ts'

/** Whose signed tokens are accepted, and what is read from them. */
export interface JwtRules {
  readonly issuer: string
  readonly audience: string
  /** An https address of a JWK set, or a file with one or with a public key in PEM. */
  readonly keys: string
  readonly actorClaim: string
  readonly roleClaim: string
}

/** Only signatures by a private key: with a shared secret, whoever can check can also sign. */
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'RS256', 'RS384', 'RS512', 'PS256']
const SKEW_S = 30

/** Tokens of an OpenID Connect provider, or of any issuer that signs JSON Web Tokens. */
export function createVerifyJwt(rules: JwtRules, clock: Clock): VerifyJwt {
  let keys: Promise<JWTVerifyGetKey> | undefined
  const keysOf = (): Promise<JWTVerifyGetKey> => {
    keys ??= loadKeys(rules.keys).catch((error: unknown) => {
      keys = undefined
      throw error
    })
    return keys
  }
  return async (token, from) => {
    const payload = await verified(token, await keysOf(), rules, clock)
    const actor = payload[rules.actorClaim]
    if (typeof actor !== 'string' || actor === '' || payload.exp === undefined) throw new OrchError('unauthorized')
    const ended = new AbortController()
    clock.after(Math.max(0, payload.exp * 1000 - clock.now()), () => ended.abort())
    return {
      actor: { name: toActorName(actor, 'unnamed'), type: 'person', verified: true },
      role: roleOf(payload, rules.roleClaim),
      by: 'jwt',
      from,
      ended: ended.signal,
    }
  }
}

async function verified(token: string, keys: JWTVerifyGetKey, rules: JwtRules, clock: Clock): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: ALGORITHMS,
      clockTolerance: SKEW_S,
      currentDate: new Date(clock.now()),
      requiredClaims: ['exp'],
    })
    return payload
  } catch (error) {
    throw new OrchError('unauthorized', {}, error)
  }
}

function roleOf(payload: JWTPayload, claim: string): Role {
  const said = [payload[claim] ?? []].flat()
  const role = roles.find((one) => said.includes(one))
  if (role === undefined) throw new OrchError('forbidden', { reason: `the token names no role of orch in "${claim}"` })
  return role
}

async function loadKeys(place: string): Promise<JWTVerifyGetKey> {
  if (URL.canParse(place) && new URL(place).protocol === 'https:') return createRemoteJWKSet(new URL(place))
  const text = await readFile(place, 'utf8')
  if (!text.includes('-----BEGIN')) return createLocalJWKSet(JSON.parse(text))
  return async ({ alg = '' }) => importSPKI(text, alg)
}
