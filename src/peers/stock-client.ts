import * as Y from 'yjs'
import { unreachable } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { type OrchError, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Actor } from '../model/actor.ts'
import type { Admission } from './admission.ts'
import type { Awareness, Seat } from './awareness.ts'
import { closeCodeOf, closeCodes } from './close-codes.ts'
import { createLevel } from './flood.ts'
import { encodeFrame, type StockFrame } from './frames.ts'
import type { PeerProject } from './peering.ts'
import type { Wire } from './wire.ts'

export interface StockClientParts {
  readonly wire: Wire
  readonly actor: Actor
  /** Whether what it sends may change the document. */
  readonly mayWrite: boolean
  readonly project: Pick<PeerProject, 'adds' | 'applyUpdate' | 'encodeState' | 'encodeStateVector'>
  readonly awareness: Awareness
  /** How many are sent all that they lack at a time; one for all clients of a room. */
  readonly admission: Admission
  readonly clock: Clock
  readonly log: Logger
}

/** A connection that speaks plain y-websocket. It sees only what is durable, and what it sends passes the project's guard. */
export interface StockClient {
  /** Asks for what the server lacks and shows who is here. */
  greet(): void
  receive(frame: StockFrame): void
  /** Sends a frame, after which a client that has seen all holds `after`. A slow client is sent one difference later. */
  push(frame: Uint8Array, after: Uint8Array): void
  /** Sends a frame of awareness. A slow client is shown all that are here later. */
  show(frame: Uint8Array): void
  stop(): void
}

const SLOW_BYTES = 1024 * 1024
const STUCK_BYTES = 8 * 1024 * 1024
const STUCK_MS = 30_000
const DRAINED_BYTES = 64 * 1024
const DRAIN_POLL_MS = 200
const ASK_AGAIN_MS = 1_000
const ASK_AGAIN_MAX_MS = 30_000
/** A provider's first two frames, sent before it can have heard anything: what it lacks, and its own awareness. */
const OPENING_FRAMES = 2
/** A provider asks for what it lacks when it connects. */
const ANSWERS = { burst: 8, perSecond: 1 } as const
const SHOW_AGAIN_MS = 100
/** What it has sent waits here for the project's turn. With more than this, no more is read of it until that comes. */
const INBOX_BYTES = 1024 * 1024
const INBOX_UPDATES = 2_000
/** 20,000 clients that ever wrote take 120 KB. */
const MAX_STATE_VECTOR_BYTES = 1024 * 1024

export function createStockClient(parts: StockClientParts): StockClient {
  const { wire, actor, project, awareness, admission, clock, log } = parts
  const seat: Seat = { actor }
  const answers = createLevel(clock, ANSWERS)
  let frames = 0
  /** What the client holds when all that was sent has arrived; undefined until it has been answered. */
  let holds: Uint8Array | undefined
  /** What it holds that is to be sent all that it lacks; meanwhile it is sent nothing else. */
  let owed: Uint8Array | undefined
  let isShowOwed = false
  let cancelTurn: (() => void) | undefined
  let cancelDrain: (() => void) | undefined
  let cancelAsk: (() => void) | undefined
  let cancelShow: (() => void) | undefined
  let gaps = 0
  /** What it has sent and the project has not come to yet. */
  let inbox: Uint8Array[] = []
  let inboxBytes = 0
  let release: (() => void) | undefined

  const close = (error: OrchError): void => wire.close(closeCodeOf(error), error.message)
  const ask = (): void => wire.send(encodeFrame({ type: 'step1', stateVector: project.encodeStateVector() }))
  const isSlow = (): boolean => wire.bufferedBytes > SLOW_BYTES

  /** Owes the client all that it lacks: a queue would grow with every change. Many questions get one answer, the last. */
  const owe = (stateVector: Uint8Array): void => {
    const isNew = owed === undefined
    owed = stateVector
    if (isNew) takeTurn()
  }
  const takeTurn = () => {
    if (cancelDrain) return
    if (isSlow()) return waitUntilDrained()
    cancelTurn = admission.ask({
      actor: actor.name,
      begin: serve,
      isOver: () => !wire.isOpen || wire.bufferedBytes <= DRAINED_BYTES,
    })
  }
  const serve = (): void => {
    cancelTurn = undefined
    guarded(() => {
      if (!owed || !wire.isOpen) return
      wire.send(encodeFrame({ type: 'step2', update: project.encodeState(owed) }))
      owed = undefined
      holds = project.encodeStateVector()
    })
  }
  const waitUntilDrained = (since = clock.monotonic()): void => {
    cancelDrain = clock.after(DRAIN_POLL_MS, () => {
      cancelDrain = undefined
      if (!wire.isOpen) return
      if (wire.bufferedBytes > DRAINED_BYTES) {
        if (wire.bufferedBytes > STUCK_BYTES && clock.monotonic() - since >= STUCK_MS) {
          return wire.close(closeCodes.tryLater, 'the client does not read')
        }
        return waitUntilDrained(since)
      }
      if (isShowOwed) showAll()
      if (owed) takeTurn()
    })
  }

  const showAll = (): void => {
    isShowOwed = false
    wire.send(encodeFrame({ type: 'awareness', entries: awareness.all() }))
  }
  /** Many questions get one answer. */
  const showLater = (): void => {
    cancelShow ??= clock.after(SHOW_AGAIN_MS, () => {
      cancelShow = undefined
      guarded(() => {
        isShowOwed = true
        if (!isSlow()) showAll()
        else if (!cancelDrain) waitUntilDrained()
      })
    })
  }

  const answer = (stateVector: Uint8Array) => {
    if (stateVector.length > MAX_STATE_VECTOR_BYTES || !isStateVector(stateVector)) {
      return wire.close(closeCodes.malformed, 'not a state vector')
    }
    const wait = owed === undefined ? answers.take(1) : 0
    if (wait === 0) return owe(stateVector)
    // Who asks again and again is read no faster than it is answered.
    clock.after(wait, wire.hold())
    owe(stateVector)
  }

  /**
   * The update builds on something that never came. It is kept, and what is missing is asked for: an honest client has it.
   * Less and less often while that does not help.
   */
  const askAgain = (): void => {
    if (cancelAsk) return
    const wait = gaps === 0 ? 0 : Math.min(ASK_AGAIN_MS * 2 ** (gaps - 1), ASK_AGAIN_MAX_MS)
    if (gaps++ > 0) log.warn('a client sends changes that build on something missing', { actor: actor.name, gaps })
    cancelAsk = clock.after(wait, () => {
      cancelAsk = undefined
      guarded(ask)
    })
  }

  /**
   * Who may only read still says what it holds, which is nothing new as a rule. Anything new is refused in a way that
   * reaches a person: a client that thinks itself saved would lose it.
   */
  const refuse = (update: Uint8Array): void => {
    if (!project.adds(update)) return
    const reason = 'this token may only read'
    log.warn('a client that may only read has changes', { actor: actor.name })
    wire.send(encodeFrame({ type: 'denied', reason }))
    wire.close(closeCodes.forbidden, reason)
  }

  const take = (update: Uint8Array) => {
    if (!parts.mayWrite) return refuse(update)
    inbox.push(update)
    inboxBytes += update.length
    if (inboxBytes > INBOX_BYTES || inbox.length > INBOX_UPDATES) release ??= wire.hold()
    if (inbox.length > 1) return
    project.applyUpdate(emptyInbox, { source: 'room', actor }, awareness.holder).then(
      (taken) => {
        if (taken === 'missing') askAgain()
        else gaps = 0
      },
      (thrown) => {
        const error = toOrchError(thrown)
        if (error.code === 'update_gap') return askAgain()
        log.warn('an update of a client was refused', { actor: actor.name, error })
        close(error)
      },
    )
  }
  const emptyInbox = (): readonly Uint8Array[] => {
    const sent = inbox
    inbox = []
    inboxBytes = 0
    release?.()
    release = undefined
    return sent
  }

  /** Reading fails while the disk does: that costs the client its connection for now, not the daemon. */
  const guarded = (read: () => void): void => {
    try {
      read()
    } catch (thrown) {
      const error = toOrchError(thrown)
      log.error('a client could not be answered', { actor: actor.name, error })
      close(error)
    }
  }

  const receive = (frame: StockFrame) => {
    frames++
    switch (frame.type) {
      case 'step1':
        return answer(frame.stateVector)
      case 'step2':
      case 'update':
        return take(frame.update)
      case 'awareness': {
        const verdict = awareness.take(seat, frame.entries, frames <= OPENING_FRAMES)
        if (verdict === 'malformed')
          wire.close(closeCodes.malformed, 'an awareness state is a JSON object, and its clock goes up by one')
        if (verdict === 'too-large') wire.close(closeCodes.tooLarge, 'an awareness state is too large')
        return
      }
      case 'queryAwareness':
        return showLater()
      case 'denied':
        return
      default:
        return unreachable(frame)
    }
  }

  return {
    greet: () =>
      guarded(() => {
        ask()
        showAll()
      }),
    receive: (frame) => guarded(() => receive(frame)),
    push(frame, after) {
      if (!holds || owed) return
      if (isSlow()) return owe(holds)
      wire.send(frame)
      holds = after
    },
    show(frame) {
      if (!isSlow()) return wire.send(frame)
      isShowOwed = true
      if (!cancelDrain) waitUntilDrained()
    },
    stop() {
      cancelTurn?.()
      cancelDrain?.()
      cancelAsk?.()
      cancelShow?.()
      awareness.leave(seat)
    },
  }
}

function isStateVector(bytes: Uint8Array): boolean {
  try {
    Y.decodeStateVector(bytes)
    return true
  } catch {
    return false
  }
}
