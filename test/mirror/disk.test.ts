import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createNodeDisk, type NodeDiskOptions } from '../../src/mirror/node-disk.ts'
import { loadPlatformCalls } from '../../src/mirror/platform.ts'
import { type DiskSetup, diskContract } from '../contract/disk.ts'
import { createTestClock } from '../helpers/clock.ts'
import { TIERS } from '../helpers/mirror.ts'
import { createMemoryDisk } from '../memory/disk.ts'

for (const [tier, options] of TIERS) {
  diskContract(`memory, ${tier}`, () => {
    const disk = createMemoryDisk(createTestClock(), options)
    return {
      disk,
      save: disk.save,
      symlink: disk.symlink,
      open: (path) => disk.open(path).close,
      close: () => undefined,
    }
  })
}

diskContract('node, as the system allows', nodeSetup)
diskContract('node, basic', () => nodeSetup({ isBasic: true }))

const calls = await loadPlatformCalls()
if ('missing' in calls) {
  process.stderr.write(`SKIPPED: what Linux can do beyond the least is not tested: ${calls.missing}\n`)
}

describe('what a disk can do', () => {
  test.skipIf('missing' in calls)('[M4][M5] is found by trying it', async () => {
    const { disk, close } = nodeSetup()
    expect(await disk.probe()).toMatchObject({ seesWriters: true, exchanges: true, isRemote: false })
    close()
  })

  test.each<[string, NodeDiskOptions, RegExp]>([
    ['as configured', { isBasic: true }, /basic.*as configured/],
    ['without the package', { loadCalls: async () => ({ missing: 'no koffi' }) }, /basic.*no koffi/],
    ['with a package that does not load', { loadCalls: () => Promise.reject(new Error('bad ELF')) }, /basic.*bad ELF/],
    [
      'where the file system refuses the calls',
      {
        loadCalls: async () => ({
          hasWriter: () => undefined,
          exchange() {
            throw new Error('EINVAL')
          },
        }),
      },
      /^basic/,
    ],
    [
      'where they answer wrongly',
      { loadCalls: async () => ({ hasWriter: () => true, exchange: () => true }) },
      /^basic/,
    ],
  ])('[M4][M5] %s: the least, and never an error', async (_where, options, summary) => {
    const { disk, save, close } = nodeSetup(options)
    expect(await disk.probe()).toEqual({
      seesWriters: false,
      exchanges: false,
      isRemote: false,
      summary: expect.stringMatching(summary),
    })
    save('tasks/a.md', 'one')
    expect(await disk.read('tasks/a.md')).toMatchObject({ type: 'file', isBeingWritten: undefined })
    close()
  })

  test('[M3] a network file system is told apart', async () => {
    const { disk, close } = nodeSetup({ remoteFileSystem: async () => 'NFS' })
    expect(await disk.probe()).toMatchObject({
      isRemote: true,
      seesWriters: false,
      summary: expect.stringMatching('NFS'),
    })
    close()
  })

  test.skipIf('missing' in calls)(
    '[M4] R6: a program that opens the file in the moment of the question does not kill us',
    async () => {
      const { disk, root, save, close } = nodeSetup()
      await disk.probe()
      save('tasks/a.md', 'one')
      const program = `const fs = require('fs')
      for (const end = Date.now() + 400; Date.now() < end; ) fs.closeSync(fs.openSync(process.argv[1], 'a'))`
      const writer = spawn(process.execPath, ['-e', program, join(root, 'tasks/a.md')], { stdio: 'inherit' })
      const ended = once(writer, 'exit')
      const answers = new Set<unknown>()
      while (writer.exitCode === null) {
        const found = await disk.read('tasks/a.md')
        if (found.type === 'file') answers.add(found.isBeingWritten)
      }
      expect((await ended)[0]).toBe(0)
      expect([...answers].sort()).toEqual([false, true])
      close()
    },
  )
})

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

function nodeSetup(options: NodeDiskOptions = {}): DiskSetup & { root: string } {
  const root = mkdtempSync(join(tmpdir(), 'orch-disk-'))
  const inRoot = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    return join(root, path)
  }
  return {
    root,
    disk: createNodeDisk(root, options),
    save: (path, content) => writeFileSync(inRoot(path), content),
    symlink: (path, target) => symlinkSync(target, inRoot(path)),
    open(path) {
      const descriptor = openSync(join(root, path), 'r+')
      return () => closeSync(descriptor)
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  }
}
