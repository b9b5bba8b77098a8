/**
 * Brings the databases of a project to what the configuration says of encryption: encrypted by the first key, or plain.
 * Each is made anew beside itself and then takes its own place; the project's own comes last, and until then a daemon that
 * is to have an encrypted one does not start. See docs/encryption.md.
 */
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Key, Keyring } from '../base/keys.ts'
import { syncDirectory } from '../base/private-dir.ts'
import type { PrivatePaths } from '../base/repository.ts'
import { leaseFacts } from '../config/host.ts'
import { kindOfFile } from '../store/cipher.ts'
import { convertDatabase } from '../store/convert-database.ts'
import { passLease } from '../store/lease.ts'
import { createMeta } from '../store/schema.ts'
import { keptDatabases } from './kept-databases.ts'

export type ConversionStep = 'copied' | 'loads' | 'swapped'

export interface ConversionParts {
  readonly paths: Pick<PrivatePaths, 'dir' | 'database'>
  /** All keys that the databases may be encrypted with now. */
  readonly keyring: Keyring
  /** The key they are to be encrypted with; undefined for none. */
  readonly key: Key | undefined
  /** Called after each step, which a test makes the last one. */
  readonly onStep?: (step: ConversionStep) => void
}

/** Converts every database that is not as it is to be; says how many. Only while holding the lock. */
export function convertDatabases({ paths, keyring, key, onStep = () => undefined }: ConversionParts): number {
  removeCopy(paths)
  const copy = copyPlace(paths)
  const files = [...keptDatabases(paths.dir), paths.database].filter((file) => !isAs(file, key))
  for (const file of files) {
    const isOwn = file === paths.database
    try {
      convertDatabase(
        { file, keyring },
        {
          copy,
          key,
          // The file that takes the place is the same replica's, and not a copy that somebody made.
          adjust: (db) =>
            isOwn && passLease(createMeta(db), leaseFacts(file), { ...leaseFacts(copy), path: paths.database }),
        },
      )
      onStep('copied')
      // They are of the old key, or plain, and made again when they are missed.
      if (isOwn) rmSync(join(paths.dir, 'load'), { recursive: true, force: true })
      onStep('loads')
      renameSync(copy, file)
      syncDirectory(paths.dir)
      onStep('swapped')
    } finally {
      removeCopy(paths)
    }
  }
  return files.length
}

/** Removes what a conversion that was cut short has left: it may be the plain copy of an encrypted database. */
export function removeCopy(paths: Pick<PrivatePaths, 'dir'>): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${copyPlace(paths)}${suffix}`, { force: true })
}

const copyPlace = ({ dir }: Pick<PrivatePaths, 'dir'>): string => join(dir, 'converting.db')

function isAs(file: string, key: Key | undefined): boolean {
  const kind = kindOfFile(file)
  return typeof kind === 'object' ? kind.keyId === key?.id : kind === 'plain' && key === undefined
}
