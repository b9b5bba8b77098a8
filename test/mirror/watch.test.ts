import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FSWatcher } from 'chokidar'
import { afterEach, expect, test } from 'vitest'
import { createNodeWatch, READING_METHOD } from '../../src/mirror/watch.ts'
import { until } from '../flow/harness.ts'

const root = mkdtempSync(join(tmpdir(), 'orch-watch-'))
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('[M3] a hint comes for every way a file changes, in the folders that are followed, also after one was made anew', async () => {
  const hints: string[] = []
  const failures: string[] = []
  const watching = createNodeWatch(root)({
    hint: (path) => hints.push(path),
    failed: (reason) => failures.push(reason),
  })
  const heard = (path: string): Promise<void> => until(() => hints.includes(path), `a hint for ${path}`)
  const write = (path: string): void => writeFileSync(join(root, path), String(hints.length))
  /** Until a folder is watched, what happens in it is not told: the scan finds it. */
  const isWatched = (folder: string): Promise<void> =>
    until(() => {
      write(join(folder, 'probe.md'))
      return hints.includes(join(folder, 'probe.md'))
    }, `${folder} is watched`)

  mkdirSync(join(root, 'tasks'))
  mkdirSync(join(root, 'other'))
  watching.follow(['', 'tasks'])
  await isWatched('tasks')
  write('tasks/new.md')
  await heard('tasks/new.md')
  write('state.json')
  await heard('state.json')
  rmSync(join(root, 'tasks/new.md'))
  await until(() => hints.filter((path) => path === 'tasks/new.md').length > 1, 'a hint for the removal')
  write('other/elsewhere.md')

  rmSync(join(root, 'tasks'), { recursive: true })
  await heard('tasks')
  watching.follow([''])
  mkdirSync(join(root, 'tasks'))
  watching.follow(['', 'tasks'])
  hints.length = 0
  await isWatched('tasks')
  expect(hints).not.toContain('other/elsewhere.md')
  expect(failures).toEqual([])
  watching.stop()
})

test('chokidar still reads folders with the method that is taken from it', () => {
  expect(typeof Reflect.get(FSWatcher.prototype, READING_METHOD)).toBe('function')
})
