import { assert, must } from '../../src/base/assert.ts'
import type { Clock } from '../../src/base/clock.ts'
import {
  type Disk,
  type Entry,
  isSafePath,
  LEAST,
  MAX_FILE_BYTES,
  type Missing,
  type Steps,
} from '../../src/mirror/disk.ts'

interface Inode {
  readonly number: number
  bytes: Uint8Array
  mode: number
  changedAt: number
  /** Programs that have it open for writing. */
  writers: number
}
type Node = Inode | 'link'

/** What a person or another program does on the disk, and what a test can break. */
export interface MemoryDisk extends Disk {
  /** Saves in place, as most editors and agents do: the inode stays. */
  save(path: string, content: string | Uint8Array): void
  /** Saves by renaming a new file over the old one. */
  saveByRename(path: string, content: string | Uint8Array): void
  /** A handle that keeps writing to the inode it was opened on, wherever that is. */
  open(path: string): { write(content: string): void; close(): void }
  rename(from: string, to: string): void
  copy(from: string, to: string): void
  delete(path: string): void
  symlink(path: string): void
  /** The content, or undefined when there is no file. */
  text(path: string): string | undefined
  paths(): readonly string[]
  /** Called before every step of the port; may throw, save or count. */
  before: (step: keyof Disk, path: string) => void
  /** Paths that answer `unreadable`. */
  readonly unreadable: Set<string>
}

export interface MemoryDiskOptions {
  /** It tells who has a file open, and exchanges files in one step. */
  readonly isFull?: boolean
  readonly isRemote?: boolean
  /** Files have no second names there, as on FAT. */
  readonly hasNoLinks?: boolean
  /** Names that differ in case alone are one file, as on most disks of macOS and Windows. */
  readonly foldsCase?: boolean
}

/** A disk in memory, on the clock of the test. */
export function createMemoryDisk(
  clock: Clock,
  { isFull = false, isRemote = false, hasNoLinks = false, foldsCase = false }: MemoryDiskOptions = {},
): MemoryDisk {
  const files: Map<string, Node> = foldsCase ? new FoldedMap() : new Map()
  const directories = new Set<string>()
  const unreadable = new Set<string>()
  let inodes = 0
  const inodeOf = (path: string): Inode | undefined => {
    const node = files.get(path)
    return node === 'link' ? undefined : node
  }
  const parents = (path: string): string[] =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, i, all) => all.slice(0, i + 1).join('/'))
  const touch = (inode: Inode): void => {
    inode.changedAt = clock.now()
  }
  const bytesOf = (content: string | Uint8Array): Uint8Array =>
    typeof content === 'string' ? new TextEncoder().encode(content) : content
  const put = (path: string, bytes: Uint8Array, mode = 0o644): void => {
    for (const parent of ['', ...parents(path)]) directories.add(parent)
    files.set(path, { number: ++inodes, bytes, mode, changedAt: clock.now(), writers: 0 })
  }
  const stampOf = (inode: Inode) => ({
    signature: `${inode.number}:${inode.bytes.length}:${inode.changedAt}`,
    changedAt: inode.changedAt,
  })
  const obstacle = (path: string): Missing | undefined => {
    for (const at of ['', ...parents(path), path]) {
      if (unreadable.has(at)) return { type: 'unreadable', reason: `EACCES: permission denied, '${at}'` }
      if (at !== path && files.get(at) === 'link') return { type: 'refused', reason: 'is below a symbolic link' }
      if (at !== path && files.has(at)) return { type: 'refused', reason: 'is below a file' }
    }
    return undefined
  }
  const mustReach = (path: string): void => {
    const reason = obstacle(path)
    if (reason && reason.type !== 'absent') throw new Error(`${path}: ${reason.reason}`)
  }
  const step = async (name: keyof Disk, ...paths: readonly string[]): Promise<void> => {
    await Promise.resolve()
    stepNow(name, ...paths)
  }
  const stepNow = (name: keyof Disk, ...paths: readonly string[]): void => {
    for (const path of paths) {
      assert(path === '' ? name === 'list' || name === 'makeDirectory' : isSafePath(path), `unsafe path ${path}`)
    }
    disk.before(name, paths[0] ?? '')
  }
  const steps: Steps = {
    move(from, to) {
      stepNow('move', from, to)
      for (const path of [from, to]) mustReach(path)
      const node = files.get(from)
      if (!node) return false
      files.delete(from)
      files.set(to, node)
      for (const parent of parents(to)) directories.add(parent)
      if (node !== 'link') touch(node)
      return true
    },
    link(from, to) {
      stepNow('link', from, to)
      mustReach(to)
      if (files.has(to)) return false
      const inode = must(inodeOf(from), `no file ${from}`)
      files.set(to, inode)
      if (hasNoLinks) files.delete(from)
      for (const parent of ['', ...parents(to)]) directories.add(parent)
      touch(inode)
      return true
    },
    bytesOf(path) {
      stepNow('read', path)
      const inode = obstacle(path) ? undefined : inodeOf(path)
      return inode && inode.bytes.length <= MAX_FILE_BYTES ? inode.bytes.slice() : undefined
    },
  }

  const disk: MemoryDisk = {
    unreadable,
    before: () => undefined,

    async probe() {
      await step('probe')
      return { ...LEAST, seesWriters: isFull, exchanges: isFull, isRemote }
    },
    async list(directory) {
      await step('list', directory)
      const reason = obstacle(directory === '' ? '' : `${directory}/x`)
      if (reason) return reason
      if (!directories.has(directory)) return { type: 'absent' }
      const prefix = directory === '' ? '' : `${directory}/`
      const isHere = (path: string): boolean =>
        path !== '' && path.startsWith(prefix) && !path.slice(prefix.length).includes('/')
      const entries: Entry[] = [...directories]
        .filter(isHere)
        .map((path) => ({ type: 'directory', name: path.slice(prefix.length) }))
      for (const [path, node] of files) {
        if (!isHere(path)) continue
        const name = path.slice(prefix.length)
        entries.push(
          node === 'link' ? { type: 'other', name, what: 'a symbolic link' } : { type: 'file', name, ...stampOf(node) },
        )
      }
      return { type: 'entries', entries }
    },
    async read(path) {
      await step('read', path)
      const reason = obstacle(path)
      if (reason) return reason
      const node = files.get(path)
      if (!node)
        return directories.has(path) ? { type: 'refused', reason: 'is not a regular file' } : { type: 'absent' }
      if (node === 'link') return { type: 'refused', reason: 'is a symbolic link' }
      if (node.bytes.length > MAX_FILE_BYTES) {
        return { type: 'refused', reason: `is ${node.bytes.length} bytes; the limit is ${MAX_FILE_BYTES}` }
      }
      const isBeingWritten = isFull ? node.writers > 0 : undefined
      const links = [...files.values()].filter((one) => one === node).length
      return { type: 'file', bytes: node.bytes.slice(), mode: node.mode, links, isBeingWritten, ...stampOf(node) }
    },
    async makeDirectory(path) {
      await step('makeDirectory', path)
      mustReach(`${path}/x`)
      for (const parent of path === '' ? [''] : ['', ...parents(path), path]) directories.add(parent)
    },
    async create(path, bytes, mode) {
      await step('create', path)
      mustReach(path)
      if (files.has(path)) throw new Error(`EEXIST: file already exists, '${path}'`)
      put(path, bytes.slice(), mode)
    },
    async append(path, bytes, signature) {
      await step('append', path)
      mustReach(path)
      const inode = inodeOf(path)
      if (!inode || stampOf(inode).signature !== signature) return undefined
      inode.bytes = Buffer.concat([inode.bytes, bytes])
      touch(inode)
      return stampOf(inode)
    },
    async move(from, to) {
      await Promise.resolve()
      return steps.move(from, to)
    },
    async exchange(a, b) {
      await step('exchange', a, b)
      for (const path of [a, b]) mustReach(path)
      assert(isFull, 'this disk cannot exchange files')
      const [first, second] = [files.get(a), files.get(b)]
      if (!first || !second) return false
      files.set(a, second)
      files.set(b, first)
      for (const node of [first, second]) if (node !== 'link') touch(node)
      return true
    },
    async link(from, to) {
      await Promise.resolve()
      return steps.link(from, to)
    },
    async atOnce(work) {
      await Promise.resolve()
      return work(steps)
    },
    async remove(path) {
      await step('remove', path)
      mustReach(path)
      const inode = inodeOf(path)
      if (inode) touch(inode)
      files.delete(path)
    },

    save(path, content) {
      const inode = inodeOf(path)
      if (!inode) return put(path, bytesOf(content))
      inode.bytes = bytesOf(content)
      touch(inode)
    },
    saveByRename: (path, content) => put(path, bytesOf(content)),
    open(path) {
      const inode = must(inodeOf(path), `no file ${path}`)
      inode.writers++
      return {
        write(content) {
          inode.bytes = bytesOf(content)
          touch(inode)
        },
        close() {
          inode.writers--
        },
      }
    },
    rename(from, to) {
      const node = must(files.get(from), `no file ${from}`)
      files.delete(from)
      files.set(to, node)
      for (const parent of parents(to)) directories.add(parent)
    },
    copy: (from, to) => put(to, must(inodeOf(from), `no file ${from}`).bytes.slice()),
    delete(path) {
      for (const at of [...files.keys(), ...directories]) {
        if (at !== path && path !== '' && !at.startsWith(`${path}/`)) continue
        files.delete(at)
        directories.delete(at)
      }
    },
    symlink(path) {
      for (const parent of ['', ...parents(path)]) directories.add(parent)
      files.set(path, 'link')
    },
    text(path) {
      const inode = inodeOf(path)
      return inode && new TextDecoder().decode(inode.bytes)
    },
    paths: () => [...files.keys()].sort(),
  }
  return disk
}

/** Finds paths whatever their case, and keeps the one that was given last. */
class FoldedMap extends Map<string, Node> {
  readonly #names = new Map<string, string>()
  #name(path: string): string {
    return this.#names.get(path.toLowerCase()) ?? path
  }
  override get(path: string): Node | undefined {
    return super.get(this.#name(path))
  }
  override has(path: string): boolean {
    return super.has(this.#name(path))
  }
  override set(path: string, node: Node): this {
    super.delete(this.#name(path))
    this.#names.set(path.toLowerCase(), path)
    return super.set(path, node)
  }
  override delete(path: string): boolean {
    return super.delete(this.#name(path))
  }
}
