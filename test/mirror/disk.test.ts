import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { createNodeDisk } from '../../src/mirror/node-disk.ts'
import { type DiskSetup, diskContract } from '../contract/disk.ts'
import { createTestClock } from '../helpers/clock.ts'
import { createMemoryDisk } from '../memory/disk.ts'

diskContract('memory', () => {
  const disk = createMemoryDisk(createTestClock())
  return { disk, save: disk.save, symlink: disk.symlink, close: () => undefined }
})

diskContract('node', nodeSetup)

test('[M12] a pipe is refused without waiting for its writer', async () => {
  const { disk, root, close } = nodeSetup()
  execFileSync('mkfifo', [join(root, 'pipe.md')])
  expect((await disk.read('pipe.md')).type).toBe('refused')
  const listing = await disk.list('')
  expect(listing.type === 'entries' && listing.entries[0]?.type).toBe('other')
  close()
})

test('[M12] a mirror directory that is a symbolic link is not entered', async () => {
  const { root, close } = nodeSetup()
  mkdirSync(join(root, 'elsewhere'))
  symlinkSync('elsewhere', join(root, 'orch'))
  const disk = createNodeDisk(join(root, 'orch'))
  expect((await disk.list('')).type).toBe('refused')
  await expect(disk.create('a.md', new Uint8Array())).rejects.toThrow('symbolic link')
  close()
})

test.skipIf(process.getuid?.() === 0)('[M8] a file that may not be read is unreadable, not absent', async () => {
  const { disk, root, save, close } = nodeSetup()
  save('tasks/a.md', 'x')
  chmodSync(join(root, 'tasks/a.md'), 0)
  expect((await disk.read('tasks/a.md')).type).toBe('unreadable')
  close()
})

function nodeSetup(): DiskSetup & { root: string } {
  const root = mkdtempSync(join(tmpdir(), 'orch-disk-'))
  const inRoot = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    return join(root, path)
  }
  return {
    root,
    disk: createNodeDisk(root),
    save: (path, content) => writeFileSync(inRoot(path), content),
    symlink: (path, target) => symlinkSync(target, inRoot(path)),
    close: () => rmSync(root, { recursive: true, force: true }),
  }
}
