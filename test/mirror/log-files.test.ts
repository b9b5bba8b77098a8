import { expect, test } from 'vitest'
import { createTestMirror, type TestMirror } from '../helpers/mirror.ts'
import { byAlice } from '../helpers/project.ts'

const append = (mirror: TestMirror, action: string, at?: string): Promise<unknown> =>
  mirror.drive(mirror.held.project.transact(byAlice, (tx) => tx.appendLog({ action, ...(at !== undefined && { at }) })))
const today = ({ clock }: TestMirror): string => new Date(clock.now()).toISOString().slice(0, 10)
const actions = (mirror: TestMirror, day = today(mirror)): readonly string[] | undefined =>
  mirror.disk
    .text(`log/${day}.jsonl`)
    ?.trim()
    .split('\n')
    .map((line) => JSON.parse(line).action)

test('a day is a file, an entry a line; what comes is appended in place, every 2 s at most', async () => {
  const mirror = await createTestMirror()
  await append(mirror, 'one')
  await mirror.sync()
  expect(actions(mirror)).toEqual(['one'])
  expect(mirror.disk.text(`log/${today(mirror)}.jsonl`)).toMatch(
    /^\{"id":"l-[0-9a-z]{8}","at":"[^"]+","actor":"alice","action":"one"\}\n$/,
  )

  const steps: string[] = []
  mirror.disk.before = (step, path) => {
    if (path.startsWith('log/') && step !== 'list') steps.push(step)
  }
  for (let i = 0; i < 10; i++) {
    await append(mirror, `more ${i}`)
    await mirror.clock.advance(100)
  }
  await mirror.clock.advance(5000)
  expect(actions(mirror)).toHaveLength(11)
  expect(steps.length).toBeLessThanOrEqual(2)
  expect(new Set(steps)).toEqual(new Set(['append']))
})

test('an entry from before the last one makes the file anew, in order', async () => {
  const mirror = await createTestMirror()
  const day = today(mirror)
  await append(mirror, 'second', `${day}T12:00:00.000Z`)
  await mirror.sync()
  await append(mirror, 'first', `${day}T11:00:00.000Z`)
  await append(mirror, 'the day before', '2020-02-29T11:00:00.000Z')
  await mirror.sync()
  expect(actions(mirror, day)).toEqual(['first', 'second'])
  expect(actions(mirror, '2020-02-29')).toEqual(['the day before'])
  expect(mirror.mirror.problems()).toEqual([])
})

test('[P6] what is done to a file by hand is put back with a notice, and never taken in', async () => {
  const mirror = await createTestMirror()
  await append(mirror, 'one')
  await mirror.sync()
  const path = `log/${today(mirror)}.jsonl`
  const text = mirror.disk.text(path)
  const rows = mirror.held.project.rowCount()
  await mirror.clock.advance(1000)
  mirror.disk.save(path, `${text}{"id":"l-00000000","at":"2026-11-23T08:00:00.000Z","actor":"x","action":"forged"}\n`)
  mirror.events()?.hint(path)
  await mirror.clock.advance(8000)
  expect(mirror.disk.text(path)).toBe(text)
  expect(mirror.mirror.problems()).toMatchObject([{ where: path, what: expect.stringContaining('by hand') }])
  mirror.disk.saveByRename(path, 'x')
  await append(mirror, 'two')
  await mirror.sync()
  expect(actions(mirror)).toEqual(['one', 'two'])
  mirror.disk.delete(path)
  await mirror.sync()
  expect(actions(mirror)).toEqual(['one', 'two'])
  expect(mirror.held.project.rowCount()).toBe(rows + 1)
})

test("what is in the folder and no day's file is left alone", async () => {
  const mirror = await createTestMirror()
  mirror.disk.save('log/notes.md', 'mine')
  mirror.disk.save('log/2020-01-01.jsonl', 'mine')
  await append(mirror, 'one')
  await mirror.sync()
  expect([mirror.disk.text('log/notes.md'), mirror.disk.text('log/2020-01-01.jsonl')]).toEqual(['mine', 'mine'])
})

test('a daemon that died goes on where the files were left, without making them anew', async () => {
  const first = await createTestMirror()
  await append(first, 'one')
  await first.sync()
  await append(first, 'two')
  const second = await first.restart()
  const made: string[] = []
  second.disk.before = (step, path) => {
    if (path.startsWith('log/') && (step === 'remove' || step === 'link')) made.push(path)
  }
  await second.sync()
  expect(actions(second)).toEqual(['one', 'two'])
  expect(made).toEqual([])
})

test('a disk that fails is tried again', async () => {
  const mirror = await createTestMirror()
  mirror.disk.before = (step, path) => {
    if (step === 'remove' && path.startsWith('log/')) throw new Error('ENOSPC')
  }
  await append(mirror, 'one')
  await mirror.sync()
  expect(mirror.mirror.problems().map(({ where }) => where)).toContain(`log/${today(mirror)}.jsonl`)
  mirror.disk.before = () => undefined
  await mirror.clock.advance(10_000)
  await mirror.sync()
  expect(actions(mirror)).toEqual(['one'])
  expect(mirror.mirror.problems()).toEqual([])
})
