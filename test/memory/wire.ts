import type { Clock } from '../../src/base/clock.ts'
import type { Dial, Wire } from '../../src/peers/wire.ts'

/** A connection in memory, with what can happen to one on the way. */
export interface MemoryLine {
  /** The end of who dialled, and the other. */
  readonly ends: readonly [Wire, Wire]
  /** Breaks it; both ends hear 1006. */
  cut(): void
  /** Half open: what is sent from now on vanishes, and nobody hears of it. */
  hang(): void
  /** Keeps frames to one end on the way, as one that does not read does; the `bufferedBytes` of the other grow. */
  stall(end: Wire): void
  resume(): void
}

interface End {
  readonly wire: Wire
  /** Gives what was sent to this end, then an end of the line, in order. */
  deliver(item: Uint8Array | Ended): void
}

interface Ended {
  readonly code: number
  readonly reason: string
}

export function createMemoryLine(options: { readonly clock?: Clock; readonly delayMs?: number } = {}): MemoryLine {
  const { clock, delayMs = 0 } = options
  let hanging = false
  let stalled: Wire | undefined
  const held: (() => void)[] = []
  const later = (to: Wire, run: () => void): void => {
    const arrive = (): void => {
      if (stalled === to) held.push(run)
      else run()
    }
    if (clock && delayMs > 0) clock.after(delayMs, arrive)
    else setImmediate(arrive)
  }

  const createEnd = (other: () => End): End => {
    let ended: Ended | undefined
    let onTheWay = 0
    let holders = 0
    const waiting: (Uint8Array | Ended)[] = []
    const early: Uint8Array[] = []
    let onFrame: ((frame: Uint8Array) => void) | undefined
    let onClose: ((code: number, reason: string) => void) | undefined
    const end = (how: Ended): void => {
      if (ended) return
      ended = how
      onClose?.(how.code, how.reason)
    }
    const take = (item: Uint8Array | Ended): void => {
      if (ended) return
      if ('code' in item) end(item)
      else if (onFrame) onFrame(item)
      else early.push(item)
    }
    const transmit = (item: Uint8Array | Ended, size: number): void => {
      onTheWay += size
      later(other().wire, () => {
        onTheWay -= size
        if (!hanging) other().deliver(item)
      })
    }
    return {
      wire: {
        get isOpen() {
          return !ended
        },
        isFaulty: false,
        get bufferedBytes() {
          return onTheWay
        },
        send(frame) {
          if (!ended) transmit(Uint8Array.from(frame), frame.length)
        },
        hold() {
          holders++
          let isHolding = true
          return () => {
            if (!isHolding) return
            isHolding = false
            holders--
            while (holders === 0 && waiting.length > 0) take(waiting.shift() as Uint8Array | Ended)
          }
        },
        close(code, reason) {
          if (ended) return
          transmit({ code, reason }, 0)
          // As with a socket: isOpen is false at once, the end is heard a little later.
          const heard = onClose
          onClose = undefined
          end({ code, reason })
          onClose = heard
          setImmediate(() => heard?.(code, reason))
        },
        onFrame(listen) {
          onFrame = listen
          for (const frame of early.splice(0)) listen(frame)
        },
        onClose(listen) {
          onClose = listen
          if (ended) listen(ended.code, ended.reason)
        },
      },
      deliver(item) {
        if (holders > 0) waiting.push(item)
        else take(item)
      },
    }
  }
  const dialler: End = createEnd(() => host)
  const host: End = createEnd(() => dialler)
  return {
    ends: [dialler.wire, host.wire],
    cut() {
      for (const end of [dialler, host]) end.deliver({ code: 1006, reason: '' })
    },
    hang() {
      hanging = true
    },
    stall(end) {
      stalled = end
    },
    resume() {
      stalled = undefined
      for (const run of held.splice(0)) run()
    },
  }
}

export type Accept = (wire: Wire, path: string, protocols: readonly string[]) => void

/** Hosts that can be dialled, and the lines between them. */
export interface MemoryNetwork {
  readonly dial: Dial
  /** All lines ever opened, the newest last. */
  readonly lines: readonly MemoryLine[]
  listen(host: string, accept: Accept): void
  /** Cuts every line, and refuses new ones until `up`. */
  down(): void
  up(): void
}

export function createMemoryNetwork(
  options: { readonly clock?: Clock; readonly delayMs?: number } = {},
): MemoryNetwork {
  const hosts = new Map<string, Accept>()
  const lines: MemoryLine[] = []
  let isUp = true
  return {
    lines,
    async dial(url, { protocols }) {
      const { host, pathname } = new URL(url)
      const accept = hosts.get(host)
      if (!isUp || !accept) throw new Error(`connect ECONNREFUSED ${host}`)
      const line = createMemoryLine(options)
      lines.push(line)
      const [near, far] = line.ends
      accept(far, pathname, protocols)
      return near
    },
    listen: (host, accept) => hosts.set(host, accept),
    down() {
      isUp = false
      for (const line of lines) line.cut()
    },
    up() {
      isUp = true
    },
  }
}
