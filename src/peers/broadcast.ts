import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { mergeUpdates } from '../doc/merge-updates.ts'
import type { RoomDocument } from '../store/project.ts'
import { type AwarenessEntry, encodeFrame } from './frames.ts'
import type { StockClient } from './stock-client.ts'

const AWARENESS_MS = 50
const KEEP_STATE_MS = 5_000

/** The whole state, for those who have nothing, is encoded once for all who come in one moment. */
export function keepState(
  shared: Pick<RoomDocument, 'adds' | 'applyUpdate' | 'encodeState' | 'encodeStateVector'>,
  clock: Clock,
): Pick<RoomDocument, 'adds' | 'applyUpdate' | 'encodeState' | 'encodeStateVector'> & { forget(): void } {
  let kept: Uint8Array | undefined
  let cancel: (() => void) | undefined
  const forget = (): void => {
    kept = undefined
    cancel?.()
    cancel = undefined
  }
  return {
    adds: shared.adds,
    applyUpdate: shared.applyUpdate,
    encodeStateVector: shared.encodeStateVector,
    encodeState(stateVector) {
      const hasNothing = stateVector === undefined || (stateVector.length === 1 && stateVector[0] === 0)
      if (!hasNothing) return shared.encodeState(stateVector)
      cancel ??= clock.after(KEEP_STATE_MS, forget)
      kept ??= shared.encodeState()
      return kept
    },
    forget,
  }
}

/** Sends the updates of one batch of commits to all clients: merged and encoded once for everybody. */
export function createBroadcast(parts: {
  readonly clients: () => readonly StockClient[]
  readonly stateVector: () => Uint8Array
  readonly log: Logger
}): (updates: readonly Uint8Array[]) => void {
  let waiting: Uint8Array[] = []
  const send = (): void => {
    const updates = waiting
    waiting = []
    try {
      const after = parts.stateVector()
      const frame = encodeFrame({ type: 'update', update: mergeUpdates(updates) })
      for (const client of parts.clients()) client.push(frame, after)
    } catch (error) {
      // The next update that builds on this one makes the clients ask for what is missing.
      parts.log.error('updates could not be sent', { error })
    }
  }
  return (updates) => {
    if (parts.clients().length === 0) return
    // When all commits of a batch have been told.
    if (waiting.length === 0 && updates.length > 0) queueMicrotask(send)
    waiting.push(...updates)
  }
}

/** Gathers changes of awareness for a moment: cursors move with every key. The last state of a client counts. */
export function gather(
  clock: Clock,
  tell: (entries: readonly AwarenessEntry[]) => void,
): (entries: readonly AwarenessEntry[]) => void {
  let changed = new Map<number, AwarenessEntry>()
  return (entries) => {
    if (changed.size === 0) {
      clock.after(AWARENESS_MS, () => {
        const gathered = [...changed.values()]
        changed = new Map()
        tell(gathered)
      })
    }
    for (const entry of entries) changed.set(entry.client, entry)
  }
}
