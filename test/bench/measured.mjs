/**
 * Loaded into a server before its own code (`--import`): on SIGUSR2 it writes what the process has used since the last
 * time into a file named by its pid, in the folder ORCH_BENCH_DIR. The same for every server, whoever wrote it. With
 * ORCH_BENCH_TURNS also how much CPU its main thread took without a rest, which other programs do not lengthen (Linux);
 * where that says `each`, turn by turn, for which the loop never rests.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const dir = process.env.ORCH_BENCH_DIR
if (dir !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  let cpu = process.cpuUsage()
  const turns = process.env.ORCH_BENCH_TURNS === undefined ? () => ({}) : watchTurns(await loadThreadCpu())
  process.on('SIGUSR2', () => {
    const { user, system } = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    const figures = {
      cpuMs: (user + system) / 1000,
      rss: process.memoryUsage.rss(),
      // What the histogram itself waits between two looks.
      delayP50: delay.percentile(50) / 1e6 - 1,
      delayP99: delay.percentile(99) / 1e6 - 1,
      delayMax: delay.max / 1e6 - 1,
      ...turns(),
    }
    delay.reset()
    const file = join(dir, `${process.pid}.json`)
    writeFileSync(`${file}.new`, JSON.stringify(figures))
    renameSync(`${file}.new`, file)
  })
}

function watchTurns(used) {
  const isEach = process.env.ORCH_BENCH_TURNS === 'each'
  let last = used()
  let lengths = []
  const look = () => {
    const now = used()
    // Those that do nothing are no turns of anything.
    if (!isEach || now - last > 0.1) lengths.push(now - last)
    last = used()
    if (isEach) setImmediate(look)
  }
  if (isEach) setImmediate(look)
  else setInterval(look, 1).unref()
  return () => {
    const sorted = lengths.sort((a, b) => a - b)
    const figures = {
      turnP99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      turnMax: sorted.at(-1) ?? 0,
      over10: sorted.filter((length) => length > 10).length,
    }
    lengths = []
    last = used()
    return figures
  }
}

/** CPU of this thread so far, in milliseconds. What Linux says of a task is only brought up to date with its own ticks. */
async function loadThreadCpu() {
  try {
    const { default: koffi } = await import('koffi')
    const gettime = koffi.load(null).func('int clock_gettime(int, _Out_ int64_t *)')
    const time = new BigInt64Array(2)
    return () => {
      gettime(3, time)
      return Number(time[0]) * 1000 + Number(time[1]) / 1e6
    }
  } catch {
    return () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6
  }
}
