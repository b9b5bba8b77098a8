/**
 * What a file's stat says. Equal signatures mean an untouched file, but only for one that was last changed well before
 * the look: within the resolution of a disk's clock a second change can leave the signature as it is.
 */
export interface Stamp {
  /** Inode, size, mtime and ctime. */
  readonly signature: string
  /** When the content or the inode was last changed at the latest, in milliseconds since 1970. */
  readonly changedAt: number
}

/** Some disks tell whole seconds, and some every other one. */
const COARSE_MS = 2000
const SECOND = 1_000_000_000n

/** When something was changed at the latest, in milliseconds since 1970, by what a disk tells of it in nanoseconds. */
export function latestChange(ns: bigint): number {
  return Number(ns / 1_000_000n) + (ns % SECOND === 0n ? COARSE_MS : 0)
}

export type Entry =
  | ({ readonly type: 'file'; readonly name: string } & Stamp)
  | { readonly type: 'directory'; readonly name: string }
  /** A symbolic link, a pipe, a device: never opened. */
  | { readonly type: 'other'; readonly name: string; readonly what: string }

/** "There is none" and "it cannot be read" are different answers, everywhere. */
export type Missing =
  | { readonly type: 'absent' }
  | { readonly type: 'unreadable'; readonly reason: string }
  /** There is something that orch does not open: a symbolic link, a directory, a pipe, a file that is too large. */
  | { readonly type: 'refused'; readonly reason: string }

export type Listing = { readonly type: 'entries'; readonly entries: readonly Entry[] } | Missing

export type FileRead =
  | ({
      readonly type: 'file'
      readonly bytes: Uint8Array
      readonly mode: number
      /** How many names it has. */
      readonly links: number
      /** Whether a program had it open for writing when it was read; undefined where that cannot be told. */
      readonly isBeingWritten: boolean | undefined
    } & Stamp)
  /** It was written to while it was read. */
  | { readonly type: 'changing' }
  | Missing

/** What a disk can do beyond the least, found by trying it in the mirror's own directory. */
export interface Abilities {
  /** It tells whether a program has a file open for writing [M4]. */
  readonly seesWriters: boolean
  /** It exchanges two files in one step [M5]. */
  readonly exchanges: boolean
  /** It is on another machine: events of others do not come, and clocks and caches are not ours. */
  readonly isRemote: boolean
  /** What was found, for a person. */
  readonly summary: string
}

/** What every disk can. */
export const LEAST: Abilities = {
  seesWriters: false,
  exchanges: false,
  isRemote: false,
  summary: 'basic: files are read after a quiet time, and renamed aside when they are replaced',
}

/** Largest file that is read. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024

/** Steps that are made in one turn of the event loop, in directories that are there: as those of a disk, without a promise. */
export interface Steps {
  move(from: string, to: string): boolean
  link(from: string, to: string): boolean
  /** What a regular file holds that may be read; undefined for anything else. */
  bytesOf(path: string): Uint8Array | undefined
}

/**
 * PORT: the directory of the mirror. Paths are relative to it, with `/`; a path that could lead outside, or through a
 * symbolic link, is refused. Each call is one step that happens or does not; what is safe against crashes and other
 * writers is built from these steps in replace.ts. Anything unexpected (a full disk, no permission) rejects.
 */
export interface Disk {
  /** Finds out what this disk can do; asked once, before anything else. */
  probe(): Promise<Abilities>
  list(directory: string): Promise<Listing>
  read(path: string): Promise<FileRead>
  /** Makes a directory and those above it; one that is there is no error. '' is the mirror's own. */
  makeDirectory(path: string): Promise<void>
  /** Makes a file that was not there, durable, with its directories. Rejects when the name is taken. */
  create(path: string, bytes: Uint8Array, mode?: number): Promise<void>
  /**
   * Adds bytes to the end of a file in place, durable, and says what it looks like then. Undefined, with nothing done,
   * when the file is not what this signature says.
   */
  append(path: string, bytes: Uint8Array, signature: string): Promise<Stamp | undefined>
  /** Gives a file another name that nobody uses: the file keeps its inode. False when there is no file. */
  move(from: string, to: string): Promise<boolean>
  /**
   * Gives each of two names what the other one had, in one step; false when one of them is not there. Only where
   * `probe` has said so.
   */
  exchange(a: string, b: string): Promise<boolean>
  /**
   * Gives a file a second name, in one step, with its directories; false when that name is taken. Where the disk has no
   * second names, the file has that one instead.
   */
  link(from: string, to: string): Promise<boolean>
  /** Makes several steps with nothing of this process in between: what is so in their midst, others hardly see. */
  atOnce<T>(steps: (disk: Steps) => T): Promise<T>
  /** Removes a name; none is no error. A directory that it leaves empty stays. */
  remove(path: string): Promise<void>
}

/** Whether a path may be given to a disk: relative, every segment a plain name. */
export function isSafePath(path: string): boolean {
  return path.length > 0 && path.length <= 1024 && path.split('/').every((name) => isSafeName(name))
}

function isSafeName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[\\\0]/.test(name) && Buffer.byteLength(name) <= 255
}
