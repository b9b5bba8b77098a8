import { expect, test } from 'vitest'
import { soak, WARMTH } from '../long/soak-run.ts'

test.skipIf(process.platform === 'win32')(
  '[P1] 50 processes with every kind of operation at once: nothing lost, nothing refused, memory is that of the state',
  async () => {
    const { wrong, kept, keptByFresh } = await soak({ seconds: 15, processes: 50, pauseMs: 800 })
    expect(wrong).toEqual([])
    expect(kept.at(-1)).toBeLessThan(keptByFresh + WARMTH)
  },
)
