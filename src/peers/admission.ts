import type { Clock } from '../base/clock.ts'

/** One who asks to be sent all that it lacks. */
export interface Asked {
  readonly actor: string
  readonly begin: () => void
  /** Whether it has been sent: its place is free again. */
  readonly isOver: () => boolean
}

/** Lets a few in at a time: after a restart all clients come back within a moment, and each is sent all that it lacks. */
export interface Admission {
  /** Calls `begin` when there is room, one in each turn of the event loop. Returns what calls it off. */
  ask(asked: Asked): () => void
}

const LOOK_MS = 100
/** Who does not read what it was sent gives its place to the next one. */
const LONGEST_MS = 5_000

export function createAdmission(clock: Clock, atOnce: number): Admission {
  const waiting = new Set<Asked>()
  const busy = new Set<Asked>()
  let scheduled = false

  /** One actor alone never has all places: with many connections that do not read it would hold up everybody. */
  const mayBegin = ({ actor }: Asked): boolean =>
    busy.size < atOnce && [...busy].filter((one) => one.actor === actor).length < atOnce - 1
  const first = (): Asked | undefined => {
    for (const one of waiting) if (mayBegin(one)) return one
    return undefined
  }
  const schedule = (): void => {
    if (scheduled || !first()) return
    scheduled = true
    setImmediate(next)
  }
  const next = (): void => {
    scheduled = false
    const asked = first()
    if (!asked) return
    waiting.delete(asked)
    busy.add(asked)
    try {
      asked.begin()
    } finally {
      watch(asked, clock.monotonic())
    }
    schedule()
  }
  const watch = (one: Asked, since: number): void => {
    if (one.isOver() || clock.monotonic() - since >= LONGEST_MS) {
      busy.delete(one)
      schedule()
    } else clock.after(LOOK_MS, () => watch(one, since))
  }

  return {
    ask(asked) {
      waiting.add(asked)
      schedule()
      return () => waiting.delete(asked)
    },
  }
}
