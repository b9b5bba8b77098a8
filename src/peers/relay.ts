import type { Clock } from '../base/clock.ts'
import { type OrchError, reasonOf, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Service } from '../base/service.ts'
import type { Row, Vector } from '../store/row.ts'
import { closeCodeOf, closeCodes } from './close-codes.ts'
import { decodeFrame, encodeFrame, type Hello } from './frames.ts'
import { covers, nextRows, raise } from './next-rows.ts'
import type { Peering } from './peering.ts'
import {
  type AliveWord,
  type NodeWord,
  type RelayKeys,
  readAliveWord,
  readNodeWord,
  readProject,
  relayKeys,
} from './relay-keys.ts'
import { FIRST, isAfter, type StreamEntry, type Streams } from './streams.ts'

export interface RelayParts {
  readonly peering: Peering
  /** Connects; called once. What it gives rejects as long as nobody answers. */
  readonly open: () => Promise<Streams>
  /** Names of the actors in this node's room. */
  readonly here: () => readonly string[]
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
}

/**
 * The other nodes of this project, over streams that all of them read. What is committed here is appended; what others
 * append is taken; what is missing is asked for by what each node says it holds. Nothing waits for it.
 */
export interface Relay extends Service {
  status(): RelayStatus
}

export const BEAT_MS = 2_000
export const ALIVE_MS = 10_000
const FORGET_MS = 24 * 60 * 60_000
/** Stands for the project itself where no node speaks for it. */
const NOBODY = { replica: '', instance: '', pristine: false, have: {} } as const satisfies Omit<Hello, 'project'>
const READ_ENTRIES = 50
const RETRY_MS = 250
const MAX_RETRY_MS = 2_000
/** An answer comes within a turn or two of its sender; without one, another node is asked. */
const WANT_MS = 3_000

interface Known {
  readonly word: NodeWord
  /** What it held at the look before: what it wrote since may still be on its way. */
  readonly before: Vector
  readonly alive: AliveWord | undefined
  readonly refusal: string | undefined
}

/** A piece of the stream that could not be taken yet, because rows before it are missing. */
interface Held {
  readonly id: string
  readonly needs: Vector
}

export function createRelay({
  peering,
  open,
  here,
  clock,
  log,
  key,
  onChange,
  forgetMs = FORGET_MS,
}: RelayParts): Relay {
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

  let keys: RelayKeys = relayKeys(project)
  /** As what this node has put itself into the list of nodes. */
  let registered: string | undefined
  let epoch: string | undefined
  /** Read up to here. */
  let read = { rows: FIRST, own: FIRST }
  let held: readonly Held[] = []
  let nodes: ReadonlyMap<string, Known> = new Map()
  /** Why this node's project is not the one of the others. */
  let refusal: string | undefined
  const refused = new Map<string, string>()
  let trimmed = FIRST
  /** What the other nodes hold, or find on the stream, as far as this one can know. */
  let published: Vector = {}
  let publishing: Promise<void> | undefined
  let isHurried = true
  let wanted: { readonly from: string; readonly at: number } | undefined
  /** Who has just sent something that builds on rows that are not here: it has them. */
  let gapFrom: string | undefined
  let nextBeat = 0

  const enter = (next: RelayStatus['state'], error?: string): void => {
    failure = error
    if (next === state) return
    state = next
    since = clock.now()
    if (next === 'linked') log.info('linked with Redis', {})
    else log.warn('not linked with Redis', { error })
    onChange?.()
  }
  const connected = (): Streams => {
    if (!streams) throw new Error('not connected')
    return streams
  }
  /** All before the first piece that could not be taken. */
  const persisted = (): string => {
    const [first] = held
    if (!first) return read.rows
    // The entry before it, whatever its id was: nothing lies between.
    const [ms = '0', n = '0'] = first.id.split('-')
    return Number(n) > 0 ? `${ms}-${Number(n) - 1}` : `${Number(ms) - 1}-${Number.MAX_SAFE_INTEGER}`
  }

  /** Begins anew: another project, or a server that has lost what it had. */
  const reset = (): void => {
    read = { rows: FIRST, own: FIRST }
    held = []
    trimmed = FIRST
    wanted = undefined
    isHurried = true
  }

  const beat = async (): Promise<void> => {
    const redis = connected()
    nextBeat = clock.monotonic() + BEAT_MS
    await meetProject()
    const found = await redis.setOnce(keys.epoch, key())
    if (epoch !== undefined && found !== epoch) {
      log.warn('Redis has lost its data: the nodes exchange what they hold', {})
      reset()
      registered = undefined
    }
    epoch = found
    const others = await look()
    await register()
    nodes = others
    await forget()
    await trim()
    if (state !== 'linked') isHurried = true
    retryMs = RETRY_MS
    enter('linked')
    void publish()
  }

  /** Which project has this name is decided once for all nodes; one that holds nothing yet joins it. */
  const meetProject = async (): Promise<void> => {
    const { id, name } = project
    const there = readProject(await connected().setOnce(relayKeys(project).project, JSON.stringify({ id, name })))
    const { pristine } = peering.hello()
    const verdict = there && (await peering.meet({ project: there, ...NOBODY }, 'host'))
    refusal = verdict?.type === 'refuse' ? verdict.reason : undefined
    if (project.id !== id && pristine) log.info('joined the project that has this name in Redis', { id: project.id })
    const next = relayKeys(project)
    if (next.rows !== keys.rows) reset()
    if (next.rows !== keys.rows) epoch = undefined
    keys = next
  }

  const look = async (): Promise<ReadonlyMap<string, Known>> => {
    const redis = connected()
    const words = [...(await redis.fields(keys.nodes)).values()].flatMap((text) => readNodeWord(text) ?? [])
    const own = words.find(({ hello }) => hello.replica === project.replica)
    await meetOneself(own)
    const others = words.filter(({ hello }) => hello.replica !== project.replica)
    const alive = await redis.get(others.map(({ hello }) => keys.alive(hello.replica)))
    const found = new Map<string, Known>()
    for (const [i, word] of others.entries()) {
      const { replica, instance, have } = word.hello
      const known = nodes.get(replica)
      const isNew = known?.word.hello.instance !== instance
      if (isNew) log.info('a node is there', { replica })
      const now = readAliveWord(alive[i])
      found.set(replica, {
        word,
        before: known && !isNew ? known.word.hello.have : have,
        alive: now,
        refusal: await refusalOf(word.hello),
      })
      if (known && String(known.alive?.here) !== String(now?.here)) onChange?.()
    }
    if (found.size !== nodes.size) onChange?.()
    return found
  }
  const refusalOf = async (hello: Hello): Promise<string | undefined> => {
    const verdict = await peering.meet(hello, 'host')
    return verdict.type === 'refuse' ? verdict.reason : undefined
  }
  /** What stands there under this replica's id may be of an earlier run, of a database before it was restored, or of a copy. */
  const meetOneself = async (own: NodeWord | undefined): Promise<void> => {
    if (!own) return
    const ours = peering.hello()
    const isOther = own.hello.instance !== ours.instance
    const isRestored = !covers(ours.have, { [ours.replica]: own.hello.have[ours.replica] ?? 0 })
    const isCopied = isOther && registered === ours.replica
    if (isRestored || isCopied) {
      registered = own.hello.replica
      await peering.meet({ ...own.hello, instance: isOther ? own.hello.instance : key() }, 'host')
      reset()
      return
    }
    // An earlier run of this daemon: it goes on where that one was.
    if (registered === undefined && read.rows === FIRST) read = { ...read, rows: own.persisted }
  }

  const register = async (): Promise<void> => {
    const redis = connected()
    const { replica } = project
    if (registered !== undefined && registered !== replica) {
      await redis.dropField(keys.nodes, registered)
      await redis.remove(keys.to(registered))
    }
    const hello = peering.hello()
    const word: NodeWord = { hello, persisted: persisted(), at: clock.now() }
    const alive: AliveWord = { instance: hello.instance, here: here() }
    await redis.setField(keys.nodes, replica, JSON.stringify(word))
    await redis.setFor(keys.alive(replica), JSON.stringify(alive), ALIVE_MS)
    registered = replica
  }

  const forget = async (): Promise<void> => {
    const gone = [...nodes.values()].filter(({ word, alive }) => !alive && clock.now() - word.at > forgetMs)
    for (const { word } of gone) {
      const { replica } = word.hello
      log.info('a node was away for long and is not waited for any more', { replica })
      await connected().dropField(keys.nodes, replica)
      await connected().remove(keys.to(replica))
    }
    nodes = new Map([...nodes].filter(([, one]) => !gone.includes(one)))
  }

  /** Cuts the stream where every known node of this project has persisted. */
  const trim = async (): Promise<void> => {
    const of = [...nodes.values()].filter(({ word }) => word.hello.project.id === project.id)
    const least = of.reduce((id, { word }) => (isAfter(id, word.persisted) ? word.persisted : id), persisted())
    if (!isAfter(least, trimmed)) return
    await connected().trim(keys.rows, least)
    trimmed = least
  }

  /** Appends what was committed since: one frame at a time, so that what is committed meanwhile is the next. */
  const publish = (): Promise<void> => {
    if (state !== 'linked' || stopped) return Promise.resolve()
    publishing ??= publishAll()
    return publishing
  }
  const publishAll = async (): Promise<void> => {
    // What else is committed in this turn goes along.
    await Promise.resolve()
    try {
      for (let rows = nextRows(project, published); rows.length > 0; rows = nextRows(project, published)) {
        await connected().append(keys.rows, project.replica, encodeFrame({ type: 'rows', rows }))
        published = raise(published, rows)
      }
    } catch (error) {
      lost(error)
    } finally {
      publishing = undefined
    }
  }

  const take = async ({ stream, id, from, bytes }: StreamEntry): Promise<void> => {
    if (from !== project.replica) {
      const frame = decodeFrame(bytes)
      if (frame.type === 'rows') await takeRows(frame.rows, from, stream === keys.rows ? id : undefined)
      else if (frame.type === 'hello') await answer(frame)
      else log.warn('an entry of the relay is not understood', { from, type: frame.type })
    }
    if (stream === keys.rows) read = { ...read, rows: id }
    else read = { ...read, own: id }
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
  const noteRefused = (rows: readonly Row[], error: OrchError): void => {
    const [row] = rows
    if (!row || refused.get(row.replica) === error.message) return
    refused.set(row.replica, error.message)
    log.error('rows of a node were not taken', { replica: row.replica, error })
    onChange?.()
  }

  /** A node asks for what it lacks; when it has taken that, it asks again. */
  const answer = async (hello: Hello): Promise<void> => {
    if (hello.project.id !== project.id) return
    const rows = nextRows(project, hello.have)
    if (rows.length === 0) return
    await connected().append(keys.to(hello.replica), project.replica, encodeFrame({ type: 'rows', rows }))
  }

  /** Asks a node that holds more than this one; of what it wrote just now, only when the stream is known to have holes. */
  const want = async (): Promise<void> => {
    const have = project.have()
    /** What is refused here is not asked for again. */
    const taken = { ...have, ...Object.fromEntries([...refused.keys()].map((one) => [one, Number.MAX_SAFE_INTEGER])) }
    held = held.filter(({ needs }) => !covers(have, needs))
    if (held.length === 0) gapFrom = undefined
    if (wanted && clock.monotonic() - wanted.at < WANT_MS) return
    const candidates = [...nodes.values()].filter(
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
    await connected().append(keys.to(replica), project.replica, encodeFrame({ type: 'hello', ...peering.hello() }))
  }

  const round = async (): Promise<void> => {
    if (clock.monotonic() >= nextBeat) {
      await beat()
      // What could not be taken is read again: its gap may be closed by now, and its writer gone.
      if (held.length > 0) read = { ...read, rows: persisted() }
    }
    const own = keys.to(project.replica)
    const after = new Map([
      [keys.rows, read.rows],
      [own, read.own],
    ])
    const entries = await connected().read(after, READ_ENTRIES, Math.max(0, nextBeat - clock.monotonic()))
    if (stopped) return
    for (const entry of entries) await take(entry)
    const ofOwn = entries.filter(({ stream }) => stream === own)
    if (ofOwn.length > 0) await connected().trim(own, read.own)
    if (entries.length - ofOwn.length < READ_ENTRIES) await want()
  }

  const lost = (error: unknown): void => {
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
    async start() {
      published = project.have()
      unsubscribe = project.onCommit(() => void publish())
      running = run()
    },
    async stop() {
      if (stopped) return
      unsubscribe()
      // What was committed last is on its way; where it is not, this node has it when it is back.
      await publish()
      stopped = true
      await leave().catch(() => undefined)
      cancelWait()
      streams?.close()
      await running
    },
    status: () => ({
      state,
      since,
      ...(failure !== undefined && { error: failure }),
      ...(refusal !== undefined && { refusal }),
      nodes: [...nodes.values()].map(({ word, alive, refusal }) => ({
        replica: word.hello.replica,
        isAlive: state === 'linked' && alive !== undefined,
        at: word.at,
        here: state === 'linked' ? (alive?.here ?? []) : [],
        ...(refusal !== undefined && { refusal }),
      })),
      refused,
    }),
  }

  /** Tells the others at once. */
  async function leave(): Promise<void> {
    if (!streams || state !== 'linked') return
    const word: NodeWord = { hello: peering.hello(), persisted: persisted(), at: clock.now() }
    await streams.setField(keys.nodes, project.replica, JSON.stringify(word))
    await streams.setFor(keys.alive(project.replica), '', 1)
  }
}

function highest(one: Vector, other: Vector): Vector {
  const raised: Record<string, number> = { ...one }
  for (const [replica, seq] of Object.entries(other)) raised[replica] = Math.max(raised[replica] ?? 0, seq)
  return raised
}
