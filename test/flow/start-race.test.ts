import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createCliSpace } from '../helpers/cli.ts'

const space = createCliSpace()
afterAll(() => space.close())

test('20 commands at once with no daemon: one daemon is started, 20 tasks are made', async () => {
  const dir = await space.repository()
  for (let round = 0; round < 2; round++) {
    await space.orch(dir, ['stop'])
    expect(space.daemonsOf(dir)).toEqual([])
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, i) => space.orch(dir, ['task', 'create', `Task ${round}-${i}`])),
    )
    expect(runs.filter(({ code }) => code !== 0)).toEqual([])
    expect(space.daemonsOf(dir)).toHaveLength(1)
  }
  const { items } = await space.json<{ items: { id: string; title: string }[] }>(dir, [
    'task',
    'list',
    '--limit',
    '100',
  ])
  expect(new Set(items.map(({ id }) => id)).size).toBe(40)
  expect(new Set(items.map(({ title }) => title)).size).toBe(40)
})

test('20 times `orch init` at once: one project, one line in the exclude file', async () => {
  const dir = await space.repository({ init: false })
  const runs = await Promise.all(Array.from({ length: 20 }, () => space.orch(dir, ['init', '--yes'])))
  expect(runs.filter(({ code }) => code !== 0)).toEqual([])
  expect(space.daemonsOf(dir)).toHaveLength(1)
  const excluded = readFileSync(join(dir, '.git/info/exclude'), 'utf8')
  expect(excluded.match(/^\/orch\/$/gm)).toHaveLength(1)
})
