import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/clock.ts'
import { OrchError, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { createQueue } from '../base/queue.ts'
import type { Service } from '../base/service.ts'
import type { Problem } from '../model/attention.ts'
import type { Random } from '../model/id.ts'
import type { GitRemotes, GitRepo, Oid, RemoteBranch } from './git-repo.ts'
import type { Snapshots } from './snapshots.ts'

export interface RemotePeerParts {
  readonly repo: Pick<GitRepo, 'head'>
  readonly remotes: GitRemotes
  readonly snapshots: Pick<Snapshots, 'take' | 'takeInTime' | 'merge' | 'dueIn'>
  /** Full name of our branch: `refs/heads/orch-history`. */
  readonly ref: string
  /** The remote to sync with, as it is set now; undefined when there is none. */
  readonly remote: () => string | undefined
  /** Why what the remote has must not be merged and nothing be sent; undefined when all is well. */
  readonly refuse?: (theirs: Oid | undefined, ours: Oid | undefined) => Promise<string | undefined>
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** How often, in milliseconds: 60 s. 0: only when asked. */
  readonly everyMs?: number
  readonly onChange?: () => void
}

/** What a sync with a remote did. */
export interface RemoteSync {
  readonly remote: string
  /** The commit that both have now. */
  readonly commit: Oid
  /** Whether commits of others came, and whether some of ours went. */
  readonly received: boolean
  readonly sent: boolean
}

export interface RemoteState {
  readonly name: string
  readonly state: 'waiting' | 'synced' | 'failed'
  /** ISO time of the last sync that succeeded; '' before the first. */
  readonly since: string
  readonly error?: string
}

/** The branch of a git remote as a peer: what is there comes here, and what is here goes there. */
export interface RemotePeer extends Service {
  /** Syncs now. Throws `remote_not_set`, `remote_failed`, and what a snapshot throws. */
  sync(): Promise<RemoteSync>
  /** Something is here that may not be there yet. */
  note(): void
  /** Another remote was named. */
  changed(): void
  state(): RemoteState | undefined
  problems(): readonly Problem[]
}

const EVERY_MS = 60_000
const MAX_EVERY_MS = 15 * 60_000
/** So often others may be faster, with a longer wait each time; then it is left to the next time. */
const TRIES = 8
const WAIT_MS = 100
const STOP_MS = 10_000

export function createRemotePeer(parts: RemotePeerParts): RemotePeer {
  const { repo, remotes, snapshots, ref, clock, random, log, everyMs = EVERY_MS } = parts
  const queue = createQueue()
  let cancel: (() => void) | undefined
  let started = false
  let failures = 0
  let isBehind = true
  let state: RemoteState | undefined
  let problem: Problem | undefined

  const check = async ({ remote }: RemoteBranch, theirs: Oid | undefined, ours: Oid | undefined): Promise<void> => {
    const reason = await parts.refuse?.(theirs, ours)
    if (reason === undefined) return
    const remedy = 'Whoever purged it replaces the branch of the remote by hand: docs/history.md says how.'
    throw new OrchError('remote_failed', { remote, reason, remedy })
  }

  const once = async (branch: RemoteBranch, isAsked: boolean): Promise<RemoteSync | 'behind'> => {
    await (isAsked ? snapshots.take() : snapshots.takeInTime())
    isBehind = snapshots.dueIn() > 0
    const theirs = await remotes.fetch(branch)
    const before = (await repo.head(ref))?.oid
    await check(branch, theirs, before)
    // Also where the branch here is the same: somebody may have moved it by hand, and nobody has looked at it.
    if (theirs !== undefined) await snapshots.merge({ oid: theirs, name: nameOf(branch) })
    const head = (await repo.head(ref))?.oid
    if (head === undefined) throw new OrchError('git_refused', { reason: `${ref} is not there: snapshots are off` })
    // What came may itself say that there is something that must not be sent as it is.
    await check(branch, theirs, head)
    const sent = head !== theirs
    if (sent && (await remotes.push(branch, head)) === 'behind') return 'behind'
    return { remote: branch.remote, commit: head, received: theirs !== undefined && head !== before, sent }
  }

  const attempt = async (remote: string, isAsked: boolean): Promise<RemoteSync> => {
    const branch = { remote, ref }
    for (let tries = 1; ; tries++) {
      const done = await once(branch, isAsked && tries === 1)
      if (done !== 'behind') return done
      if (tries === TRIES) {
        throw new OrchError('remote_failed', {
          remote,
          reason: 'others pushed to the branch faster, again and again',
          remedy: 'It is tried again by itself. Nothing is lost.',
        })
      }
      await sleep(clock, jittered(WAIT_MS * 2 ** (tries - 1), random))
    }
  }

  const sync = (isAsked = true): Promise<RemoteSync> =>
    queue.add(async () => {
      const remote = parts.remote()
      if (remote === undefined) throw new OrchError('remote_not_set')
      try {
        const done = await attempt(remote, isAsked)
        failures = 0
        problem = undefined
        state = { name: remote, state: 'synced', since: new Date(clock.now()).toISOString() }
        if (done.received || done.sent) log.info('synced with the remote', { ...done })
        return done
      } catch (cause) {
        const error = toOrchError(cause)
        isBehind = true
        failures++
        log.warn('no sync with the remote', { remote, code: error.code, failures, error })
        state = { name: remote, state: 'failed', since: state?.since ?? '', error: error.message }
        problem = {
          kind: 'link',
          key: 'git remote',
          what: error.message,
          where: `git remote ${remote}`,
          fix: error.hint,
        }
        throw error
      } finally {
        parts.onChange?.()
        plan()
      }
    })

  const plan = (ms = Math.min(everyMs * 2 ** Math.min(failures, 10), Math.max(everyMs, MAX_EVERY_MS))): void => {
    cancel?.()
    cancel = undefined
    if (!started || everyMs === 0 || parts.remote() === undefined) return
    // Clones that were started together do not go on together.
    cancel = clock.after(jittered(ms, random), syncInTime)
  }
  /** Unasked, it goes with the snapshot that is due next, and makes none for itself. */
  const syncInTime = (): void => {
    const now = (): void => void sync(false).catch(ignore)
    const wait = Math.min(snapshots.dueIn(), everyMs)
    if (wait === 0) now()
    else cancel = clock.after(wait, now)
  }

  return {
    name: 'git remote',
    async start() {
      started = true
      plan(WAIT_MS)
    },
    sync: () => sync(),
    note() {
      isBehind = true
    },
    changed() {
      failures = 0
      problem = undefined
      state = undefined
      isBehind = true
      plan(WAIT_MS)
      parts.onChange?.()
    },
    state: () => {
      const name = parts.remote()
      if (name === undefined) return undefined
      return state?.name === name ? state : { name, state: 'waiting', since: '' }
    },
    problems: () => (problem ? [problem] : []),
    async stop() {
      if (!started) return
      started = false
      cancel?.()
      // A remote that does not answer must not keep a daemon from ending: what has not gone goes after the next start.
      const last = isBehind && failures === 0 && parts.remote() !== undefined ? sync().catch(ignore) : queue.idle()
      await Promise.race([last, sleep(clock, STOP_MS)])
    },
  }
}

function nameOf({ remote, ref }: RemoteBranch): string {
  return `${remote}/${ref.replace(/^refs\/heads\//, '')}`
}

/** Between one half and three halves. */
function jittered(ms: number, random: Random): number {
  return Math.round(ms * (0.5 + (random(1)[0] ?? 0) / 255))
}

const ignore = (): undefined => undefined
