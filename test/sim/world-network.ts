import type { Clock } from '../../src/base/clock.ts'
import { type Accept, createMemoryLine, type MemoryLine, type MemoryNetwork } from '../memory/wire.ts'

/** The network of a world: hosts that can be cut off from one another, and hosts that are down. */
export interface WorldNetwork {
  /** As one host sees it. */
  of(host: string): MemoryNetwork
  /** A host is down until it listens again. */
  silence(host: string): void
  /** Nobody hears of it, or both ends do: `hang` or `cut`. */
  part(host: string, how: 'hang' | 'cut'): void
  heal(): void
}

export function createWorldNetwork(clock: Clock): WorldNetwork {
  const hosts = new Map<string, Accept>()
  const parted = new Set<string>()
  let lines: readonly { readonly line: MemoryLine; readonly ends: readonly string[] }[] = []
  const cut = (host: string): void => {
    for (const { line, ends } of lines) if (ends.includes(host)) line.cut()
    lines = lines.filter(({ ends }) => !ends.includes(host))
  }
  return {
    of: (from) => ({
      lines: [],
      async dial(url, { protocols }) {
        const { host, pathname } = new URL(url)
        const accept = hosts.get(host)
        if (!accept || parted.has(host) || parted.has(from)) throw new Error(`connect ECONNREFUSED ${host}`)
        const line = createMemoryLine({ clock, delayMs: 3 })
        lines = [...lines, { line, ends: [from, host] }]
        accept(line.ends[1], pathname, protocols)
        return line.ends[0]
      },
      listen: (host, accept) => hosts.set(host, accept),
      down: () => cut(from),
      up: () => undefined,
    }),
    silence(host) {
      hosts.delete(host)
      cut(host)
    },
    part(host, how) {
      parted.add(host)
      if (how === 'cut') cut(host)
      else for (const { line, ends } of lines) if (ends.includes(host)) line.hang()
    },
    heal: () => parted.clear(),
  }
}
