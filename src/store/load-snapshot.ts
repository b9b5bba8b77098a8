import { createHash } from 'node:crypto'
import { createDecoder, hasContent, readUint8, readVarString, readVarUint, readVarUint8Array } from 'lib0/decoding'
import {
  createEncoder,
  toUint8Array,
  writeUint8,
  writeVarString,
  writeVarUint,
  writeVarUint8Array,
} from 'lib0/encoding'

/** The document after row `n` of this database: what makes a start fast. It can always be made again from the rows. */
export interface LoadSnapshot {
  readonly n: number
  readonly state: Uint8Array
}

/** PORT: where load snapshots are kept. */
export interface LoadSnapshots {
  /** The newest that is whole, if there is one. */
  newest(): LoadSnapshot | undefined
  /** Makes one of the rows up to `n`, outside the thread that answers, and keeps the one before. */
  make(n: number): Promise<void>
}

/** Those that a service adds to. */
export interface KeptLoadSnapshots extends LoadSnapshots {
  /** How many rows the newest holds that was read or made; 0 where none was. */
  covers(): number
}

const MAGIC = 'orch-load'
export const LOAD_FORMAT = 1

/** Encodes: magic, format, SHA-256 of the rest, n, state (a Yjs update, encoding V1). */
export function encodeLoadSnapshot({ n, state }: LoadSnapshot): Uint8Array {
  const content = createEncoder()
  writeVarUint(content, n)
  writeVarUint8Array(content, state)
  const bytes = toUint8Array(content)
  const encoder = createEncoder()
  writeVarString(encoder, MAGIC)
  writeUint8(encoder, LOAD_FORMAT)
  writeVarUint8Array(encoder, digest(bytes))
  writeVarUint8Array(encoder, bytes)
  return toUint8Array(encoder)
}

/** Decodes and checks. Throws on damage and on formats not known here. */
export function decodeLoadSnapshot(bytes: Uint8Array): LoadSnapshot {
  const decoder = createDecoder(bytes)
  if (readVarString(decoder) !== MAGIC) throw new Error('not a load snapshot')
  const format = readUint8(decoder)
  if (format !== LOAD_FORMAT) throw new Error(`load snapshot format ${format} is not known here`)
  const expected = readVarUint8Array(decoder)
  const content = readVarUint8Array(decoder)
  if (hasContent(decoder)) throw new Error('bytes after the load snapshot')
  if (Buffer.compare(digest(content), expected) !== 0) throw new Error('the load snapshot is damaged')
  const inner = createDecoder(content)
  return { n: readVarUint(inner), state: readVarUint8Array(inner).slice() }
}

function digest(content: Uint8Array): Uint8Array {
  return createHash('sha256').update(content).digest()
}
