import { expect, test } from 'vitest'
import { soak, WARMTH } from './soak-run.ts'

const seconds = Number(process.env.ORCH_SOAK_SECONDS ?? 300)
const processes = Number(process.env.ORCH_SOAK_PROCESSES ?? 50)
const pauseMs = Number(process.env.ORCH_SOAK_PAUSE_MS ?? 500)

test(`[P1] [P8] ${processes} processes with mixed operations for ${seconds} s: nothing lost, nothing refused, the event loop is free, memory is that of the state`, async () => {
  const { wrong, loopP99Ms, machineP99Ms, kept, keptByFresh, figures } = await soak({ seconds, processes, pauseMs })
  process.stdout.write(`\n${JSON.stringify(figures)}\n`)
  expect(wrong).toEqual([])
  // On a machine that others use, too, what those do to any program is not the daemon's.
  expect(loopP99Ms).toBeLessThan(50 + machineP99Ms)
  expect(kept.at(-1)).toBeLessThan(keptByFresh + WARMTH)
})
