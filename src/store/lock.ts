import { OrchError, reasonOf } from '../base/error.ts'
import { openExclusive } from './database.ts'

/** The right to be the one daemon of a repository, held until released or until the process ends, however it ends. */
export interface Lock {
  release(): void
}

/** Takes the lock; undefined when another process holds it. Throws `read_only` when the file cannot be written. */
export function acquireLock(file: string): Lock | undefined {
  try {
    const held = openExclusive(file)
    return held && { release: () => held.close() }
  } catch (error) {
    throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
}
