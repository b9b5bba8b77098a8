import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/**
 * CPU time of this process and of the programs that it has run to their end, in milliseconds: what a busy machine changes
 * little. Programs count where the system tells (Linux).
 */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000 + programs()
}

function programs(): number {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ') ?? []
    // `cutime` and `cstime` of proc(5); the state, field 3, is the first after the name.
    return ((Number(fields[13]) + Number(fields[14])) * 1000) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}

export interface Timed {
  /** Milliseconds on the clock, and of CPU. */
  readonly took: number
  readonly cpu: number
}

export async function timed(work: () => Promise<unknown> | unknown): Promise<Timed> {
  const [start, cpu] = [performance.now(), cpuTime()]
  await work()
  return { took: performance.now() - start, cpu: cpuTime() - cpu }
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** The middle of many; of CPU, which the system counts in coarse ticks, the mean. */
export function typical(all: readonly Timed[]): Timed {
  return { took: median(all.map(({ took }) => took)), cpu: all.reduce((sum, { cpu }) => sum + cpu, 0) / all.length }
}

export const shown = ({ took, cpu }: Timed): string => `${took.toFixed(0)} ms (${cpu.toFixed(0)} ms of CPU)`
