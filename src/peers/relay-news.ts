import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Json } from '../model/record.ts'
import type { Awareness } from './awareness.ts'
import type { AwarenessEntry } from './frames.ts'
import type { RelayMembers } from './relay-members.ts'
import { FIRST, type StreamEntry, type Streams } from './streams.ts'

/** What nodes share besides rows: none of it is part of the project. */
export interface NodesShare {
  /** Who is in the rooms of this node, and where those of others are shown. */
  readonly awareness: Pick<Awareness, 'own' | 'mirror'>
  /** At another node, an address showed a wrong token. */
  readonly onFailure: (from: string) => void
  /** Tokens and keys of sessions as hashes: those that this node knows, and where those of others are kept. */
  readonly credentials: { all(): readonly Json[]; take(credential: Json): void }
}

export interface RelayNewsParts {
  readonly replica: () => string
  /** Of this run of the daemon. */
  readonly instance: string
  readonly members: Pick<RelayMembers, 'all' | 'keys'>
  readonly connected: () => Streams
  readonly isLinked: () => boolean
  readonly share: NodesShare
  readonly clock: Clock
  readonly log: Logger
}

export interface RelayNews {
  tellPresence(entries: readonly AwarenessEntry[]): void
  tellFailure(from: string): void
  tellCredential(credential: Json): void
  /** What this node shows, with the number of the last message about it. */
  presence(): { readonly clients: readonly AwarenessEntry[]; readonly told: number }
  /** Finds out from where to read; tells what was missed while nobody could be told. */
  begin(): Promise<void>
  positions(): ReadonlyMap<string, string>
  /** Whether the entry was one of these. */
  take(entry: StreamEntry): boolean
  /** After a look at the nodes: what a message did not bring is put right. */
  compare(): void
  reset(): void
}

/** News is for who is there: what is older than the newest is of no use to anybody. */
const KEEP_NEWS = 1_000
/** A node that was away reads them from the first. */
const KEEP_CREDENTIALS = 10_000

export function createRelayNews(parts: RelayNewsParts): RelayNews {
  const { replica, instance, members, connected, isLinked, share, log } = parts
  let told = 0
  let read: { readonly news: string; readonly credentials: string } | undefined
  /** How much of what each node told was taken, by its run. */
  const heard = new Map<string, { readonly instance: string; readonly told: number }>()
  let shownNodes: ReadonlySet<string> = new Set()
  /** Credentials that nobody could be told of. */
  let untold: readonly Json[] = []

  const append = async (stream: string, message: Json, keep: number): Promise<void> => {
    await connected().append(stream, replica(), Buffer.from(JSON.stringify(message)), keep)
  }
  const tell = (message: { readonly [key: string]: Json }): void => {
    if (!isLinked()) return
    append(members.keys().news, { instance, ...message }, KEEP_NEWS).catch((error: unknown) =>
      log.debug('other nodes were not told', { error }),
    )
  }
  const tellCredential = (credential: Json): void => {
    const later = (): void => {
      untold = [...untold, credential]
    }
    if (isLinked()) append(members.keys().credentials, credential, KEEP_CREDENTIALS).catch(later)
    else later()
  }

  const takeNews = (from: string, message: Json): void => {
    if (!isObject(message)) return
    if (typeof message.failure === 'string') share.onFailure(message.failure)
    if (!Array.isArray(message.clients) || typeof message.instance !== 'string') return
    heard.set(from, { instance: message.instance, told: Number(message.told) })
    share.awareness.mirror(from, message.clients as never, false)
  }

  return {
    tellPresence(entries) {
      told++
      tell({ told, clients: entries as never })
    },
    tellFailure: (from) => tell({ failure: from }),
    tellCredential,
    presence: () => ({ clients: share.awareness.own(), told }),
    async begin() {
      if (!read) {
        read = { news: await connected().last(members.keys().news), credentials: FIRST }
        for (const credential of share.credentials.all()) tellCredential(credential)
      }
      const waiting = untold
      untold = []
      for (const credential of waiting) tellCredential(credential)
    },
    positions: () =>
      new Map(
        read
          ? [
              [members.keys().news, read.news],
              [members.keys().credentials, read.credentials],
            ]
          : [],
      ),
    take({ stream, id, from, bytes }) {
      const { news, credentials } = members.keys()
      if (!read || (stream !== news && stream !== credentials)) return false
      read = stream === news ? { ...read, news: id } : { ...read, credentials: id }
      if (from === replica()) return true
      try {
        const message = JSON.parse(Buffer.from(bytes).toString()) as Json
        if (stream === news) takeNews(from, message)
        else share.credentials.take(message)
      } catch (error) {
        log.warn('what another node told is not understood', { from, error })
      }
      return true
    },
    compare() {
      const living = new Set<string>()
      for (const [node, { alive, refusal }] of members.all()) {
        if (!alive || refusal !== undefined) continue
        living.add(node)
        const known = heard.get(node)
        // Messages since are newer than what the node said of itself at its last look.
        if (known?.instance === alive.instance && known.told > alive.told) continue
        share.awareness.mirror(node, alive.clients, true)
      }
      for (const node of shownNodes) if (!living.has(node)) share.awareness.mirror(node, [], true)
      shownNodes = living
    },
    reset() {
      read = undefined
    },
  }
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
