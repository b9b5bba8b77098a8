import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sleep, systemClock } from '../../src/base/clock.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { byClaude } from '../helpers/project.ts'
import { FAIR, openRealMirror, race, STYLES } from './race.ts'

/** Waits for the real clock, which nothing here can move. */
async function until(holds: () => boolean, limitMs: number): Promise<number> {
  const start = performance.now()
  while (!holds()) {
    if (performance.now() - start > limitMs) throw new Error(`not within ${limitMs} ms`)
    await sleep(systemClock, 5)
  }
  return performance.now() - start
}

test('[P8][M3] a save is told of, and merged well before the next scan would find it', async () => {
  const { root, held, mirror, stop } = await openRealMirror({ isBasic: true })
  const id = await held.project.transact(byClaude, (tx) => tx.create(task, { title: 'Fix login', body: 'one' }))
  await mirror.sync()
  const file = join(root, held.project.pathOf(task, id))
  writeFileSync(file, readFileSync(file, 'utf8').replace('one', 'one by hand'))
  const took = await until(() => held.project.read(task, id)?.values.body === 'one by hand', 3000)
  expect(took).toBeGreaterThanOrEqual(200)
  writeFileSync(join(root, 'tasks', 'new.md'), '# New\n')
  // For a moment of an exchange there is no file.
  const made = join(root, 'tasks', 'new.md')
  await until(() => existsSync(made) && readFileSync(made, 'utf8').includes('id: t-'), 3000)
  rmSync(file)
  await until(() => held.project.read(task, id)?.deletedAt !== undefined, 4000)
  await stop()
})

test('[M3] W1: what is written when the system’s list of events is full already is taken in without a wish', async () => {
  const { root, held, stop } = await openRealMirror({ scanMs: 600_000 })
  // Of what happens in one turn, Node tells the first 4,096 events and drops the others.
  for (let i = 0; i < 4500; i++) writeFileSync(join(root, 'pages', `other${i}.txt`), '')
  for (let i = 0; i < 20; i++) writeFileSync(join(root, 'pages', `p${i}.md`), `# Page ${i}\n`)
  await until(() => held.project.ids(page).length === 20, 30_000)
  await stop()
})

/** A slice of `npm run test:races`: every way of saving, each tier with two of them. */
test.each(STYLES.map((style, i) => ({ style, isBasic: i % 2 === 0, saves: 25 })))(
  '[P2][M5][M6] an editor that saves by $style races commands (basic: $isBasic): nothing is lost, nothing doubled',
  async (options) => {
    expect(await race(options)).toMatchObject(FAIR)
  },
)
