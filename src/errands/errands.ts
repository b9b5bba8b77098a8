import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { sha256 } from '../base/hash.ts'
import type { Keyring } from '../base/keys.ts'
import type { Logger } from '../base/log.ts'
import type { PrivatePaths } from '../base/repository.ts'
import { projectKinds } from '../config/declared.ts'
import { bootId, createGenerations, leaseFacts, machineId, stateHome, trust } from '../config/host.ts'
import type { Config } from '../config/options.ts'
import type { GitRepo } from '../git/git-repo.ts'
import { openGitRepo } from '../git/real-git-repo.ts'
import { gitEnv, runGit } from '../git/run-git.ts'
import { askForKey } from '../git/snapshot-ledger.ts'
import type { Actor } from '../model/actor.ts'
import type { Random } from '../model/id.ts'
import { dialSockets } from '../peers/wire.ts'
import { openDatabase, openDatabaseReadOnly } from '../store/database.ts'
import { acquireLock, type Lock } from '../store/lock.ts'
import { openProject, remakeIndex } from '../store/open-project.ts'
import { assertNotElsewhere } from '../store/owner.ts'
import { prepareSchema } from '../store/schema.ts'
import { type JoinSource, performJoin, previewJoin } from './join.ts'
import { performPurge, previewPurge } from './purge.ts'
import { removeMirror } from './remove-mirror.ts'

/**
 * What the thin client asks of the daemon's program without being the daemon: things that need the configuration, the
 * database or git.
 *
 * - `plan`: the places that `init` will touch.
 * - `trust <sha256>`: lets `.orchrc` count, if that is still its content.
 * - `cert [names, with commas between] [renew]`: the daemon's certificate, made if there is none.
 * - `join plan|do peer|git <address or ref> <token or ''> <pin or ''> [follow]`: says what moving this project into another one
 *   makes, or does it. `do` takes the lock.
 * - `rebuild`: makes the index anew, as a start does when its declaration has changed; tells a terminal how far it is.
 * - `purge plan|do`: says where the secret is that comes on standard input, or takes it out. `do` takes the lock.
 * - `encrypt`, `decrypt`: encrypts the databases as the configuration says, or makes them plain. Takes the lock.
 * - `remove <replica> [branch]`: takes the mirror away, but for what is not merged; what is kept of the replica outside
 *   the repository; and the branch, if named.
 */
export interface ErrandParts {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly mainWorktree: string
  readonly commonDir: string
  readonly paths: PrivatePaths
  readonly person: () => Promise<Actor>
  /** The keys that encrypt at rest: only who opens the database asks for them. */
  readonly keyring: () => Promise<Keyring>
  readonly log: Logger
}

/** Runs an errand and resolves to its report. Throws `usage` for an unknown one. */
export async function runErrand([name, ...words]: readonly string[], parts: ErrandParts): Promise<object> {
  const [first = '', second] = words
  switch (name) {
    case 'plan':
      return { plan: await plan(parts) }
    case 'trust':
      return { trusted: keepTrust(first, parts) }
    case 'join':
      return { join: await moveInto(words, parts) }
    case 'cert':
      return { cert: await certificate(first, second === 'renew', parts) }
    case 'rebuild':
      return { rebuilt: await rebuild(parts) }
    case 'purge':
      return { purge: await takeOut(first, parts) }
    case 'encrypt':
    case 'decrypt':
      return { encryption: await convert(name, parts) }
    case 'remove':
      return { removal: await remove(first, second, parts) }
    default:
      throw new OrchError('usage', { reason: `There is no errand "${name}"` })
  }
}

async function plan({ config, env, mainWorktree }: ErrandParts): Promise<object> {
  const mirror = join(mainWorktree, config['mirror.dir'])
  const isInside = !relative(mainWorktree, mirror).startsWith('..')
  const tracked = isInside ? await git(mainWorktree, env, ['ls-files', '-z', '--', mirror]) : ''
  return { mirror, branch: config['git.branch'], stateHome: stateHome(env), isTracked: tracked !== '' }
}

function keepTrust(hash: string, { env, mainWorktree }: ErrandParts): true {
  const text = readFileSync(join(mainWorktree, '.orchrc'), 'utf8')
  if (sha256(text) !== hash) throw new OrchError('usage', { reason: '.orchrc has changed since it was shown' })
  trust(stateHome(env), text)
  return true
}

async function moveInto(
  [how, type, where = '', token = '', pin = '', follow]: readonly string[],
  parts: ErrandParts,
): Promise<object> {
  const { config, env, paths, commonDir, log } = parts
  const random: Random = (bytes) => randomBytes(bytes)
  const clock = systemClock
  const repo = openGitRepo({ commonDir, env, clock, random })
  const branch = config['git.branch']
  const joining = {
    paths,
    keyring: await parts.keyring(),
    kinds: projectKinds(config, '.orchrc'),
    repo,
    ref: `refs/heads/${branch}`,
    generations: createGenerations(stateHome(env), (error) => log.warn('generation not kept', { error })),
    person: await parts.person(),
    follow: follow === 'follow',
    dial: dialSockets(clock),
    clock,
    random,
    log,
  }
  const source: JoinSource =
    type === 'git'
      ? { type, ref: await fetchedRef(repo, where, branch) }
      : { type: 'peer', url: where, token, pin: pin || undefined }
  if (how === 'plan') return await previewJoin(joining, source)
  const lock = lockOrRefuse(paths)
  try {
    return await performJoin(joining, source)
  } finally {
    lock.release()
  }
}

/** The certificate of the daemon and its pin. The one that the configuration names is only looked at. */
async function certificate(names: string, isRenewed: boolean, { config, paths }: ErrandParts): Promise<object> {
  const { loadOrMakeCertificate, describeCertificate } = await import('../api/http/certificate.ts')
  const wanted = [...names.split(',').filter(Boolean), ...config['http.names']]
  if (config['tls.cert'] === '') {
    return loadOrMakeCertificate({ dir: paths.dir, names: wanted, isRenewed, now: systemClock.now() })
  }
  if (names !== '' || isRenewed) {
    throw new OrchError('usage', { reason: `The certificate is that of the setting tls.cert: ${config['tls.cert']}` })
  }
  return { ...describeCertificate(config['tls.cert']), isNew: false }
}

async function takeOut(how: string, parts: ErrandParts): Promise<object> {
  const { config, env, mainWorktree, paths, commonDir, log } = parts
  const secret = readFileSync(0, 'utf8')
  const keyring = await parts.keyring()
  const lock = how === 'do' ? lockOrRefuse(paths) : undefined
  const db = lock ? openDatabase(paths.database, keyring) : openDatabaseReadOnly(paths.database, keyring)
  try {
    const kinds = projectKinds(config, '.orchrc')
    const mirrorDir = join(mainWorktree, config['mirror.dir'])
    const ref = `refs/heads/${config['git.branch']}`
    const purging = { db, keyring, kinds, paths, mirrorDir, commonDir, env, ref, log }
    if (!lock) return await previewPurge(purging, secret)
    const generations = createGenerations(stateHome(env), (error) => log.warn('generation not kept', { error }))
    const clock = systemClock
    // Opened and closed again for its identity: a copied database must not write under the name of the other one.
    const { replica } = openProject({
      db,
      kinds,
      clock,
      random: (bytes) => randomBytes(bytes),
      log,
      lease: leaseFacts(paths.database),
      generations,
      loads: { newest: () => undefined, make: () => Promise.resolve() },
      name: '',
    })
    return await performPurge(purging, secret, { replica, actor: (await parts.person()).name, at: clock.now() })
  } finally {
    db.close()
    lock?.release()
  }
}

/** The ref that a person means by `origin/orch-history`, or by the name of a remote alone. */
async function fetchedRef(repo: GitRepo, name: string, branch: string): Promise<string> {
  const names = [name, `refs/remotes/${name}`, `refs/remotes/${name}/${branch}`, `refs/heads/${name}`]
  const found = await repo.refs(names)
  const ref = names.find((one) => found.has(one))
  if (ref === undefined) {
    throw new OrchError('join_failed', {
      reason: `nothing was fetched as ${name}; \`git fetch\` it, and name it as git does`,
    })
  }
  return ref
}

/** Throws `database_newer`, `database_damaged`. */
async function rebuild({ config, paths, keyring }: ErrandParts): Promise<object> {
  const keys = await keyring()
  const lock = lockOrRefuse(paths)
  const db = openDatabase(paths.database, keys)
  try {
    prepareSchema(db)
    return remakeIndex(db, projectKinds(config, '.orchrc'), (done, total, what) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what} ${done}/${total}`)
    })
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
    db.close()
    lock.release()
  }
}

/** Throws `usage` without a key, `key_missing` and `key_wrong` where it is another one. */
async function convert(how: 'encrypt' | 'decrypt', { paths, keyring }: ErrandParts): Promise<object> {
  const keys = await keyring()
  if (keys.keys.length === 0) {
    throw new OrchError('usage', { reason: 'No key is given: docs/encryption.md says how' })
  }
  const { convertDatabases } = await import('./encryption.ts')
  const key = how === 'encrypt' && keys.database ? keys.keys[0] : undefined
  const lock = lockOrRefuse(paths)
  try {
    const branch = how === 'encrypt' && keys.git ? keys.keys[0] : undefined
    const converted = convertDatabases({ paths, keyring: keys, key })
    const db = openDatabase(paths.database, key ? keys : { ...keys, database: false })
    try {
      askForKey(db, branch?.id ?? '')
    } finally {
      db.close()
    }
    return { converted, key: key?.id ?? '', git: branch?.id ?? '' }
  } finally {
    lock.release()
  }
}

function lockOrRefuse({ lock, owner, log }: PrivatePaths): Lock {
  assertNotElsewhere(owner, { machine: machineId(), boot: bootId() })
  const held = acquireLock(lock)
  if (!held) throw new OrchError('daemon_start_failed', { reason: 'another one was started meanwhile', log })
  return held
}

async function remove(replica: string, branch: string | undefined, parts: ErrandParts): Promise<object> {
  const { config, env, mainWorktree, paths } = parts
  const keyring = await parts.keyring()
  const lock = lockOrRefuse(paths)
  const removal = removeMirror(paths.database, keyring, join(mainWorktree, config['mirror.dir']))
  rmSync(join(stateHome(env), 'replicas', replica), { force: true })
  if (branch !== undefined) await git(mainWorktree, env, ['update-ref', '-d', branch])
  lock.release()
  return removal
}

/** Throws `git_refused` with git's own words. */
async function git(dir: string, env: ErrandParts['env'], args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runGit({
    git: 'git',
    args: ['-C', dir, ...args],
    env: gitEnv(env),
    input: [],
    clock: systemClock,
    timeoutMs: 10_000,
  })
  if (code !== 0) throw new OrchError('git_refused', { reason: stderr.trim() })
  return stdout.toString('utf8')
}
