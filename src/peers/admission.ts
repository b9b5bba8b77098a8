import type { Clock } from '../base/clock.ts'

/** Lets a few in at a time: after a restart all clients come back within a moment, and each is sent all that it lacks. */
export interface Admission {
  /** Calls `begin` when there is room, one in each turn of the event loop. Its place is free again when `isOver`. Returns what calls it off. */
  ask(begin: () => void, isOver: () => boolean): () => void
}

const LOOK_MS = 100
/** Who does not read what it was sent gives its place to the next one. */
const LONGEST_MS = 5_000

export function createAdmission(clock: Clock, atOnce: number): Admission {
  interface Asked {
    readonly begin: () => void
    readonly isOver: () => boolean
  }
  const waiting = new Set<Asked>()
  let busy = 0
  let scheduled = false

  const schedule = (): void => {
    if (scheduled || waiting.size === 0 || busy >= atOnce) return
    scheduled = true
    setImmediate(next)
  }
  const next = (): void => {
    scheduled = false
    const [first] = waiting
    if (!first) return
    waiting.delete(first)
    busy++
    try {
      first.begin()
    } finally {
      watch(first, clock.monotonic())
    }
    schedule()
  }
  const watch = (one: Asked, since: number): void => {
    if (one.isOver() || clock.monotonic() - since >= LONGEST_MS) {
      busy--
      schedule()
    } else clock.after(LOOK_MS, () => watch(one, since))
  }

  return {
    ask(begin, isOver) {
      const asked: Asked = { begin, isOver }
      waiting.add(asked)
      schedule()
      return () => waiting.delete(asked)
    },
  }
}
