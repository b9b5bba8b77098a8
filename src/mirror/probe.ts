import { open, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf } from '../base/error.ts'
import { type Abilities, LEAST } from './disk.ts'
import type { PlatformCalls } from './platform.ts'

/** `statfs` types of Linux: file systems whose files are on another machine, or are served by a program. */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x786f4256, 'VirtualBox'],
  [0x0bd00bd0, 'Lustre'],
])

/** The kind of file system a directory is on, when it is a remote one. */
export async function remoteFileSystem(directory: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  return REMOTE.get(Number((await statfs(directory)).type) >>> 0)
}

/**
 * Tries the calls on two files of its own in a directory: a file system may refuse what the kernel knows, and only one
 * that gives the right answers both ways is believed.
 */
export async function tryCalls(
  directory: string,
  calls: PlatformCalls | { readonly missing: string },
): Promise<Abilities> {
  if ('missing' in calls) return { ...LEAST, summary: `${LEAST.summary} (${calls.missing})` }
  const [a, b] = [join(directory, 'probe-a.new'), join(directory, 'probe-b.new')]
  try {
    await Promise.all([writeFile(a, 'a'), writeFile(b, 'b')])
    const exchanges = await attempt(async () => calls.exchange(a, b) && (await textOf(a)) === 'b')
    const seesWriters = await attempt(async () => {
      const reader = await open(a, 'r')
      const writer = await open(a, 'a')
      try {
        const sees = calls.hasWriter(reader.fd) === true
        await writer.close()
        return sees && calls.hasWriter(reader.fd) === false
      } finally {
        await reader.close()
      }
    })
    return { seesWriters, exchanges, isRemote: false, summary: summaryOf(seesWriters, exchanges) }
  } catch (error) {
    return { ...LEAST, summary: `${LEAST.summary} (${reasonOf(error)})` }
  } finally {
    await Promise.all([rm(a, { force: true }), rm(b, { force: true })])
  }
}

function summaryOf(seesWriters: boolean, exchanges: boolean): string {
  if (!seesWriters && !exchanges) return LEAST.summary
  const reading = seesWriters ? 'as soon as no program has them open for writing' : 'after a quiet time'
  return `${seesWriters && exchanges ? 'full' : 'partly'}: files are read ${reading}, and ${exchanges ? 'exchanged in one step' : 'renamed aside'} when they are replaced`
}

async function attempt(test: () => Promise<boolean>): Promise<boolean> {
  try {
    return await test()
  } catch {
    return false
  }
}

async function textOf(file: string): Promise<string> {
  const handle = await open(file, 'r')
  try {
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}
