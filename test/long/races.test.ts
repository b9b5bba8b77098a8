import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { page } from '../../src/model/kinds/page.ts'
import { FAIR, openRealMirror, type RaceResult, race, STYLES } from '../mirror/race.ts'

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

test('[M3] W1: of 5,000 files that are written in one turn, none is missed, and none doubled', async () => {
  const { root, held, mirror, stop } = await openRealMirror()
  for (let i = 0; i < 5000; i++) writeFileSync(join(root, 'pages', `p${i}.md`), `# Page ${i}\n`)
  await mirror.sync()
  const titles = held.project.ids(page).map((id) => String(held.project.read(page, id)?.values.title))
  expect(new Set(titles).size).toBe(5000)
  expect(titles).toHaveLength(5000)
  expect(mirror.problems()).toEqual([])
  await stop()
})

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
