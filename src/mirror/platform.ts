import { reasonOf } from '../base/error.ts'
import { systemError } from './errno.ts'

/** What Linux can do with files, and Node does not offer. */
export interface PlatformCalls {
  /**
   * Whether some program has a file open for writing; undefined when that cannot be told of this one. `descriptor` is
   * open for reading only.
   */
  hasWriter(descriptor: number): boolean | undefined
  /** Exchanges what two names stand for, in one step. False when one of them is not there. */
  exchange(a: string, b: string): boolean
}

/** linux/fcntl.h, linux/fs.h: the same on every architecture that Node runs on. */
const F_SETLEASE = 1024
const F_RDLCK = 0
const F_UNLCK = 2
const AT_FDCWD = -100
const RENAME_EXCHANGE = 2

let loaded: Promise<PlatformCalls | { readonly missing: string }> | undefined

/** The calls, loaded at the first time, or why they cannot be had: another system, or the optional package is missing. */
export function loadPlatformCalls(): Promise<PlatformCalls | { readonly missing: string }> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<PlatformCalls | { readonly missing: string }> {
  if (process.platform !== 'linux') return { missing: `no such calls are known of ${process.platform}` }
  try {
    const { default: koffi } = await import('koffi')
    const libc = koffi.load(null)
    const fcntl = libc.func('int fcntl(int, int, ...)')
    const renameat2 = libc.func('int renameat2(int, const char *, int, const char *, unsigned int)')
    const { EAGAIN, ENOENT } = koffi.os.errno
    // The kernel sends SIGIO to who holds a lease when somebody opens the file for writing. Unheard, it kills.
    process.on('SIGIO', () => undefined)
    return {
      // A lease for reading is granted only while nobody has the file open for writing. It is given back at once.
      hasWriter(descriptor) {
        if (fcntl(descriptor, F_SETLEASE, 'int', F_RDLCK) !== 0) return koffi.errno() === EAGAIN ? true : undefined
        fcntl(descriptor, F_SETLEASE, 'int', F_UNLCK)
        return false
      },
      exchange(a, b) {
        if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) === 0) return true
        const code = koffi.errno()
        if (code === ENOENT) return false
        throw systemError(code, 'renameat2')
      },
    }
  } catch (error) {
    return { missing: reasonOf(error) }
  }
}
