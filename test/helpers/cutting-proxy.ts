import { connect, createServer, type Server, type Socket } from 'node:net'

/** What a network can do to connections. */
export type Weather =
  /** All goes through, after `delayMs`. */
  | 'open'
  /** Connections are ended, and none is taken in. */
  | 'cut'
  /** Connections stand, and nothing goes through in either direction: neither side is told. */
  | 'half-open'
  /** Only what the connecting side sends goes through. */
  | 'outward'
  /** Only what it is answered goes through. */
  | 'inward'

/** A TCP proxy that cuts, stops and delays what goes through it, and can be pointed at another server. */
export interface CuttingProxy {
  readonly port: number
  set(weather: Weather): void
  delay(ms: number): void
  /** Where new connections go; those that stand are ended. */
  aim(port: number): void
  close(): Promise<void>
}

export async function createCuttingProxy(target: number): Promise<CuttingProxy> {
  let aim = target
  let weather: Weather = 'open'
  let delayMs = 0
  const pairs = new Set<readonly [Socket, Socket]>()
  /** What is held back, in order, with whether it goes outward. */
  const held = new Map<Socket, Buffer[]>()

  const passes = (isOutward: boolean): boolean => weather === 'open' || weather === (isOutward ? 'outward' : 'inward')
  const send = (to: Socket, data: Buffer): void => {
    if (!to.destroyed) to.write(data)
  }
  /** TCP loses nothing: what did not go through comes when the way is open again. */
  const flow = (from: Socket, to: Socket, isOutward: boolean): void => {
    from.on('data', (data) => {
      const pass = (): void => {
        const waiting = held.get(to)
        if (passes(isOutward) && !waiting) send(to, data)
        else held.set(to, [...(waiting ?? []), data])
      }
      if (delayMs > 0) setTimeout(pass, delayMs)
      else pass()
    })
  }
  const release = (): void => {
    for (const [near, far] of pairs) {
      for (const [to, isOutward] of [
        [far, true],
        [near, false],
      ] as const) {
        if (!passes(isOutward)) continue
        for (const data of held.get(to) ?? []) send(to, data)
        held.delete(to)
      }
    }
  }
  const endAll = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }

  const server: Server = createServer((near) => {
    if (weather === 'cut') return void near.destroy()
    const far = connect(aim, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [socket, other] of [pair, [far, near]] as const) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        pairs.delete(pair)
        held.delete(socket)
        // In a half-open net neither side hears that the other is gone.
        if (weather === 'open' || weather === 'cut') other.destroy()
      })
    }
    flow(near, far, true)
    flow(far, near, false)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()

  return {
    port: typeof address === 'object' && address ? address.port : 0,
    set(next) {
      weather = next
      if (weather === 'cut') endAll()
      release()
    },
    delay(ms) {
      delayMs = ms
    },
    aim(port) {
      aim = port
      endAll()
    },
    close: () =>
      new Promise((resolve) => {
        endAll()
        server.close(() => resolve())
      }),
  }
}
