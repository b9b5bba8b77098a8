import { crc32 } from 'node:zlib'
import {
  createDecoder,
  type Decoder,
  hasContent,
  readUint8,
  readVarString,
  readVarUint,
  readVarUint8Array,
} from 'lib0/decoding'
import {
  createEncoder,
  type Encoder,
  toUint8Array,
  writeUint8,
  writeVarString,
  writeVarUint,
  writeVarUint8Array,
} from 'lib0/encoding'
import { atOnce, type Steps } from '../base/turns.ts'

/** How far something has got, per replica: replica id -> the highest sequence, all below it included. */
export type Vector = Readonly<Record<string, number>>

export type RowSource = 'api' | 'file' | 'import' | 'room'

/** What happened: one Yjs update with who, when, and what its writer had seen. Rows are the history; none is ever deleted. */
export interface Row {
  /** The replica that made the row. With `seq` it names the row everywhere. */
  readonly replica: string
  /** 1, 2, 3, ... per replica, without gaps, whatever the document. */
  readonly seq: number
  /** The document it changes: `main`. A month of the work log is to be one of its own. */
  readonly doc: string
  /** Wall time in milliseconds. */
  readonly at: number
  readonly actor: string
  readonly source: RowSource
  /** Whether orch checked who the actor is. */
  readonly verified: boolean
  /** '' when there was none. */
  readonly session: string
  /** What this replica held when it wrote the row, itself excluded: other replicas' sequences. */
  readonly seen: Vector
  /** The records this row edits (a deletion alone is not an edit), as `<id>`, or `state/<key>`. */
  readonly touched: readonly string[]
  /** Yjs update, encoding V1. */
  readonly update: Uint8Array
}

/** The version of the row encoding, the first byte of every encoded row. See docs/formats.md. */
export const ROW_FORMAT = 1
const SOURCES: readonly RowSource[] = ['api', 'file', 'import', 'room']

/** Encodes a row; the same bytes travel between replicas, stand in `crdt/` chunks and are what `crc` covers in the database. */
export function encodeRow(row: Row): Uint8Array {
  const encoder = createEncoder()
  writeUint8(encoder, ROW_FORMAT)
  writeVarString(encoder, row.replica)
  writeVarUint(encoder, row.seq)
  writeVarString(encoder, row.doc)
  writeVarUint(encoder, row.at)
  writeVarString(encoder, row.actor)
  writeUint8(encoder, SOURCES.indexOf(row.source))
  writeUint8(encoder, row.verified ? 1 : 0)
  writeVarString(encoder, row.session)
  writeVector(encoder, row.seen)
  writeVarUint(encoder, row.touched.length)
  for (const key of row.touched) writeVarString(encoder, key)
  writeVarUint8Array(encoder, row.update)
  return toUint8Array(encoder)
}

/** Decodes a row. Throws on anything that is not exactly one row of a known format. */
export function decodeRow(bytes: Uint8Array): Row {
  const decoder = createDecoder(bytes)
  const format = readUint8(decoder)
  if (format !== ROW_FORMAT) throw new Error(`row format ${format} is not known here`)
  const replica = readVarString(decoder)
  const seq = readVarUint(decoder)
  const doc = readVarString(decoder)
  const at = readVarUint(decoder)
  const actor = readVarString(decoder)
  const source = SOURCES[readUint8(decoder)]
  if (source === undefined) throw new Error('row source is not known here')
  const verified = readUint8(decoder) === 1
  const session = readVarString(decoder)
  const seen = readVector(decoder)
  const touched = Array.from({ length: readCount(decoder, bytes) }, () => readVarString(decoder))
  // A copy: a view would keep the whole frame in memory.
  const update = readVarUint8Array(decoder).slice()
  if (hasContent(decoder)) throw new Error('bytes after the row')
  return { replica, seq, doc, at, actor, source, verified, session, seen, touched, update }
}

export function writeVector(encoder: Encoder, vector: Vector): void {
  const entries = Object.entries(vector).sort(([a], [b]) => (a < b ? -1 : 1))
  writeVarUint(encoder, entries.length)
  for (const [replica, seq] of entries) {
    writeVarString(encoder, replica)
    writeVarUint(encoder, seq)
  }
}

export function readVector(decoder: Decoder): Vector {
  const vector: Record<string, number> = Object.create(null)
  const count = readCount(decoder, decoder.arr)
  for (let i = 0; i < count; i++) {
    const replica = readVarString(decoder)
    vector[replica] = readVarUint(decoder)
  }
  return vector
}

/** A count cannot exceed the bytes there are: a lying one must not allocate. */
function readCount(decoder: Decoder, bytes: Uint8Array): number {
  const count = readVarUint(decoder)
  if (count > bytes.length) throw new Error('count exceeds the bytes')
  return count
}

const CHUNK_MAGIC = 'orch-rows'
export const CHUNK_FORMAT = 1

/** Encodes rows as one chunk: magic, format, count, then each row with its length and CRC-32. */
export function encodeChunk(rows: readonly Row[]): Uint8Array {
  return atOnce(encodingChunk(rows))
}

/** The same in steps, one a row: a chunk may hold tens of thousands. */
export function* encodingChunk(rows: readonly Row[]): Steps<Uint8Array> {
  const encoded: Uint8Array[] = []
  for (const row of rows) {
    encoded.push(encodeRow(row))
    yield
  }
  return yield* joiningRows(encoded)
}

/** Makes a chunk of encoded rows, in steps. One buffer that grew with them would be copied each time that it does. */
export function* joiningRows(rows: readonly Uint8Array[]): Steps<Uint8Array> {
  const head = createEncoder()
  writeVarString(head, CHUNK_MAGIC)
  writeUint8(head, CHUNK_FORMAT)
  writeVarUint(head, rows.length)
  const parts: Uint8Array[] = [toUint8Array(head)]
  for (const row of rows) {
    const before = createEncoder()
    writeVarUint(before, crc32(row))
    writeVarUint(before, row.length)
    parts.push(toUint8Array(before), row)
    yield
  }
  const chunk = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    chunk.set(part, at)
    at += part.length
    yield
  }
  return chunk
}

/** Decodes a chunk, checking every row. Throws on damage. */
export function decodeChunk(bytes: Uint8Array): readonly Row[] {
  return atOnce(decodingChunk(bytes))
}

/** The same in steps, one a row. */
export function* decodingChunk(bytes: Uint8Array): Steps<readonly Row[]> {
  const rows: Row[] = []
  for (const row of splittingChunk(bytes)) {
    rows.push(decodeRow(row))
    yield
  }
  return rows
}

/** The encoded rows of a chunk, one after the other, as views of it. Throws on damage. */
export function* splittingChunk(bytes: Uint8Array): Generator<Uint8Array> {
  const decoder = createDecoder(bytes)
  if (readVarString(decoder) !== CHUNK_MAGIC) throw new Error('not a chunk of rows')
  const format = readUint8(decoder)
  if (format !== CHUNK_FORMAT) throw new Error(`chunk format ${format} is not known here`)
  for (let left = readCount(decoder, bytes); left > 0; left--) {
    const crc = readVarUint(decoder)
    const row = readVarUint8Array(decoder)
    if (crc32(row) !== crc) throw new Error('a row in the chunk is damaged')
    yield row
  }
  if (hasContent(decoder)) throw new Error('bytes after the chunk')
}
