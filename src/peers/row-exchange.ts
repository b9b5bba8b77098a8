import { unreachable } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { type ErrorBody, OrchError, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { createQueue } from '../base/queue.ts'
import type { Json } from '../model/record.ts'
import type { Row, Vector } from '../store/row.ts'
import type { Question } from './asks.ts'
import { closeCodeOf, closeCodes } from './close-codes.ts'
import { encodeFrame, type Hello, PROTOCOL_VERSION, type ReplicaFrame } from './frames.ts'
import { nextRows, raise } from './next-rows.ts'
import type { Peering, Side } from './peering.ts'
import { MAX_FRAME_BYTES } from './wire.ts'

export interface RowExchangeParts {
  readonly peering: Peering
  readonly side: Side
  readonly send: (frame: Uint8Array) => void
  /** Ends the connection. `reason` is for both sides' people. */
  readonly close: (code: number, reason: string) => void
  readonly clock: Clock
  readonly log: Logger
  /** Hears that the hellos agreed and rows flow. */
  readonly onLinked: (peer: Hello) => void
}

/** One conversation of two replicas, the same on both sides: hello, then each sends what the other lacks. */
export interface RowExchange {
  /** Says hello. */
  start(): void
  receive(frame: ReplicaFrame): void
  /** Sends what was committed since. */
  poke(): void
  /** Ends it here; says and sends nothing more. */
  stop(): void
}

const PING_MS = 15_000
const SILENCE_MS = 45_000
const RETRY_MS = 5_000
/** The other side may know that one project has moved into the other: that says more than that they are two. */
const WORD_MS = 1_000
const MAX_WAITING = 64

export function createRowExchange({ peering, side, send, close, clock, log, onLinked }: RowExchangeParts): RowExchange {
  const { project } = peering
  const incoming = createQueue()
  let waiting = 0
  let stopped = false
  let peer: Hello | undefined
  /** What the peer holds as far as this side can know. */
  let known: Vector = {}
  /** One frame of rows is on its way at a time: what is committed meanwhile is the next frame, so nothing queues up. */
  let inFlight = false
  let lastFirst: string | undefined
  let heardAt = clock.monotonic()
  let cancelPing: () => void = () => undefined
  let cancelRetry: (() => void) | undefined
  let cancelRefusal: () => void = () => undefined
  const waitingFor = new Map<number, { resolve: (body: Json) => void; reject: (error: unknown) => void }>()
  let asked = 0
  let leave: () => void = () => undefined

  const stop = (): void => {
    stopped = true
    cancelPing()
    cancelRetry?.()
    cancelRefusal()
    leave()
    const gone = new OrchError('arbiter_unreachable', { replica: peer?.replica ?? '', reason: 'the link broke' })
    for (const { reject } of waitingFor.values()) reject(gone)
    waitingFor.clear()
  }
  /** Asks the peer; what is on its way in either direction does not hold it up. */
  const ask = (question: Question): Promise<Json> =>
    new Promise((resolve, reject) => {
      if (waitingFor.size >= MAX_WAITING)
        return reject(
          new OrchError('arbiter_unreachable', { replica: question.to, reason: 'too many questions are on their way' }),
        )
      const id = ++asked
      waitingFor.set(id, { resolve, reject })
      send(encodeFrame({ type: 'ask', id, question }))
    })
  const answerTo = async (id: number, question: Question): Promise<void> => {
    let answer: { readonly ok: boolean; readonly body: Json }
    try {
      if (!peering.asks)
        throw new OrchError('arbiter_unreachable', { replica: question.to, reason: 'nothing is answered here' })
      answer = { ok: true, body: await peering.asks.take(question) }
    } catch (error) {
      answer = { ok: false, body: toOrchError(error).toBody() as unknown as Json }
    }
    if (!stopped) send(encodeFrame({ type: 'answer', id, ...answer }))
  }
  const end = (code: number, reason: string): void => {
    if (stopped) return
    stop()
    close(code, reason)
  }
  const refuse = (code: number, reason: string): void => {
    if (stopped) return
    send(encodeFrame({ type: 'refuse', code, reason }))
    end(code, reason)
  }
  const ping = () => {
    if (clock.monotonic() - heardAt > SILENCE_MS) return end(closeCodes.leaving, 'the peer went silent')
    send(encodeFrame({ type: 'ping' }))
    cancelPing = clock.after(PING_MS, ping)
  }

  const pump = () => {
    if (!peer || inFlight || cancelRetry || stopped) return
    const rows = nextRows(project, known)
    const [row] = rows
    if (!row) return
    const first = `${row.replica}:${row.seq}`
    if (first === lastFirst) return retryLater(first)
    const frame = encodeFrame({ type: 'rows', rows })
    if (frame.length > MAX_FRAME_BYTES) return refuse(closeCodes.tooLarge, `row ${first} is too large to be sent`)
    lastFirst = first
    inFlight = true
    send(frame)
  }
  /** The peer did not take the rows: its disk may be full. Asking again at once would not help. */
  const retryLater = (first: string): void => {
    log.warn('the peer does not take rows', { first })
    cancelRetry = clock.after(RETRY_MS, () => {
      cancelRetry = undefined
      lastFirst = undefined
      pump()
    })
  }

  const meet = async (hello: Hello): Promise<void> => {
    if (peer) return refuse(closeCodes.malformed, 'a second hello')
    const verdict = await peering.meet(hello, side)
    if (stopped) return
    if (verdict.type === 'refuse') {
      const say = (): void => refuse(verdict.code, verdict.reason)
      if (verdict.code !== closeCodes.differentProject) return say()
      cancelRefusal()
      cancelRefusal = clock.after(WORD_MS, say)
      return
    }
    peer = hello
    known = hello.have
    onLinked(hello)
    leave = peering.asks?.join({ replica: hello.replica, ask }) ?? leave
    pump()
  }
  const take = async (from: Hello, rows: readonly Row[]): Promise<void> => {
    // Before they are applied: the commit pokes, and what came from a peer must not go back to it.
    known = raise(known, rows)
    try {
      await project.applyRows(rows, { source: 'peer', peer: from.replica })
    } catch (thrown) {
      const error = toOrchError(thrown)
      const code = closeCodeOf(error)
      log.warn('rows of a peer were not taken', { peer: from.replica, error })
      // With `have` the peer sees what is missing and sends it again.
      if (error.code !== 'rows_missing' && code !== closeCodes.tryLater) return refuse(code, error.message)
    }
    if (!stopped) send(encodeFrame({ type: 'have', have: project.have() }))
  }

  const handle = async (frame: ReplicaFrame): Promise<void> => {
    waiting--
    if (stopped) return
    switch (frame.type) {
      case 'hello':
        return meet(frame)
      case 'otherVersion': {
        const reason = `the replicas speak different versions: ${PROTOCOL_VERSION} and ${frame.version}; update the older orch`
        return refuse(closeCodes.otherVersion, reason)
      }
      case 'rows':
        if (!peer) return refuse(closeCodes.malformed, 'rows before hello')
        return take(peer, frame.rows)
      case 'have':
        inFlight = false
        known = frame.have
        return pump()
      case 'refuse':
        return end(frame.code, frame.reason)
      case 'ping':
        return
      case 'ask':
        if (!peer) return refuse(closeCodes.malformed, 'a question before hello')
        void answerTo(frame.id, frame.question)
        return
      case 'answer': {
        const one = waitingFor.get(frame.id)
        waitingFor.delete(frame.id)
        if (frame.ok) one?.resolve(frame.body)
        else one?.reject(refusalIn(frame.body))
        return
      }
      default:
        return unreachable(frame)
    }
  }

  return {
    start() {
      send(encodeFrame({ type: 'hello', ...peering.hello() }))
      cancelPing = clock.after(PING_MS, ping)
    },
    receive(frame) {
      if (stopped) return
      heardAt = clock.monotonic()
      if (++waiting > MAX_WAITING) return refuse(closeCodes.malformed, 'more frames than can be taken')
      incoming
        .add(() => handle(frame))
        .catch((error) => {
          log.error('a frame of a peer failed', { error })
          end(closeCodes.failed, 'internal error')
        })
    },
    poke: pump,
    stop,
  }
}

function refusalIn(body: Json): OrchError {
  const isError = typeof body === 'object' && body !== null && 'code' in body && 'message' in body
  return isError
    ? OrchError.fromBody(body as unknown as ErrorBody)
    : new OrchError('internal', { reason: 'a refusal without a reason' })
}
