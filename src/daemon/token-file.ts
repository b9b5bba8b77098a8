import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { TokenFile } from '../api/access/tokens.ts'
import { OrchError, reasonOf } from '../base/error.ts'

/** The default token of a repository, in a file that only its owner reads. */
export function createTokenFile(path: string): TokenFile {
  return {
    read() {
      try {
        return readFileSync(path, 'utf8').trim() || undefined
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw new OrchError('read_only', { path, reason: reasonOf(error) }, error)
      }
    },
    write(token) {
      writeFileSync(path, `${token}\n`, { mode: 0o600 })
      chmodSync(path, 0o600)
    },
    remove: () => rmSync(path, { force: true }),
  }
}
