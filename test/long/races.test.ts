import { afterAll, expect, test } from 'vitest'
import { FAIR, type RaceResult, race, STYLES } from '../mirror/race.ts'

/** Of each of the 16 cells: 960 saves in all. */
const SAVES = Number(process.env.ORCH_RACE_SAVES ?? 60)

const cells = [false, true].flatMap((isBasic) =>
  [false, true].flatMap((isLoaded) => STYLES.map((style) => ({ style, isBasic, isLoaded }))),
)
const rows: string[] = []

test.each(cells)(
  '[P2][M4][M5][M6] $style, basic: $isBasic, every core busy: $isLoaded: no save is lost, none doubled',
  async (cell) => {
    const result = await race({ ...cell, saves: SAVES })
    rows.push(rowOf(cell, result))
    expect(result).toMatchObject(FAIR)
  },
)

afterAll(() => {
  const table = [
    '| editor saves by | tier | cores | saves | commands | lost | doubled | came back | file = document |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ]
  process.stdout.write(`\n${table.join('\n')}\n`)
})

function rowOf({ style, isBasic, isLoaded }: (typeof cells)[number], result: RaceResult): string {
  const { saves, commands, lost, doubled, back, isFileEqual } = result
  const tier = isBasic ? 'basic' : 'full'
  return `| ${style} | ${tier} | ${isLoaded ? 'busy' : 'idle'} | ${saves} | ${commands} | ${lost.length} | ${doubled.length} | ${back.length} | ${isFileEqual ? 'yes' : 'NO'} |`
}
