import { OrchError, reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import type { Lease } from '../store/leases.ts'
import type { Project } from '../store/project.ts'
import { createFences } from './fences.ts'
import { END, grantScript, lapsedScript, renewScript } from './lease-scripts.ts'
import { connectRedis, type RedisConnection } from './redis-connection.ts'
import { leaseKeys } from './relay-keys.ts'

export interface RedisLeasesParts {
  readonly url: string
  readonly project: Pick<Project, 'id' | 'replica' | 'listLog' | 'onCommit'>
  /** Why the nodes do not serve one project at this moment; undefined when they do. */
  readonly notServing: () => string | undefined
  /** Nodes that were not heard from for so long that who worked there has gone. */
  readonly gone: () => readonly string[]
  /** How long a hold lasts that nobody renews. */
  readonly idleMs: number
  readonly jitter: () => number
  readonly log: Logger
  /** For how long a server that has just started grants nothing. */
  readonly recoveryMs?: number
  /** How much longer than its node the server believes in a hold. */
  readonly marginMs?: number
}

/** What is asked of the server; see the port `SharedArbiter` of the agents, which this is. */
export interface RedisLeases {
  grant(ask: {
    readonly tasks: readonly RecordId[]
    readonly actor: string
    readonly session: string
    readonly person: boolean
    readonly replica: string
  }): Promise<{ readonly task: RecordId; readonly fence: number }>
  renew(
    lease: Lease,
  ): Promise<
    | { readonly state: 'held'; readonly fence: number }
    | { readonly state: 'lost'; readonly holder?: string; readonly reason: string }
    | { readonly state: 'moved' }
  >
  end(hold: { readonly task: RecordId; readonly fence: number; readonly replica?: string }): Promise<void>
  lapsed(): Promise<readonly Lease[]>
  close(): void
}

/** Nodes that live are back within it, and have said what they hold. */
export const RECOVERY_MS = 5_000
/** A claim waits no longer for a server that is paused: it is provisional then. */
const ANSWER_MS = 1_500
/**
 * The server keeps a hold for longer than its node believes in it without an answer: two renewals and what may lie between.
 * So no other is given it while the first holder still trusts it.
 */
const MARGIN_MS = 60_000
/** Who is given a lapsed hold ends it within it, or another one does. */
const ENDING_MS = 30_000
const MAX_LAPSED = 64

/**
 * Who holds which task, decided by a Redis server for all nodes: each answer is one script, which nothing comes between.
 * The server may lose what it had. It does not grant for a while after each start, until the nodes have said again what
 * they hold; and its fences never fall below the highest that a node which asks has read in the work log.
 */
export function createRedisLeases(parts: RedisLeasesParts): RedisLeases {
  const { url, project, notServing, gone, idleMs, jitter, log } = parts
  const { recoveryMs = RECOVERY_MS, marginMs = MARGIN_MS } = parts
  const fences = createFences(project)
  const grants = grantScript(recoveryMs)
  const renews = renewScript(recoveryMs)
  const lapses = lapsedScript(recoveryMs)
  let connection: Promise<RedisConnection> | undefined
  let isClosed = false

  const unreachable = (reason: string): OrchError => new OrchError('arbiter_unreachable', { replica: 'Redis', reason })
  const run = async (script: string, ...args: readonly string[]): Promise<unknown> => {
    const why = isClosed ? 'the daemon is stopping' : notServing()
    if (why !== undefined) throw unreachable(why)
    connection ??= connectRedis(url, { answerMs: ANSWER_MS, jitter })
    const { redis, ask } = await connection
    const { leases, due, fence, run: runs } = leaseKeys(project)
    try {
      return await ask(() => redis.eval(script, 4, leases, due, fence, runs, String(fences.highest()), ...args))
    } catch (error) {
      throw unreachable(reasonOf(error))
    }
  }
  const lasts = (isForEver: boolean): string => (isForEver ? 'ever' : String(idleMs + marginMs))

  return {
    async grant({ tasks, actor, session, person, replica }) {
      const answer = textsOf(await run(grants, actor, session, replica, lasts(person), ...tasks))
      const [state, first = '', number = ''] = answer
      if (state === 'granted') return { task: first as RecordId, fence: Number(number) }
      if (state === 'recovering') {
        throw unreachable('it has just started, and waits for what the nodes hold')
      }
      const [task = ''] = tasks
      const held = leaseOf(task, first, '')
      if (tasks.length > 1 || !held) throw new OrchError('nothing_ready')
      const since = ` since ${new Date(held.at).toISOString()}${held.session && ` in session ${held.session}`}`
      throw new OrchError('already_claimed', { id: task, holder: held.actor, since })
    },
    async renew(lease) {
      const { task, actor, session, replica, fence, until, provisional } = lease
      const isLast = !provisional && fences.highestOf(task, fence) <= fence
      const answer = textsOf(
        await run(
          renews,
          ...[actor, session, replica, lasts(until === null), task, String(fence), isLast ? 'keep' : ''],
        ),
      )
      const [state, text = ''] = answer
      if (state === 'held') return { state, fence: Number(text) }
      const holder = leaseOf(task, text, '')
      if (!holder) return { state: 'lost', reason: 'somebody else has it' }
      if (holder.actor === actor && holder.session === session) return { state: 'moved' }
      return { state: 'lost', holder: holder.actor, reason: `${holder.actor} had it first` }
    },
    async end({ task, fence, replica = project.replica }) {
      await run(END, task, String(fence), replica)
    },
    async lapsed() {
      const answer = await run(lapses, String(ENDING_MS), String(MAX_LAPSED), ...gone())
      const found = leasesOf(textsOf(answer))
      if (found.length > 0) log.info('holds whose time is over', { tasks: found.map(({ task }) => task) })
      return found
    },
    close() {
      isClosed = true
      fences.stop()
      connection?.then(
        ({ redis }) => redis.disconnect(),
        () => undefined,
      )
    },
  }
}

function textsOf(answer: unknown): readonly string[] {
  return Array.isArray(answer) ? answer.map((one) => String(one ?? '')) : []
}

/** Task, lease and due time, one after the other. */
function leasesOf(texts: readonly string[]): readonly Lease[] {
  const found: Lease[] = []
  for (let i = 0; i + 2 < texts.length; i += 3) {
    const lease = leaseOf(texts[i] as string, texts[i + 1] as string, texts[i + 2] as string)
    if (lease) found.push(lease)
  }
  return found
}

/** A lease as it stands in Redis; undefined when it is none. */
function leaseOf(task: string, json: string, due: string): Lease | undefined {
  try {
    const { actor, session, replica, fence, at } = JSON.parse(json) as Readonly<Record<string, unknown>>
    if (!isRecordId(task) || ![actor, session, replica].every((text) => typeof text === 'string')) return undefined
    const [number, since] = [Number(fence), Number(at)]
    if (!Number.isSafeInteger(number) || !Number.isSafeInteger(since)) return undefined
    return {
      task,
      actor: String(actor),
      session: String(session),
      fence: number,
      formerFence: 0,
      replica: String(replica),
      at: since,
      until: Number.isFinite(Number(due)) ? Number(due) : null,
      provisional: false,
    }
  } catch {
    return undefined
  }
}
