import type { Key, Keyring } from '../base/keys.ts'
import { isSealed, keyNamed, seal, unseal } from '../base/sealed.ts'

/** The bytes of a chunk of rows as they are to lie at this path: encrypted where there is a key. */
export function closeChunk(key: Key | undefined, path: string, chunk: Uint8Array): Uint8Array {
  return key ? seal(key, 'chunks', path, chunk) : chunk
}

/**
 * The bytes of a chunk of rows, encrypted or not, that lie at this path. Throws `key_missing` and `key_wrong` where `what` it
 * belongs to is encrypted with another key, and an Error where it was changed, or lay at another path when it was written.
 */
export function openChunk(keys: readonly Key[], path: string, bytes: Uint8Array, what = path): Uint8Array {
  if (!isSealed(bytes)) return bytes
  const { bytes: chunk, name } = unseal(keys, 'chunks', what, bytes)
  if (name !== path) throw new Error(`it was written as ${name}`)
  return chunk
}

/** How the rows of the next snapshot are written. */
export interface Sealing {
  readonly key: Key | undefined
  /** All rows are written anew, and those that are there go: they are encrypted otherwise, or not. */
  readonly isAnew: boolean
}

/**
 * Decides that: as somebody has asked, else as the branch is, and a plain branch is encrypted where git is to be. Of two
 * branches that differ, an encrypted one counts before a plain one, and theirs before ours, because others have it.
 *
 * @param found the names of the keys of what it is built on, ours first, '' for none; empty for the first commit
 * @param wanted the name of the key that somebody asked for, '' for none
 */
export function sealingFor(
  { keys, git }: Keyring,
  found: readonly string[],
  wanted: string | undefined,
  what: string,
): Sealing {
  const own = git ? (keys[0]?.id ?? '') : ''
  const id = wanted ?? (found.findLast((one) => one !== '') || own)
  return { key: id === '' ? undefined : keyNamed(keys, id, what), isAnew: found.some((one) => one !== id) }
}
