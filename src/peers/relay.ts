import type { Clock } from '../base/clock.ts'
import { reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Service } from '../base/service.ts'
import type { Peering } from './peering.ts'
import { createRelayMembers } from './relay-members.ts'
import { createRelayNews, type NodesShare, type RelayNews } from './relay-news.ts'
import { createRelayRows, type RelayLag } from './relay-rows.ts'
import type { Streams } from './streams.ts'

export interface RelayParts {
  readonly peering: Peering
  /** Connects; called once. What it gives rejects as long as nobody answers. */
  readonly open: () => Promise<Streams>
  /** Names of the actors in this node's room. */
  readonly here: () => readonly string[]
  readonly share: NodesShare
  readonly clock: Clock
  readonly log: Logger
  /** Random text. */
  readonly key: () => string
  /** Hears that the relay or a node is in another state. */
  readonly onChange?: () => void
  /** A node that was away for so long is not waited for: it fetches its rows from another node when it is back. */
  readonly forgetMs?: number
}

/** Another node, as far as is known here. */
export interface RelayNode {
  readonly replica: string
  readonly isAlive: boolean
  /** When it last said something: milliseconds since 1970, by its own clock. */
  readonly at: number
  readonly here: readonly string[]
  /** Why nothing is exchanged with it. */
  readonly refusal?: string
}

export interface RelayStatus {
  readonly state: 'connecting' | 'linked' | 'waiting'
  /** Milliseconds since 1970. */
  readonly since: number
  readonly error?: string
  /** Why this node's project is not the one of the others: nothing is exchanged then. */
  readonly refusal?: string
  readonly nodes: readonly RelayNode[]
  /** Rows that were not taken here, with the reason, by the replica that wrote them. */
  readonly refused: ReadonlyMap<string, string>
  readonly lag: RelayLag
  /** Since when this node lacks rows that others hold; undefined when it lacks none. */
  readonly behindSince?: number
  /** When the server was last found to have lost its data. */
  readonly lostDataAt?: number
}

/**
 * The other nodes of this project, over streams that all of them read. What is committed here is appended; what others
 * append is taken; what is missing is asked for by what each node says it holds. Nothing waits for it.
 */
export interface Relay extends Service, Pick<RelayNews, 'tellPresence' | 'tellFailure' | 'tellCredential'> {
  status(): RelayStatus
}

export const BEAT_MS = 2_000
const FORGET_MS = 24 * 60 * 60_000
const READ_ENTRIES = 50
const RETRY_MS = 250
const MAX_RETRY_MS = 2_000

export function createRelay(parts: RelayParts): Relay {
  const { peering, open, here, share, clock, log, key, onChange = () => undefined, forgetMs = FORGET_MS } = parts
  const { project } = peering
  let streams: Streams | undefined
  let stopped = false
  let running: Promise<void> = Promise.resolve()
  let unsubscribe: () => void = () => undefined
  let cancelWait: () => void = () => undefined

  let state: RelayStatus['state'] = 'connecting'
  let since = clock.now()
  let failure: string | undefined
  let retryMs = RETRY_MS
  let nextBeat = 0
  let lostDataAt: number | undefined
  let behindSince: number | undefined

  const enter = (next: RelayStatus['state'], error?: string): void => {
    failure = error
    if (next === state) return
    state = next
    since = clock.now()
    if (next === 'linked') log.info('linked with Redis', {})
    else log.warn('not linked with Redis', { error })
    onChange()
  }
  const connected = (): Streams => {
    if (!streams) throw new Error('not connected')
    return streams
  }
  const isLinked = (): boolean => state === 'linked' && !stopped

  const members = createRelayMembers({
    peering,
    connected,
    alive: () => ({ here: here(), ...news.presence() }),
    persisted: () => rows.persisted(),
    clock,
    log,
    key,
    forgetMs,
    onReset() {
      rows.reset()
      news.reset()
    },
    onDataLost() {
      lostDataAt = clock.now()
    },
    onResume: (persisted) => rows.resume(persisted),
    onChange,
  })
  const rows = createRelayRows({ peering, members, connected, isLinked, clock, log, onLost: lost, onChange })
  const news = createRelayNews({
    replica: () => project.replica,
    instance: peering.hello().instance,
    members,
    connected,
    isLinked,
    share,
    clock,
    log,
  })

  const beat = async (): Promise<void> => {
    nextBeat = clock.monotonic() + BEAT_MS
    await members.look()
    await rows.trim()
    if (state !== 'linked') {
      rows.hurry()
      rows.publishAgain()
    }
    retryMs = RETRY_MS
    enter('linked')
    await news.begin()
    news.compare()
    behindSince = rows.lag().behind > 0 ? (behindSince ?? clock.now()) : undefined
    void rows.publish()
  }

  const round = async (): Promise<void> => {
    if (clock.monotonic() >= nextBeat) {
      await beat()
      // What could not be taken is read again: its gap may be closed by now, and its writer gone.
      rows.retry()
    }
    const after = new Map([...rows.positions(), ...news.positions()])
    const entries = await connected().read(after, READ_ENTRIES, Math.max(0, nextBeat - clock.monotonic()))
    if (stopped) return
    const ofRows = entries.filter((entry) => !news.take(entry))
    await rows.take(ofRows, ofRows.length < READ_ENTRIES)
  }

  function lost(error: unknown): void {
    if (stopped) return
    nextBeat = 0
    enter('waiting', reasonOf(error))
  }

  const run = async (): Promise<void> => {
    while (!stopped) {
      try {
        streams ??= await open()
        await round()
      } catch (error) {
        if (stopped) break
        lost(error)
        await new Promise<void>((resolve) => {
          const cancel = clock.after(retryMs, resolve)
          cancelWait = () => {
            cancel()
            resolve()
          }
        })
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
      }
    }
  }

  return {
    name: 'relay',
    tellPresence: news.tellPresence,
    tellFailure: news.tellFailure,
    tellCredential: news.tellCredential,
    async start() {
      rows.start()
      unsubscribe = project.onCommit(() => void rows.publish())
      running = run()
    },
    async stop() {
      if (stopped) return
      unsubscribe()
      // What was committed last is on its way; where it is not, this node has it when it is back.
      await rows.publish()
      const wasLinked = isLinked()
      stopped = true
      if (wasLinked) await members.leave().catch(() => undefined)
      cancelWait()
      streams?.close()
      await running
    },
    status() {
      const refusal = members.refusal()
      return {
        state,
        since,
        ...(failure !== undefined && { error: failure }),
        ...(refusal !== undefined && { refusal }),
        nodes: [...members.all().values()].map(({ word, alive, refusal: reason }) => ({
          replica: word.hello.replica,
          isAlive: state === 'linked' && alive !== undefined,
          at: word.at,
          here: state === 'linked' ? (alive?.here ?? []) : [],
          ...(reason !== undefined && { refusal: reason }),
        })),
        refused: rows.refused,
        lag: rows.lag(),
        ...(behindSince !== undefined && { behindSince }),
        ...(lostDataAt !== undefined && { lostDataAt }),
      }
    },
  }
}
