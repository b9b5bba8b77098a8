import { createHash } from 'node:crypto'

/** SHA-256 of text or bytes, as 64 hex digits. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** A short content hash that people can type: the first 12 hex digits of SHA-256. */
export function shortHash(content: string | Uint8Array): string {
  return sha256(content).slice(0, 12)
}
