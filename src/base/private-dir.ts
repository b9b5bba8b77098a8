import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync } from 'node:fs'
import { OrchError, reasonOf } from './error.ts'

/** Makes a directory that only this user can enter, unless it is there. Throws `read_only` when that cannot be had. */
export function ensurePrivateDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new OrchError('read_only', { path: dir, reason: reasonOf(error) }, error)
  }
  assertOwnDir(dir)
}

/** Throws `read_only` when a directory is another user's, or no directory: in a shared place, anyone may have made it. */
export function assertOwnDir(dir: string): void {
  const stats = lstatSync(dir)
  const uid = process.getuid?.()
  if (!stats.isDirectory()) throw new OrchError('read_only', { path: dir, reason: 'it is not a directory' })
  if (uid !== undefined && stats.uid !== uid) {
    throw new OrchError('read_only', { path: dir, reason: 'it belongs to another user' })
  }
}

/** Makes the names in a directory durable: what was renamed or made there. */
export function syncDirectory(dir: string): void {
  // Windows has no descriptors of directories; a rename is durable there with the next flush.
  if (process.platform === 'win32') return
  const descriptor = openSync(dir, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
