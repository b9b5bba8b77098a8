import { z } from 'zod'
import { declaredFields, declaredKinds, declaredStatuses } from '../model/declaration.ts'

/** One option: where it stands in `.orchrc` (dots are nesting) and, in capitals with `_`, in the environment. */
interface Option<T = unknown> {
  readonly schema: z.ZodType<T>
  readonly byDefault: T
  readonly help: string
  /** Shown in `.orchrc.example`. */
  readonly example: string
  /** Reaches outside the repository: ignored in `.orchrc` until a person has run `orch trust`. */
  readonly needsTrust?: (value: T) => boolean
}

const option = <T>(
  schema: z.ZodType<T>,
  byDefault: T,
  help: string,
  example: string,
  needsTrust?: (value: T) => boolean,
): Option<T> => ({
  schema,
  byDefault,
  help,
  example,
  ...(needsTrust ? { needsTrust } : {}),
})

const milliseconds = z.number().int().min(0).max(86_400_000)
const always = (): boolean => true

/** Every option there is. `.orchrc`, `ORCH_*` variables, `--set` flags, the reference in docs/config.md and `.orchrc.example` are read from here. */
export const options = {
  'mirror.dir': option(
    z.string().min(1),
    'orch',
    'The folder of the Markdown files, below the repository.',
    'orch',
    (dir) => dir.startsWith('/') || dir.split(/[\\/]/).includes('..'),
  ),
  'mirror.quietMs': option(
    milliseconds,
    0,
    'A file is read when nothing has changed it for this long. 0: 25 where it can be told that no program has it open for writing, 250 elsewhere, 2000 on network file systems.',
    '250',
  ),
  'mirror.tier': option(
    z.enum(['auto', 'basic']),
    'auto',
    'How files are read and replaced: `auto` uses what the system offers beyond the least, `basic` never does.',
    'auto',
  ),
  'mirror.scanMs': option(milliseconds, 5000, 'All files are looked at this often, whatever the watcher says.', '5000'),
  'git.enabled': option(z.boolean(), true, 'Commit snapshots to the history branch.', 'true'),
  'git.branch': option(
    z.string().regex(/^[\w./-]+$/),
    'orch-history',
    'The branch of the snapshots. Another name is taken where somebody else uses this one.',
    'orch-history',
  ),
  'git.quietMs': option(milliseconds, 5000, 'Commit a snapshot this long after the last change.', '5000'),
  'git.maxMs': option(milliseconds, 60_000, 'But at the latest this long after the first one.', '60000'),
  'git.remote': option(
    z.string().regex(/^([\w][\w./-]*)?$/, 'must be the name of a remote, as `git remote` lists it'),
    '',
    'A git remote to sync the history branch with: what others pushed is fetched, merged, and pushed. `orch remote set` keeps one outside this file.',
    'origin',
    (remote) => remote !== '',
  ),
  'git.remoteMs': option(
    milliseconds,
    60_000,
    'Sync with the git remote this often. 0: only with `orch sync --git`, and before the daemon stops.',
    '60000',
  ),
  'claims.graceMs': option(
    milliseconds,
    120_000,
    "An agent's claims end this long after its connection is gone, unless it is back.",
    '120000',
  ),
  'claims.idleMs': option(
    milliseconds,
    1_800_000,
    'Claims of an agent without a connection (by commands) end this long after its last command.',
    '1800000',
  ),
  listen: option(
    z.string().regex(/^([\w.-]+|\[[0-9a-f:.]+\]):\d{1,5}$/i, 'must be an address with a port, such as 127.0.0.1:4100'),
    '127.0.0.1:0',
    'Where peers, y-websocket clients and programs connect. Beyond loopback only with tls.cert and tls.key. Port 0 takes a free one and keeps it.',
    '127.0.0.1:4100',
    always,
  ),
  drainMs: option(
    z.number().int().min(0).max(8000),
    0,
    'Told to stop, go on serving for so long while `/readyz` answers 503: a load balancer sends nobody here by then.',
    '3000',
  ),
  listenInsecure: option(
    z.boolean(),
    false,
    'Listen beyond loopback without TLS: tokens and everything else can then be read on the way.',
    'false',
    always,
  ),
  'tls.cert': option(
    z.string(),
    '',
    'A file with the certificate chain, in PEM; read anew when it changes.',
    '/etc/orch/cert.pem',
    always,
  ),
  'tls.key': option(z.string(), '', 'The file with its private key, in PEM.', '/etc/orch/key.pem', always),
  'http.names': option(
    z.array(z.string()),
    [],
    'Names by which this daemon is reached, besides localhost and addresses.',
    '[orch.example.org]',
    always,
  ),
  'http.origins': option(
    z.array(z.string()),
    [],
    'Pages of other sites that may call it from a browser.',
    '["https://board.example.org"]',
    always,
  ),
  peers: option(
    z.array(
      z.object({
        name: z.string().min(1).max(64),
        url: z.string().regex(/^wss?:\/\//),
        token: z.string().optional(),
        pin: z.string().optional(),
      }),
    ),
    [],
    'Other replicas to link to; `orch peer add` keeps them outside this file.',
    '[{ name: laptop, url: "ws://127.0.0.1:4100/sync/myproject", token: orch_... }]',
    always,
  ),
  'encryption.keyFile': option(
    z.string(),
    '',
    'A file with the key that encrypts at rest, readable by you alone: see docs/encryption.md. The variable ORCH_ENCRYPTION_KEY, which holds the key itself, counts before it.',
    '~/.config/orch/shop.key',
    always,
  ),
  'encryption.keyCommand': option(
    z.string(),
    '',
    'A command of the shell that prints the key instead, for example out of a password manager.',
    'pass show orch/shop',
    always,
  ),
  'encryption.database': option(
    z.boolean(),
    true,
    'With a key: encrypt the database. Needs the package better-sqlite3-multiple-ciphers.',
    'true',
    (wanted) => !wanted,
  ),
  'encryption.git': option(
    z.boolean(),
    true,
    'With a key: encrypt the rows in `crdt/` on the history branch. The files beside them stay readable.',
    'true',
    (wanted) => !wanted,
  ),
  redis: option(
    z.string().regex(/^(rediss?:\/\/\S+)?$/, 'must be an address, such as redis://:PASSWORD@HOST:6379/0'),
    '',
    'A Redis server over which several daemons serve this project as equals: see docs/redis.md.',
    'redis://127.0.0.1:6379/0',
    always,
  ),
  statuses: option(
    declaredStatuses,
    {},
    'More statuses of tasks, each with the one of orch that it counts as, and stands after. See docs/kinds.md.',
    '{ testing: { as: in_progress }, wontfix: { as: cancelled } }',
  ),
  fields: option(
    z.record(z.string(), declaredFields),
    {},
    'More fields of the kinds of orch: kind, field, what it is. See docs/kinds.md.',
    '{ task: { severity: { type: choice, choices: [high, low], help: how bad it is, indexed: true } } }',
  ),
  kinds: option(
    declaredKinds,
    {},
    "Kinds of records of the project's own. See docs/kinds.md.",
    '{ risk: { letter: k, help: something that may go wrong, fields: { likelihood: { type: number } } } }',
  ),
  'jwt.issuer': option(
    z.string(),
    '',
    'Accept JSON Web Tokens of this issuer (its `iss`), for example of an OpenID Connect provider.',
    'https://login.example.org',
    always,
  ),
  'jwt.audience': option(z.string(), '', 'Whom such a token must be for (its `aud`).', 'orch', always),
  'jwt.keys': option(
    z.string(),
    '',
    'Its public keys: an https address of a JWK set, or a file with one or with a PEM key.',
    'https://login.example.org/.well-known/jwks.json',
    always,
  ),
  'jwt.actorClaim': option(z.string().min(1), 'sub', 'The claim that names the actor.', 'email', always),
  'jwt.roleClaim': option(
    z.string().min(1),
    'orch_role',
    'The claim that names the role: reader, writer, admin or replica, alone or in a list.',
    'groups',
    always,
  ),
  'graphql.readerIntrospection': option(
    z.boolean(),
    true,
    'Whether a token that may only read may ask GraphQL for its schema.',
    'true',
  ),
  'log.level': option(z.enum(['debug', 'info', 'warn', 'error']), 'info', 'How much the daemon log says.', 'info'),
} as const

type Options = typeof options
export type OptionName = keyof Options
export type Config = { readonly [K in OptionName]: Options[K] extends Option<infer T> ? T : never }

export const optionNames = Object.keys(options) as readonly OptionName[]

/** `git.quietMs` -> `ORCH_GIT_QUIET_MS` */
export function variableOf(name: string): string {
  return `ORCH_${name
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/\./g, '_')
    .toUpperCase()}`
}
