import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { OrchError } from './error.ts'
import type { Key, SealKeys } from './keys.ts'

/** What something is sealed for: keys of one purpose open nothing of another. */
export type Purpose = 'loads' | 'chunks'

const MAGIC = Buffer.from('\x0borch-sealed', 'latin1')
const FORMAT = 1
const ID_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'

/**
 * Encrypts bytes (AES-256-GCM) under the name that they will have; what is before the ciphertext is authenticated with it.
 * The nonce is made from name and bytes, so that the same bytes under the same name are sealed to the same: clones that
 * write one thing write one file. See docs/formats.md.
 */
export function seal(key: Key, purpose: Purpose, name: string, bytes: Uint8Array): Uint8Array {
  const keys = key[purpose]
  const nonce = nonceOf(keys, name, bytes)
  const head = Buffer.concat([MAGIC, Buffer.from([FORMAT]), Buffer.from(key.id, 'hex'), sized(name), nonce])
  const cipher = createCipheriv(CIPHER, keys.cipher, nonce).setAAD(head)
  return Buffer.concat([head, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
}

/** Whether bytes were made by `seal`. */
export function isSealed(bytes: Uint8Array): boolean {
  return MAGIC.equals(bytes.subarray(0, MAGIC.length))
}

export interface Opened {
  readonly bytes: Uint8Array
  /** The name it was sealed under. */
  readonly name: string
  readonly key: Key
}

/**
 * Decrypts what was sealed. Throws `key_missing` and `key_wrong` where its key is not among these, with `what` it is, and an
 * Error where it was changed, cut, or is of another version.
 */
export function unseal(keys: readonly Key[], purpose: Purpose, what: string, bytes: Uint8Array): Opened {
  const sealed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = MAGIC.length
  const take = (size: number): Buffer => {
    if (size < 0 || at + size > sealed.length) throw new Error('it is cut short')
    at += size
    return sealed.subarray(at - size, at)
  }
  const format = take(1)[0]
  if (format !== FORMAT) throw new Error(`it is sealed in format ${format}; this orch knows ${FORMAT}`)
  const key = keyNamed(keys, take(ID_BYTES).toString('hex'), what)
  const name = take(take(2).readUInt16BE()).toString('utf8')
  const nonce = take(NONCE_BYTES)
  const head = sealed.subarray(0, at)
  const text = take(sealed.length - at - TAG_BYTES)
  const decipher = createDecipheriv(CIPHER, key[purpose].cipher, nonce).setAAD(head).setAuthTag(take(TAG_BYTES))
  try {
    return { bytes: Buffer.concat([decipher.update(text), decipher.final()]), name, key }
  } catch (error) {
    throw new Error('it was changed since it was encrypted', { cause: error })
  }
}

/** The key of a name. Throws `key_missing` where there are none, `key_wrong` where there are others. */
export function keyNamed(keys: readonly Key[], id: string, what: string): Key {
  const found = keys.find((key) => key.id === id)
  if (found) return found
  if (keys.length === 0) throw new OrchError('key_missing', { what, key: id })
  throw new OrchError('key_wrong', { what, key: id, given: keys.map((key) => key.id).join(', ') })
}

function nonceOf({ nonce }: SealKeys, name: string, bytes: Uint8Array): Buffer {
  return createHmac('sha256', nonce).update(sized(name)).update(bytes).digest().subarray(0, NONCE_BYTES)
}

/** Its length in two bytes, then the text. */
function sized(text: string): Buffer {
  const bytes = Buffer.from(text)
  const size = Buffer.alloc(2)
  size.writeUInt16BE(bytes.length)
  return Buffer.concat([size, bytes])
}
