import type { Clock } from '../base/clock.ts'
import { OrchError, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Vector } from '../store/row.ts'
import { closeCodes, explainClose } from './close-codes.ts'
import { type Hello, isReplicaFrame, type ReplicaFrame } from './frames.ts'
import { checkPeer, splitUrl } from './link.ts'
import { covers } from './next-rows.ts'
import type { Peering } from './peering.ts'
import { pinOf } from './pin.ts'
import { createProvider } from './provider.ts'
import { createRowExchange } from './row-exchange.ts'
import { protocolsFor } from './token.ts'
import type { Dial } from './wire.ts'

export interface VisitParts {
  readonly peering: Peering
  readonly dial: Dial
  readonly clock: Clock
  readonly log: Logger
}

/** A conversation with a peer that both sides have agreed to. */
export interface Visit {
  readonly peer: Hello
  /** Resolves when both sides durably hold the same. */
  settled(): Promise<void>
}

const HELLO_TIMEOUT_MS = 20_000

/**
 * Connects to a peer once, for as long as `work` takes. Throws `invalid_input` for a bad address or token, and
 * `join_failed` when the peer cannot be reached, refuses, or goes away before `work` is done.
 */
export async function visitPeer<T>(
  { peering, dial, clock, log }: VisitParts,
  { url, token, pin: given }: { readonly url: string; readonly token: string; readonly pin?: string | undefined },
  work: (visit: Visit) => Promise<T>,
): Promise<T> {
  const { project } = peering
  const pin = given === undefined ? undefined : (pinOf(given) ?? given)
  checkPeer({ url, token, pin })
  return new Promise<T>((resolve, reject) => {
    let isOver = false
    /** What the peer is known to hold. */
    let theirs: Vector = {}
    let waiting: (() => void)[] = []

    const end = (settle: () => void): void => {
      if (isOver) return
      isOver = true
      exchange.stop()
      cancelTimer()
      unsubscribe()
      provider.close(closeCodes.leaving, 'the visit is over')
      provider.destroy()
      settle()
    }
    const fail = (code: number, reason: string): void =>
      end(() => reject(new OrchError('join_failed', { reason: explainClose(code, reason) })))
    const look = (): void => {
      if (!covers(theirs, project.have()) || !covers(project.have(), theirs)) return
      for (const go of waiting) go()
      waiting = []
    }
    const hear = (frame: ReplicaFrame): void => {
      if (frame.type === 'have') theirs = frame.have
      if (frame.type === 'rows') theirs = frame.rows.reduce(raised, theirs)
      exchange.receive(frame)
      look()
    }

    const unsubscribe = project.onCommit(() => {
      exchange.poke()
      look()
    })
    const [server, room] = splitUrl(url)
    const provider = createProvider({
      server,
      room,
      protocols: protocolsFor(token),
      dial,
      pin,
      onOpen: () => exchange.start(),
      onFrame(frame) {
        if (frame.type === 'malformed') fail(closeCodes.malformed, frame.reason)
        else if (isReplicaFrame(frame)) hear(frame)
      },
      onClose: fail,
    })
    const exchange = createRowExchange({
      peering,
      side: 'dialler',
      send: provider.send,
      close: fail,
      clock,
      log,
      onLinked(peer) {
        cancelTimer()
        theirs = peer.have
        const settled = (): Promise<void> =>
          new Promise((go) => {
            waiting.push(go)
            look()
          })
        work({ peer, settled }).then(
          (value) => end(() => resolve(value)),
          (error: unknown) => end(() => reject(toOrchError(error))),
        )
      },
    })
    const cancelTimer = clock.after(HELLO_TIMEOUT_MS, () => fail(closeCodes.tryLater, 'what answers there is not orch'))
    provider.connect()
  })
}

function raised(vector: Vector, { replica, seq }: { readonly replica: string; readonly seq: number }): Vector {
  return seq > (vector[replica] ?? 0) ? { ...vector, [replica]: seq } : vector
}
