import { lstatSync, mkdirSync } from 'node:fs'
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
