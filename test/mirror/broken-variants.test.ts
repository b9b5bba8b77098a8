import { afterEach, expect, test, vi } from 'vitest'
import { baseIsDocument, blindWriteOut, diffCharacters } from './broken-variants.ts'
import { type RaceOptions, type RaceResult, race } from './race.ts'

const compares = vi.hoisted(() => ({ byCharacters: false }))
vi.mock('../../src/model/text-diff.ts', async (importOriginal) => {
  const real = await importOriginal<typeof import('../../src/model/text-diff.ts')>()
  const diffText: typeof real.diffText = (before, after, ...rest) =>
    compares.byCharacters ? diffCharacters(before, after) : real.diffText(before, after, ...rest)
  return {
    ...real,
    diffText,
    mergeText: (base: string, disk: string, current: string) =>
      real.rebaseEdits(diffText(base, disk), diffText(base, current)),
  }
})
afterEach(() => {
  compares.byCharacters = false
})

/** Chance decides when two meet: races until it shows, a few times at most. */
async function racesUntilLost(options: RaceOptions): Promise<RaceResult> {
  let result = await race(options)
  for (let i = 0; i < 4 && isFair(result); i++) result = await race(options)
  return result
}
const isFair = ({ lost, doubled }: RaceResult): boolean => lost.length + doubled.length === 0

test('the races tell of a mirror that compares saves with the document as it is [M1]', async () => {
  const result = await racesUntilLost({ style: 'truncate', saves: 25, variant: baseIsDocument })
  expect(result.lost.length).toBeGreaterThan(0)
})

test('the races tell of a mirror that writes without looking [M5]', async () => {
  const result = await racesUntilLost({ style: 'rename', saves: 25, variant: blindWriteOut })
  expect(result.lost.length).toBeGreaterThan(0)
})

test('the races tell of a mirror that compares by characters [M2]', async () => {
  compares.byCharacters = true
  const result = await racesUntilLost({ style: 'truncate', saves: 25 })
  expect(result.lost.length + result.doubled.length).toBeGreaterThan(0)
})
