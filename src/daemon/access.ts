import { createAuthenticate, type VerifyJwt } from '../api/access/authenticate.ts'
import { createFailures, type Failures } from '../api/access/failures.ts'
import { createTokens, type Tokens } from '../api/access/tokens.ts'
import type { Credentials } from '../api/http/credentials.ts'
import { createTlsFiles, ownCertificate, type TlsFiles } from '../api/http/tls.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Config } from '../config/options.ts'
import type { Random } from '../model/id.ts'
import type { Principal } from '../model/principal.ts'
import type { Database } from '../store/database.ts'
import { openTokenStore, type StoredToken } from '../store/token-store.ts'
import { createTokenFile } from './token-file.ts'

export interface AccessParts {
  readonly db: Database
  readonly tokenFile: string
  readonly project: () => string
  readonly config: Config
  readonly random: Random
  readonly clock: Clock
  readonly log: Logger
  readonly onFailure: (from: string) => void
  /** Hears of a token that was made, replaced or revoked here. */
  readonly onToken: (token: StoredToken) => void
}

/** Who may come in from outside, and how it is known. */
export interface Access {
  readonly tokens: Tokens
  readonly authenticate: (credentials: Credentials) => Promise<Principal>
  readonly failures: Failures
}

export function createAccess({ db, tokenFile, config, onFailure, onToken, log, ...parts }: AccessParts): Access {
  const failures = createFailures(parts.clock)
  const tokens = createTokens({
    ...parts,
    store: openTokenStore(db),
    file: createTokenFile(tokenFile),
    log,
    onKept: onToken,
  })
  const authenticate = createAuthenticate({
    tokens,
    verifyJwt: verifyJwtOf(config, parts.clock),
    clock: parts.clock,
    failures,
    onFailure(from) {
      onFailure(from)
      log.warn('a wrong token was shown', { from })
    },
  })
  return { tokens, authenticate, failures }
}

/** Loaded with the first signed token that comes. */
function verifyJwtOf(config: Config, clock: Clock): VerifyJwt | undefined {
  const { 'jwt.issuer': issuer, 'jwt.audience': audience, 'jwt.keys': keys } = config
  if (issuer === '' || audience === '' || keys === '') return undefined
  const rules = { issuer, audience, keys, actorClaim: config['jwt.actorClaim'], roleClaim: config['jwt.roleClaim'] }
  let loading: Promise<VerifyJwt> | undefined
  return async (token, from) => {
    loading ??= import('../api/access/jwt.ts').then(({ createVerifyJwt }) => createVerifyJwt(rules, clock))
    return (await loading)(token, from)
  }
}

/** The certificate of the front, where there is one. */
export function tlsOf(config: Config, privateDir: string, clock: Clock, log: Logger): TlsFiles | undefined {
  const { 'tls.cert': cert, 'tls.key': key } = config
  const files = cert !== '' && key !== '' ? { cert, key } : ownCertificate(privateDir)
  return files && createTlsFiles({ ...files, clock, log })
}
