import type { Clock } from '../base/clock.ts'
import { type OrchError, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Row, Vector } from '../store/row.ts'
import { closeCodeOf, closeCodes } from './close-codes.ts'
import { type Decoded, decodeFrame, encodeFrame, type Hello } from './frames.ts'
import { covers, nextRows, raise } from './next-rows.ts'
import type { Peering } from './peering.ts'
import type { RelayMembers } from './relay-members.ts'
import { FIRST, isAfter, type StreamEntry, type Streams } from './streams.ts'

export interface RelayRowsParts {
  readonly peering: Peering
  readonly members: Pick<RelayMembers, 'all' | 'keys'>
  readonly connected: () => Streams
  /** Whether rows may be appended at this moment. */
  readonly isLinked: () => boolean
  readonly clock: Clock
  readonly log: Logger
  readonly onLost: (error: unknown) => void
  readonly onChange: () => void
}

/** How far this node is behind the others, and they behind it. */
export interface RelayLag {
  /** Rows that others say to hold and this node does not. */
  readonly behind: number
  /** Rows that this node wrote and has not passed on. */
  readonly unsent: number
  /** From an entry's way to the server until it was read back, the last time: milliseconds. */
  readonly roundTripMs: number | undefined
}

/** The rows that nodes exchange over the stream that all of them read, and one for each. */
export interface RelayRows {
  /** What is read, and from where. */
  positions(): ReadonlyMap<string, string>
  /** Up to here all rows are in the database. */
  persisted(): string
  /** Takes what was read, in its order. `isAll`: nothing more was there. */
  take(entries: readonly StreamEntry[], isAll: boolean): Promise<void>
  /** Appends what was committed since: one frame at a time, so that what is committed meanwhile is the next. */
  publish(): Promise<void>
  /** Passes on once more what an earlier run of this daemon may have had no time for. */
  publishAgain(): void
  /** Cuts the stream where every known node of this project has persisted. */
  trim(): Promise<void>
  /** Reads again what could not be taken. */
  retry(): void
  /** Asks at once for what others hold and this node does not. */
  hurry(): void
  reset(): void
  /** An earlier run of this daemon had taken all up to here. */
  resume(persisted: string): void
  start(): void
  /** Rows that were not taken here, with the reason, by the replica that wrote them. */
  readonly refused: ReadonlyMap<string, string>
  lag(): RelayLag
}

/** An answer comes within a turn or two of its sender; without one, another node is asked. */
const WANT_MS = 3_000

/** A piece of the stream that could not be taken yet, because rows before it are missing. */
interface Held {
  readonly id: string
  readonly needs: Vector
}

export function createRelayRows(parts: RelayRowsParts): RelayRows {
  const { peering, members, connected, isLinked, clock, log, onLost, onChange } = parts
  const { project } = peering
  /** Read up to here. */
  let read = { rows: FIRST, own: FIRST }
  let held: readonly Held[] = []
  const refused = new Map<string, string>()
  let trimmed = FIRST
  /** What the other nodes hold, or find on the stream, as far as this one can know. */
  let published: Vector = {}
  let publishing: Promise<void> | undefined
  let isHurried = true
  let wanted: { readonly from: string; readonly at: number } | undefined
  /** Who has just sent something that builds on rows that are not here: it has them. */
  let gapFrom: string | undefined
  let sent: { readonly id: string; readonly at: number } | undefined
  let roundTripMs: number | undefined

  /** All before the first piece that could not be taken. */
  const persisted = (): string => {
    const [first] = held
    if (!first) return read.rows
    // The entry before it, whatever its id was: nothing lies between.
    const [ms = '0', n = '0'] = first.id.split('-')
    return Number(n) > 0 ? `${ms}-${Number(n) - 1}` : `${Number(ms) - 1}-${Number.MAX_SAFE_INTEGER}`
  }

  const publishAll = async (): Promise<void> => {
    // What else is committed in this turn goes along.
    await Promise.resolve()
    try {
      for (let rows = nextRows(project, published); rows.length > 0; rows = nextRows(project, published)) {
        const at = clock.monotonic()
        const id = await connected().append(members.keys().rows, project.replica, encodeFrame({ type: 'rows', rows }))
        sent ??= { id, at }
        published = raise(published, rows)
      }
    } catch (error) {
      onLost(error)
    } finally {
      publishing = undefined
    }
  }

  const takeRows = async (rows: readonly Row[], from: string, id: string | undefined): Promise<void> => {
    const needs = raise({}, rows)
    // Before they are applied: the commit publishes, and what came from others must not go back.
    const before = published
    published = highest(published, needs)
    const had = project.have()
    try {
      await project.applyRows(rows, { source: 'peer', peer: from })
    } catch (thrown) {
      const error = toOrchError(thrown)
      if (error.code === 'rows_missing') {
        isHurried = true
        gapFrom = from
        if (id !== undefined && !held.some((one) => one.id === id)) held = [...held, { id, needs }]
        return
      }
      published = before
      const code = closeCodeOf(error)
      // The disk may be full: the position stays, and the same rows are tried again.
      if (code === closeCodes.tryLater || code === closeCodes.failed) throw error
      noteRefused(rows, error)
    } finally {
      // An answer that brought nothing on is not asked for again at once.
      if (id === undefined && !covers(had, project.have())) wanted = undefined
    }
  }
  /**
   * Rows of several entries cost a node as many writes to its disk as those of one. Where that fails, each entry is taken by
   * itself after it, and tells why.
   */
  const takeTogether = async (frames: readonly (Decoded | undefined)[]): Promise<void> => {
    const ofRows = frames.flatMap((frame) => (frame?.type === 'rows' ? [frame] : []))
    if (ofRows.length < 2) return
    const all = ofRows.flatMap((frame) => frame.rows)
    const before = published
    published = highest(published, raise({}, all))
    await project.applyRows(all, { source: 'peer', peer: 'redis' }).catch(() => {
      published = before
    })
  }
  const take = async ({ stream, id, from }: StreamEntry, frame: Decoded | undefined): Promise<void> => {
    if (!frame) {
      if (!sent || isAfter(sent.id, id)) return
      roundTripMs = clock.monotonic() - sent.at
      sent = undefined
      return
    }
    if (frame.type === 'rows') await takeRows(frame.rows, from, stream === members.keys().rows ? id : undefined)
    else if (frame.type === 'hello') await answer(frame)
    else log.warn('an entry of the relay is not understood', { from, type: frame.type })
  }
  const noteRefused = (rows: readonly Row[], error: OrchError): void => {
    const [row] = rows
    if (!row || refused.get(row.replica) === error.message) return
    refused.set(row.replica, error.message)
    log.error('rows of a node were not taken', { replica: row.replica, error })
    onChange()
  }

  /** A node asks for what it lacks; when it has taken that, it asks again. */
  const answer = async (hello: Hello): Promise<void> => {
    if (hello.project.id !== project.id) return
    const rows = nextRows(project, hello.have)
    if (rows.length === 0) return
    await connected().append(members.keys().to(hello.replica), project.replica, encodeFrame({ type: 'rows', rows }))
  }

  /** Asks a node that holds more than this one; of what it wrote just now, only when the stream is known to have holes. */
  const want = async (): Promise<void> => {
    const have = project.have()
    /** What is refused here is not asked for again. */
    const taken = { ...have, ...Object.fromEntries([...refused.keys()].map((one) => [one, Number.MAX_SAFE_INTEGER])) }
    held = held.filter(({ needs }) => !covers(have, needs))
    if (held.length === 0) gapFrom = undefined
    if (wanted && clock.monotonic() - wanted.at < WANT_MS) return
    const candidates = [...members.all().values()].filter(
      ({ alive, refusal: none, word, before }) =>
        alive &&
        none === undefined &&
        (word.hello.replica === gapFrom || !covers(taken, isHurried ? word.hello.have : before)),
    )
    // Not the one that did not answer, where there is another.
    const others = candidates.filter(({ word }) => word.hello.replica !== wanted?.from)
    const one = others.find(({ word }) => word.hello.replica === gapFrom) ?? others[0] ?? candidates[0]
    wanted = undefined
    if (!one) {
      isHurried = held.length > 0
      return
    }
    const { replica } = one.word.hello
    if (replica === gapFrom) gapFrom = undefined
    wanted = { from: replica, at: clock.monotonic() }
    const question = encodeFrame({ type: 'hello', ...peering.hello() })
    await connected().append(members.keys().to(replica), project.replica, question)
  }

  const publish = (): Promise<void> => {
    if (!isLinked()) return Promise.resolve()
    publishing ??= publishAll()
    return publishing
  }

  return {
    refused,
    persisted,
    publish,
    positions: () =>
      new Map([
        [members.keys().rows, read.rows],
        [members.keys().to(project.replica), read.own],
      ]),
    async take(entries, isAll) {
      const own = members.keys().to(project.replica)
      // What this node has appended itself comes back, too.
      const frames = entries.map(({ from, bytes }) => (from === project.replica ? undefined : decodeFrame(bytes)))
      await takeTogether(frames)
      for (const [i, entry] of entries.entries()) {
        await take(entry, frames[i])
        if (entry.stream === own) read = { ...read, own: entry.id }
        else read = { ...read, rows: entry.id }
      }
      if (entries.some(({ stream }) => stream === own)) await connected().trim(own, read.own)
      if (isAll) await want()
    },
    publishAgain() {
      const { replica } = project
      const least = [...members.all().values()]
        .filter(({ word, alive }) => alive && word.hello.project.id === project.id)
        .reduce((seq, { word }) => Math.min(seq, word.hello.have[replica] ?? 0), published[replica] ?? 0)
      published = { ...published, [replica]: least }
    },
    async trim() {
      const ofProject = [...members.all().values()].filter(({ word }) => word.hello.project.id === project.id)
      const least = ofProject.reduce((id, { word }) => (isAfter(id, word.persisted) ? word.persisted : id), persisted())
      if (!isAfter(least, trimmed)) return
      await connected().trim(members.keys().rows, least)
      trimmed = least
    },
    retry() {
      if (held.length > 0) read = { ...read, rows: persisted() }
    },
    hurry() {
      isHurried = true
    },
    reset() {
      read = { rows: FIRST, own: FIRST }
      held = []
      trimmed = FIRST
      wanted = undefined
      isHurried = true
      sent = undefined
    },
    resume(from) {
      if (read.rows === FIRST) read = { ...read, rows: from }
    },
    start() {
      published = project.have()
    },
    lag() {
      const have = project.have()
      const known = [...members.all().values()].reduce<Vector>((all, { word, refusal }) => {
        return refusal === undefined ? highest(all, word.hello.have) : all
      }, {})
      return {
        behind: missing(have, known),
        unsent: missing(
          { [project.replica]: published[project.replica] ?? 0 },
          { [project.replica]: have[project.replica] ?? 0 },
        ),
        roundTripMs,
      }
    },
  }
}

function highest(one: Vector, other: Vector): Vector {
  const raised: Record<string, number> = { ...one }
  for (const [replica, seq] of Object.entries(other)) raised[replica] = Math.max(raised[replica] ?? 0, seq)
  return raised
}

/** How many rows the holder of one vector lacks of another. */
function missing(have: Vector, wanted: Vector): number {
  return Object.entries(wanted).reduce((sum, [replica, seq]) => sum + Math.max(0, seq - (have[replica] ?? 0)), 0)
}
