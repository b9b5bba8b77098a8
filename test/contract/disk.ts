import { describe, expect, test } from 'vitest'
import { type Disk, MAX_FILE_BYTES } from '../../src/mirror/disk.ts'

/** A disk, and the hands of somebody else on the same files. */
export interface DiskSetup {
  readonly disk: Disk
  readonly save: (path: string, content: string | Uint8Array) => void
  readonly symlink: (path: string, target: string) => void
  /** A program opens a file for writing; the result closes it. */
  readonly open: (path: string) => () => void
  readonly close: () => void
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** What every disk must do. */
export function diskContract(name: string, setUp: () => DiskSetup): void {
  const withDisk = (title: string, run: (setup: DiskSetup) => Promise<void>): void => {
    test(title, async () => {
      const setup = setUp()
      await run(setup).finally(setup.close)
    })
  }
  const textAt = async (disk: Disk, path: string): Promise<string | undefined> => {
    const found = await disk.read(path)
    return found.type === 'file' ? new TextDecoder().decode(found.bytes) : undefined
  }

  describe(`disk: ${name}`, () => {
    withDisk('a file that was made can be read, and its name cannot be made twice', async ({ disk }) => {
      await disk.create('tasks/deep/a.md', bytes('one'))
      expect(await textAt(disk, 'tasks/deep/a.md')).toBe('one')
      await expect(disk.create('tasks/deep/a.md', bytes('two'))).rejects.toThrow()
      expect(await textAt(disk, 'tasks/deep/a.md')).toBe('one')
    })

    withDisk('bytes are added in place to a file that is as it was, and to no other', async ({ disk, save }) => {
      const signature = async (): Promise<string> => {
        const found = await disk.read('log/a.jsonl')
        return found.type === 'file' ? found.signature : ''
      }
      expect(await disk.append('log/a.jsonl', bytes('x'), '')).toBeUndefined()
      await disk.create('log/a.jsonl', bytes('one\n'))
      const stamp = await disk.append('log/a.jsonl', bytes('two\n'), await signature())
      expect(stamp?.signature).toBe(await signature())
      expect(await textAt(disk, 'log/a.jsonl')).toBe('one\ntwo\n')
      save('log/a.jsonl', 'by hand, and longer\n')
      expect(await disk.append('log/a.jsonl', bytes('x'), stamp?.signature ?? '')).toBeUndefined()
      expect(await textAt(disk, 'log/a.jsonl')).toBe('by hand, and longer\n')
    })

    withDisk('[M8] absent and refused are different answers', async ({ disk, save }) => {
      expect((await disk.read('tasks/a.md')).type).toBe('absent')
      expect((await disk.list('tasks')).type).toBe('absent')
      save('tasks/a.md', 'x')
      expect((await disk.read('tasks')).type).toBe('refused')
      expect((await disk.read('tasks/a.md/b.md')).type).toBe('refused')
      expect((await disk.list('tasks/a.md')).type).toBe('refused')
    })

    withDisk(
      '[M12] no symbolic link is followed, neither as a file nor on the way to one',
      async ({ disk, save, symlink }) => {
        save('tasks/real.md', 'secret')
        symlink('tasks/link.md', 'real.md')
        symlink('pages', 'tasks')
        expect((await disk.read('tasks/link.md')).type).toBe('refused')
        expect((await disk.read('pages/real.md')).type).toBe('refused')
        expect((await disk.list('pages')).type).toBe('refused')
        await expect(disk.create('pages/new.md', bytes('x'))).rejects.toThrow()
        await expect(disk.link('tasks/real.md', 'pages/new.md')).rejects.toThrow()
        await expect(disk.makeDirectory('pages')).rejects.toThrow()
        const listing = await disk.list('tasks')
        expect(listing.type === 'entries' && listing.entries.find((entry) => entry.name === 'link.md')?.type).toBe(
          'other',
        )
      },
    )

    withDisk('[M12] a path that leads outside is a bug, not a file', async ({ disk }) => {
      for (const path of [
        '../a.md',
        'tasks/../../a.md',
        '/etc/passwd',
        'tasks//a.md',
        'tasks/./a.md',
        'a\0.md',
        'tasks\\a.md',
      ]) {
        await expect(disk.read(path)).rejects.toThrow('unsafe path')
        await expect(disk.create(path, bytes('x'))).rejects.toThrow('unsafe path')
      }
    })

    withDisk('[M12] a file that is too large is refused', async ({ disk, save }) => {
      save('tasks/large.md', new Uint8Array(MAX_FILE_BYTES + 1))
      expect((await disk.read('tasks/large.md')).type).toBe('refused')
      save('tasks/large.md', new Uint8Array(MAX_FILE_BYTES))
      expect((await disk.read('tasks/large.md')).type).toBe('file')
    })

    withDisk('[M5] a moved file keeps its text and its name is free', async ({ disk, save }) => {
      save('tasks/a.md', 'one')
      expect(await disk.move('tasks/a.md', '.orch/x.old')).toBe(true)
      expect(await textAt(disk, '.orch/x.old')).toBe('one')
      expect((await disk.read('tasks/a.md')).type).toBe('absent')
      expect(await disk.move('tasks/a.md', '.orch/y.old')).toBe(false)
    })

    withDisk('[M5] a link never takes a name that somebody has', async ({ disk, save }) => {
      await disk.create('.orch/x.new', bytes('ours'))
      save('tasks/a.md', 'theirs')
      expect(await disk.link('.orch/x.new', 'tasks/a.md')).toBe(false)
      expect(await textAt(disk, 'tasks/a.md')).toBe('theirs')
      expect(await disk.link('.orch/x.new', 'tasks/b.md')).toBe(true)
      await disk.remove('.orch/x.new')
      expect(await textAt(disk, 'tasks/b.md')).toBe('ours')
    })

    withDisk('[M4] a file that a program has open for writing says so, where the disk can tell', async (setup) => {
      const { disk, save, open } = setup
      const { seesWriters } = await disk.probe()
      save('tasks/a.md', 'one')
      const isOpen = async (): Promise<boolean | undefined | string> => {
        const found = await disk.read('tasks/a.md')
        return found.type === 'file' ? found.isBeingWritten : found.type
      }
      expect(await isOpen()).toBe(seesWriters ? false : undefined)
      const close = open('tasks/a.md')
      expect(await isOpen()).toBe(seesWriters ? true : undefined)
      close()
      expect(await isOpen()).toBe(seesWriters ? false : undefined)
    })

    withDisk('[M5] [M12] steps that are made at once are those of the disk', async ({ disk, save, symlink }) => {
      save('tasks/a.md', 'one')
      await disk.create('.orch/x.new', bytes('two'))
      symlink('tasks/link.md', 'a.md')
      symlink('pages', 'tasks')
      const seen = await disk.atOnce((steps) => [
        steps.move('tasks/none.md', '.orch/x.old'),
        steps.move('tasks/a.md', '.orch/x.old'),
        Buffer.from(steps.bytesOf('.orch/x.old') ?? '').toString(),
        steps.bytesOf('tasks/a.md'),
        steps.bytesOf('tasks/link.md'),
        steps.bytesOf('pages/x.md'),
        steps.link('.orch/x.new', 'tasks/a.md'),
        steps.link('.orch/x.old', 'tasks/a.md'),
      ])
      expect(seen).toEqual([false, true, 'one', undefined, undefined, undefined, true, false])
      expect(await textAt(disk, 'tasks/a.md')).toBe('two')
      expect(await textAt(disk, '.orch/x.old')).toBe('one')
      await expect(disk.atOnce((steps) => steps.move('tasks/a.md', 'pages/a.md'))).rejects.toThrow()
      await expect(disk.atOnce((steps) => steps.link('.orch/x.new', 'pages/b.md'))).rejects.toThrow()
      expect(await textAt(disk, 'tasks/a.md')).toBe('two')
    })

    withDisk('[M5] two files are exchanged in one step, or not at all', async ({ disk, save, symlink }) => {
      if (!(await disk.probe()).exchanges) {
        await expect(disk.exchange('tasks/a.md', 'tasks/b.md')).rejects.toThrow('cannot exchange')
        return
      }
      save('tasks/a.md', 'one')
      save('.orch/x.swap', 'two')
      expect(await disk.exchange('.orch/x.swap', 'tasks/a.md')).toBe(true)
      expect(await textAt(disk, 'tasks/a.md')).toBe('two')
      expect(await textAt(disk, '.orch/x.swap')).toBe('one')
      expect(await disk.exchange('.orch/x.swap', 'tasks/missing.md')).toBe(false)
      expect(await textAt(disk, '.orch/x.swap')).toBe('one')
      symlink('pages', 'tasks')
      await expect(disk.exchange('.orch/x.swap', 'pages/a.md')).rejects.toThrow()
    })

    withDisk('finding out what a disk can leaves nothing behind', async ({ disk }) => {
      await disk.probe()
      const listing = await disk.list('.orch')
      expect(listing.type === 'entries' ? listing.entries : []).toEqual([])
    })

    withDisk('removing what is not there is no error', async ({ disk, save }) => {
      save('tasks/a.md', 'one')
      await disk.remove('tasks/a.md')
      await disk.remove('tasks/a.md')
      expect((await disk.read('tasks/a.md')).type).toBe('absent')
    })

    withDisk(
      'a listing names files with the signature that reading them gives, and directories',
      async ({ disk, save }) => {
        save('tasks/a.md', 'one')
        await disk.makeDirectory('tasks/sub/deeper')
        const listing = await disk.list('tasks')
        const found = await disk.read('tasks/a.md')
        expect(listing.type === 'entries' && [...listing.entries].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
          {
            type: 'file',
            name: 'a.md',
            ...(found.type === 'file' && { signature: found.signature, changedAt: found.changedAt }),
          },
          { type: 'directory', name: 'sub' },
        ])
        expect(await disk.list('tasks/sub')).toEqual({
          type: 'entries',
          entries: [{ type: 'directory', name: 'deeper' }],
        })
      },
    )

    withDisk('[M3] a save changes the signature', async ({ disk, save }) => {
      save('tasks/a.md', 'one')
      const before = await disk.read('tasks/a.md')
      save('tasks/a.md', 'three')
      const after = await disk.read('tasks/a.md')
      expect(before.type === 'file' && after.type === 'file' && before.signature !== after.signature).toBe(true)
    })

    withDisk('a file keeps the permissions it is made with', async ({ disk }) => {
      await disk.create('tasks/a.md', bytes('x'), 0o600)
      const found = await disk.read('tasks/a.md')
      expect(found.type === 'file' && found.mode).toBe(0o600)
    })
  })
}
