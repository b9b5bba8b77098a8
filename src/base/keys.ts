import { hkdfSync } from 'node:crypto'

/** What encrypts something, and the key by which the nonce of it is made. Both 32 bytes. */
export interface SealKeys {
  readonly cipher: Uint8Array
  readonly nonce: Uint8Array
}

/** A person's secret of 32 bytes, as the keys that are made from it. Plain data: threads are told of it. */
export interface Key {
  /** Names it and tells nothing of it: 16 hexadecimal digits. */
  readonly id: string
  readonly database: Uint8Array
  /** Of load snapshots. */
  readonly loads: SealKeys
  /** Of the chunks of rows in git. */
  readonly chunks: SealKeys
}

/** What is to be encrypted at rest, and by which keys. See docs/encryption.md. */
export interface Keyring {
  /** The first one encrypts what is new; the others can still be read. */
  readonly keys: readonly Key[]
  /** Whether the database, and the load snapshots beside it, are to be encrypted. */
  readonly database: boolean
  /** Whether the rows in git are. */
  readonly git: boolean
}

/** Nothing is encrypted. */
export const noKeys: Keyring = { keys: [], database: false, git: false }

const KEY_BYTES = 32
const ID_BYTES = 8

/** The keys that are made from a secret (HKDF-SHA-256, RFC 5869): none of them tells anything of another, or of the secret. */
export function deriveKey(secret: Uint8Array): Key {
  const part = (label: string, bytes = KEY_BYTES): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', secret, '', `orch 1 ${label}`, bytes))
  const pair = (label: string): SealKeys => ({ cipher: part(label), nonce: part(`${label} nonce`) })
  return {
    id: Buffer.from(part('id', ID_BYTES)).toString('hex'),
    database: part('database'),
    loads: pair('load snapshots'),
    chunks: pair('row chunks'),
  }
}

/**
 * Reads secrets as they stand in a file: one a line, 64 hexadecimal digits or 44 characters of Base64; lines that begin
 * with `#` are not looked at. Throws an Error that says what is the matter without saying what was read.
 */
export function parseKeys(text: string): readonly Key[] {
  const lines = text.split('\n').map((line) => line.trim())
  const secrets = lines.flatMap((line, at) => {
    if (line === '' || line.startsWith('#')) return []
    const secret = secretOf(line)
    if (!secret) throw new Error(`line ${at + 1} is not 32 bytes in hexadecimal or Base64`)
    return [secret]
  })
  if (secrets.length === 0) throw new Error('there is no key in it')
  return secrets.map(deriveKey)
}

function secretOf(line: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(line)) return Buffer.from(line, 'hex')
  return /^[A-Za-z0-9+/]{43}=$/.test(line) ? Buffer.from(line, 'base64') : undefined
}
