import type { Clock } from '../base/clock.ts'
import { isPermanent } from './close-codes.ts'
import { createFlood, type Flooding, type Meter } from './flood.ts'

/** Who was turned away until somebody changes something, for people to see. */
export interface Refusal {
  readonly at: number
  readonly actor: string
  readonly code: number
  readonly reason: string
}

/** How those who connect behave, in all rooms of the daemon together: what they may send, and what came of what they did. */
export interface Conduct {
  /** For a new connection of an actor: how much it may send. */
  meter(actor: string): Meter
  /** A connection was closed with a code. */
  note(actor: string, code: number, reason: string): void
  /** The last ones that were turned away. */
  refusals(): readonly Refusal[]
  /** Who sends more than is read of it at once. */
  flooding(): readonly Flooding[]
}

const KEPT_REFUSALS = 20

export function createConduct(clock: Clock): Conduct {
  const { meter, flooding } = createFlood(clock)
  let refusals: readonly Refusal[] = []
  return {
    meter,
    flooding,
    note(actor, code, reason) {
      if (!isPermanent(code)) return
      // One that comes again and again must not push the others off the list.
      const others = refusals.filter((one) => one.actor !== actor || one.code !== code)
      refusals = [...others, { at: clock.now(), actor, code, reason }].slice(-KEPT_REFUSALS)
    },
    refusals: () => refusals,
  }
}
