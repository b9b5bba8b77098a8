import {
  type BigIntStats,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
} from 'node:fs'
import { lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { assert, must } from '../base/assert.ts'
import { reasonOf } from '../base/error.ts'
import { nextTurn } from '../base/turns.ts'
import {
  type Abilities,
  type Disk,
  type Entry,
  type FileRead,
  isSafePath,
  LEAST,
  type Listing,
  latestChange,
  MAX_FILE_BYTES,
  type Missing,
  type Stamp,
} from './disk.ts'
import { errnoOf } from './errno.ts'
import { loadPlatformCalls, type PlatformCalls } from './platform.ts'
import { remoteFileSystem, tryCalls } from './probe.ts'
import { PRIVATE_DIRECTORY } from './replace.ts'

const FILE_MODE = 0o644
/** lstat calls in one turn: synchronous ones are five times cheaper than asynchronous ones, but nobody may wait for them. */
const STATS_PER_TURN = 500
/** O_NOFOLLOW: never through a symbolic link. O_NONBLOCK: opening a pipe must not wait for its writer. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
const APPEND_FLAGS = constants.O_WRONLY | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

export interface NodeDiskOptions {
  /** Do only what every system can, whatever this one offers. */
  readonly isBasic?: boolean
  readonly loadCalls?: typeof loadPlatformCalls
  readonly remoteFileSystem?: typeof remoteFileSystem
}

/** The mirror's directory on a real disk. `root` is absolute; it is made when something is written. */
export function createNodeDisk(root: string, options: NodeDiskOptions = {}): Disk {
  /** Set when they work here. */
  let exchangeCall: PlatformCalls['exchange'] | undefined
  let hasWriter: PlatformCalls['hasWriter'] = () => undefined

  const full = (path: string): string => {
    assert(isSafePath(path), `unsafe path ${JSON.stringify(path)}`)
    return join(root, ...path.split('/'))
  }

  /** Why a directory cannot be used, if so: every part of the way below the root must be a real directory. */
  const obstacle = (directory: string): Missing | undefined => {
    let at = root
    for (const name of ['', ...(directory === '' ? [] : directory.split('/'))]) {
      at = join(at, name)
      try {
        const stat = lstatSync(at)
        if (stat.isDirectory()) continue
        return { type: 'refused', reason: stat.isSymbolicLink() ? 'is below a symbolic link' : 'is below a file' }
      } catch (error) {
        return missing(error)
      }
    }
    return undefined
  }
  const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
  const mustReach = (directory: string): void => {
    const reason = obstacle(directory)
    if (reason && reason.type !== 'absent') throw new Error(`${directory || root} ${reason.reason}`)
  }
  const place = nearestFolder(dirname(root))
  const makeDirectory = async (directory: string): Promise<void> => {
    mustReach(directory)
    // A folder that was moved away, with a daemon that has not noticed, is not made anew where it was.
    if (!existsSync(place)) throw new Error(`${place} is there no more`)
    if (!obstacle(directory)) return
    await mkdir(directory === '' ? root : full(directory), { recursive: true })
    // Again: somebody may have put a link there meanwhile.
    mustReach(directory)
  }

  const probe = async (): Promise<Abilities> => {
    await makeDirectory(PRIVATE_DIRECTORY)
    const directory = full(PRIVATE_DIRECTORY)
    const remote = await (options.remoteFileSystem ?? remoteFileSystem)(directory)
    if (remote !== undefined) {
      return { ...LEAST, isRemote: true, summary: `${remote}: files are looked at every second, and read when quiet` }
    }
    if (options.isBasic) return { ...LEAST, summary: `${LEAST.summary} (as configured)` }
    const calls = await (options.loadCalls ?? loadPlatformCalls)()
    const abilities = await tryCalls(directory, calls)
    if (!('missing' in calls)) {
      if (abilities.exchanges) exchangeCall = calls.exchange
      if (abilities.seesWriters) hasWriter = calls.hasWriter
    }
    return abilities
  }

  return {
    async probe() {
      try {
        return await probe()
      } catch (error) {
        return { ...LEAST, summary: `${LEAST.summary} (${reasonOf(error)})` }
      }
    },
    async list(directory) {
      const at = directory === '' ? root : full(directory)
      return obstacle(directory) ?? listEntries(at)
    },
    async read(path) {
      const file = full(path)
      return obstacle(parentOf(path)) ?? readFile(file, hasWriter)
    },
    makeDirectory,
    async create(path, bytes, mode = FILE_MODE) {
      await makeDirectory(parentOf(path))
      const file = await open(full(path), 'wx', mode & 0o777)
      try {
        await file.writeFile(bytes)
        await file.chmod(mode & 0o777)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    async append(path, bytes, signature) {
      mustReach(parentOf(path))
      const file = await open(full(path), APPEND_FLAGS).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined
        throw error
      })
      try {
        const before = await file?.stat({ bigint: true })
        if (!file || !before?.isFile() || stampOf(before).signature !== signature) return undefined
        await file.writeFile(bytes)
        await file.sync()
        return stampOf(await file.stat({ bigint: true }))
      } finally {
        await file?.close()
      }
    },
    async move(from, to) {
      mustReach(parentOf(from))
      await makeDirectory(parentOf(to))
      return succeeds('ENOENT', rename(full(from), full(to)))
    },
    async link(from, to) {
      await makeDirectory(parentOf(to))
      if (!linkOrMove(full(from), full(to))) return false
      await syncDirectory(dirname(full(to)))
      return true
    },
    async exchange(a, b) {
      for (const path of [a, b]) mustReach(parentOf(path))
      if (!must(exchangeCall, 'this disk cannot exchange files')(full(a), full(b))) return false
      await syncDirectory(dirname(full(b)))
      return true
    },
    async atOnce(steps) {
      const linked = new Set<string>()
      const result = steps({
        move(from, to) {
          for (const path of [from, to]) mustReach(parentOf(path))
          return works('ENOENT', () => renameSync(full(from), full(to)))
        },
        link(from, to) {
          mustReach(parentOf(to))
          const isLinked = linkOrMove(full(from), full(to))
          if (isLinked) linked.add(dirname(full(to)))
          return isLinked
        },
        bytesOf: (path) => (obstacle(parentOf(path)) ? undefined : bytesAt(full(path))),
      })
      for (const directory of linked) await syncDirectory(directory)
      return result
    },
    async remove(path) {
      mustReach(parentOf(path))
      await succeeds('ENOENT', unlink(full(path)))
    },
  }
}

async function listEntries(directory: string): Promise<Listing> {
  try {
    const entries: Entry[] = []
    for (const [i, name] of (await readdir(directory)).entries()) {
      if (i % STATS_PER_TURN === STATS_PER_TURN - 1) await nextTurn()
      const stat = lstatSync(join(directory, name), { bigint: true, throwIfNoEntry: false })
      if (stat) entries.push(entryOf(name, stat))
    }
    return { type: 'entries', entries }
  } catch (error) {
    return missing(error)
  }
}

function entryOf(name: string, stat: BigIntStats): Entry {
  if (stat.isFile()) return { type: 'file', name, ...stampOf(stat) }
  if (stat.isDirectory()) return { type: 'directory', name }
  return { type: 'other', name, what: stat.isSymbolicLink() ? 'a symbolic link' : 'not a regular file' }
}

async function readFile(path: string, hasWriter: PlatformCalls['hasWriter']): Promise<FileRead> {
  try {
    const file = await open(path, READ_FLAGS)
    try {
      const before = await file.stat({ bigint: true })
      if (!before.isFile()) return { type: 'refused', reason: 'is not a regular file' }
      if (before.size > MAX_FILE_BYTES) {
        return { type: 'refused', reason: `is ${before.size} bytes; the limit is ${MAX_FILE_BYTES}` }
      }
      const bytes = await file.readFile()
      // After the bytes: without a writer now, and with the same stat below, nobody was in the middle of a save.
      const isBeingWritten = hasWriter(file.fd)
      // By name, not by handle: a file renamed over this one in between is another file.
      const after = await lstat(path, { bigint: true })
      const stamp = stampOf(before)
      if (stampOf(after).signature !== stamp.signature || bytes.length !== Number(before.size))
        return { type: 'changing' }
      return {
        type: 'file',
        bytes,
        mode: Number(before.mode) & 0o777,
        links: Number(after.nlink),
        isBeingWritten,
        ...stamp,
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    return missing(error)
  }
}

function bytesAt(path: string): Uint8Array | undefined {
  try {
    const file = openSync(path, READ_FLAGS)
    try {
      const stat = fstatSync(file)
      return stat.isFile() && stat.size <= MAX_FILE_BYTES ? readFileSync(file) : undefined
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

/** By ctime: unlike mtime, nobody can set it. */
function stampOf(stat: BigIntStats): Stamp {
  return {
    signature: `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`,
    changedAt: latestChange(stat.ctimeNs),
  }
}

function missing(error: unknown): Missing {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return { type: 'absent' }
    case 'ELOOP':
    case 'EMLINK':
      return { type: 'refused', reason: 'is a symbolic link' }
    case 'ENXIO':
      return { type: 'refused', reason: 'is not a regular file' }
    case 'ENOTDIR':
      return { type: 'refused', reason: 'is below a file' }
    default:
      return { type: 'unreadable', reason: reasonOf(error) }
  }
}

/** False when the call fails with this one code. */
async function succeeds(unless: string, call: Promise<unknown>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (errnoOf(error) === unless) return false
    throw error
  }
}

/** The same of a call that is done when it returns. */
function works(unless: string, call: () => void): boolean {
  try {
    call()
    return true
  } catch (error) {
    if (errnoOf(error) === unless) return false
    throw error
  }
}

/** What systems answer where a disk knows no second names: FAT, exFAT, some network disks. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR'])

/**
 * Gives a file a second name, and where the disk has none, that one instead; false when somebody has the name. Then that is
 * asked for right before, which leaves a moment, though hardly one, in which who makes a file of that name loses it.
 */
function linkOrMove(from: string, to: string): boolean {
  try {
    return works('EEXIST', () => linkSync(from, to))
  } catch (error) {
    if (!NO_LINKS.has(errnoOf(error) ?? '')) throw error
    if (lstatSync(to, { throwIfNoEntry: false })) return false
    renameSync(from, to)
    return true
  }
}

/** What systems answer where a directory cannot be brought to disk by itself. */
const NO_DIRECTORY_SYNC: ReadonlySet<string> = new Set([...NO_LINKS, 'EINVAL', 'EACCES'])

/** So that the new name is still there after a power loss. Not every platform can; the database is what is durable. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, constants.O_RDONLY)
    await directory.sync().finally(() => directory.close())
  } catch (error) {
    if (!NO_DIRECTORY_SYNC.has(errnoOf(error) ?? '')) throw error
  }
}

/** The nearest folder there is, at a path or above it. */
function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path))
}
