import { describe } from 'vitest'
import { deriveKey, type Key, type Keyring } from '../../src/base/keys.ts'
import { CIPHER_PACKAGE, CIPHER_VERSION, hasCipher } from '../../src/store/cipher.ts'

/** For tests of encrypted databases, which need a package that orch does without: skipped where it is missing, and said so. */
export const describeCiphered = hasCipher() ? describe : skipped()

function skipped(): typeof describe.skip {
  process.stderr.write(
    `\n${CIPHER_PACKAGE} IS MISSING: the tests of encrypted databases are SKIPPED. \`npm run setup\` installs it (version ${CIPHER_VERSION}).\n`,
  )
  return describe.skip
}

/** A key that is always the same one. */
export const keyOf = (byte: number): Key => deriveKey(new Uint8Array(32).fill(byte))

/** Everything encrypted, by the first of these. */
export const ringOf = (...keys: readonly Key[]): Keyring => ({ keys, database: true, git: true })
