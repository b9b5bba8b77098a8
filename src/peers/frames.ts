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
import { messagePermissionDenied } from 'y-protocols/auth'
import { messageYjsSyncStep1, messageYjsSyncStep2, messageYjsUpdate } from 'y-protocols/sync'
import { unreachable } from '../base/assert.ts'
import { reasonOf } from '../base/error.ts'
import type { Json } from '../model/record.ts'
import { decodeChunk, encodeChunk, type Row, readVector, type Vector, writeVector } from '../store/row.ts'
import type { Question } from './asks.ts'

/** The version of what replicas say to each other. See docs/formats.md. */
export const PROTOCOL_VERSION = 1

/** Message types of y-websocket, and ours: one it does not use. */
const SYNC = 0
const AWARENESS = 1
const AUTH = 2
const QUERY_AWARENESS = 3
export const REPLICA_MESSAGE = 111

const HELLO = 0
const ROWS = 1
const HAVE = 2
const REFUSE = 3
const PING = 4
const ASK = 5
const ANSWER = 6
/** The longest question or answer, in UTF-16 code units. */
const MAX_BODY = 65_536

/** What a replica says first. Only what stands before the other fields, the version, is fixed for ever. */
export interface Hello {
  readonly project: { readonly id: string; readonly name: string }
  readonly replica: string
  /** Random for each run of a daemon: tells a copied database from a daemon that dialled itself. */
  readonly instance: string
  /** Whether the sender's project holds nothing yet and may take another's id. */
  readonly pristine: boolean
  /** Which rows the sender holds, durably. */
  readonly have: Vector
}

/** One client's presence. `state` is JSON text, `null` when it left. */
export interface AwarenessEntry {
  readonly client: number
  readonly clock: number
  readonly state: string
}

/** A message between replicas. */
export type ReplicaFrame =
  | ({ readonly type: 'hello' } & Hello)
  /** A hello of a version that is not known here. */
  | { readonly type: 'otherVersion'; readonly version: number }
  | { readonly type: 'rows'; readonly rows: readonly Row[] }
  /** Answers each `rows`: what the sender holds now, durably. */
  | { readonly type: 'have'; readonly have: Vector }
  | { readonly type: 'refuse'; readonly code: number; readonly reason: string }
  | { readonly type: 'ping' }
  /** A question; `id` names it on this connection. */
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  /** What came of it: JSON, or why there is none. */
  | { readonly type: 'answer'; readonly id: number; readonly ok: boolean; readonly body: Json }

/** A message of a stock client, or to one. */
export type StockFrame =
  | { readonly type: 'step1'; readonly stateVector: Uint8Array }
  | { readonly type: 'step2' | 'update'; readonly update: Uint8Array }
  | { readonly type: 'awareness'; readonly entries: readonly AwarenessEntry[] }
  | { readonly type: 'queryAwareness' }
  | { readonly type: 'denied'; readonly reason: string }

export type Frame = ReplicaFrame | StockFrame
export type Decoded = Frame | { readonly type: 'malformed'; readonly reason: string }

const replicaTypes: readonly string[] = [
  'hello',
  'otherVersion',
  'rows',
  'have',
  'refuse',
  'ping',
  'ask',
  'answer',
] satisfies ReplicaFrame['type'][]

/** Whether a message is one that only replicas say. */
export function isReplicaFrame(frame: Frame): frame is ReplicaFrame {
  return replicaTypes.includes(frame.type)
}

/** Encodes a message as one binary WebSocket frame. */
export function encodeFrame(frame: Exclude<Frame, { readonly type: 'otherVersion' }>): Uint8Array {
  const encoder = createEncoder()
  const begin = (type: number, subtype: number): void => {
    writeVarUint(encoder, type)
    writeVarUint(encoder, subtype)
  }
  switch (frame.type) {
    case 'step1':
      begin(SYNC, messageYjsSyncStep1)
      writeVarUint8Array(encoder, frame.stateVector)
      break
    case 'step2':
      begin(SYNC, messageYjsSyncStep2)
      writeVarUint8Array(encoder, frame.update)
      break
    case 'update':
      begin(SYNC, messageYjsUpdate)
      writeVarUint8Array(encoder, frame.update)
      break
    case 'awareness':
      writeVarUint(encoder, AWARENESS)
      writeVarUint8Array(encoder, encodeEntries(frame.entries))
      break
    case 'queryAwareness':
      writeVarUint(encoder, QUERY_AWARENESS)
      break
    case 'denied':
      begin(AUTH, messagePermissionDenied)
      writeVarString(encoder, frame.reason)
      break
    case 'hello':
      begin(REPLICA_MESSAGE, HELLO)
      writeHello(encoder, frame)
      break
    case 'rows':
      begin(REPLICA_MESSAGE, ROWS)
      writeVarUint8Array(encoder, encodeChunk(frame.rows))
      break
    case 'have':
      begin(REPLICA_MESSAGE, HAVE)
      writeVector(encoder, frame.have)
      break
    case 'refuse':
      begin(REPLICA_MESSAGE, REFUSE)
      writeVarUint(encoder, frame.code)
      writeVarString(encoder, frame.reason)
      break
    case 'ping':
      begin(REPLICA_MESSAGE, PING)
      break
    case 'ask':
      begin(REPLICA_MESSAGE, ASK)
      writeVarUint(encoder, frame.id)
      for (const text of [frame.question.key, frame.question.to, frame.question.from]) writeVarString(encoder, text)
      writeVarUint(encoder, frame.question.hops)
      writeVarString(encoder, JSON.stringify(frame.question.body))
      break
    case 'answer':
      begin(REPLICA_MESSAGE, ANSWER)
      writeVarUint(encoder, frame.id)
      writeUint8(encoder, frame.ok ? 1 : 0)
      writeVarString(encoder, JSON.stringify(frame.body))
      break
    default:
      return unreachable(frame)
  }
  return toUint8Array(encoder)
}

/** Decodes a WebSocket frame. What is not exactly one known message comes back as `malformed`; it never throws. */
export function decodeFrame(bytes: Uint8Array): Decoded {
  // Bytes from outside may end anywhere and lie about every length; the readers throw then.
  try {
    const decoder = createDecoder(bytes)
    const frame = readFrame(decoder)
    if (frame.type !== 'otherVersion' && hasContent(decoder))
      return { type: 'malformed', reason: 'bytes after the message' }
    return frame
  } catch (error) {
    return { type: 'malformed', reason: reasonOf(error) }
  }
}

function readFrame(decoder: Decoder): Frame {
  const type = readVarUint(decoder)
  switch (type) {
    case SYNC:
      return readSync(decoder)
    case AWARENESS:
      return { type: 'awareness', entries: decodeEntries(readVarUint8Array(decoder)) }
    case AUTH:
      if (readVarUint(decoder) !== messagePermissionDenied) throw new Error('unknown auth message')
      return { type: 'denied', reason: readVarString(decoder) }
    case QUERY_AWARENESS:
      return { type: 'queryAwareness' }
    case REPLICA_MESSAGE:
      return readReplica(decoder)
    default:
      throw new Error(`unknown message type ${type}`)
  }
}

function readSync(decoder: Decoder): Frame {
  const step = readVarUint(decoder)
  // A copy: a view would keep the whole receive buffer in memory.
  const content = readVarUint8Array(decoder).slice()
  switch (step) {
    case messageYjsSyncStep1:
      return { type: 'step1', stateVector: content }
    case messageYjsSyncStep2:
      return { type: 'step2', update: content }
    case messageYjsUpdate:
      return { type: 'update', update: content }
    default:
      throw new Error(`unknown sync message ${step}`)
  }
}

function readReplica(decoder: Decoder): Frame {
  const type = readVarUint(decoder)
  switch (type) {
    case HELLO:
      return readHello(decoder)
    case ROWS:
      return { type: 'rows', rows: decodeChunk(readVarUint8Array(decoder)) }
    case HAVE:
      return { type: 'have', have: readVector(decoder) }
    case REFUSE:
      return { type: 'refuse', code: readVarUint(decoder), reason: readVarString(decoder) }
    case PING:
      return { type: 'ping' }
    case ASK: {
      const id = readVarUint(decoder)
      const [key, to, from] = [readVarString(decoder), readVarString(decoder), readVarString(decoder)]
      return { type: 'ask', id, question: { key, to, from, hops: readVarUint(decoder), body: readBody(decoder) } }
    }
    case ANSWER:
      return { type: 'answer', id: readVarUint(decoder), ok: readUint8(decoder) === 1, body: readBody(decoder) }
    default:
      throw new Error(`unknown replica message ${type}`)
  }
}

function readBody(decoder: Decoder): Json {
  const text = readVarString(decoder)
  if (text.length > MAX_BODY) throw new Error('the question or answer is too long')
  return JSON.parse(text) as Json
}

function writeHello(encoder: Encoder, hello: Hello): void {
  writeVarUint(encoder, PROTOCOL_VERSION)
  writeVarString(encoder, hello.project.id)
  writeVarString(encoder, hello.project.name)
  writeVarString(encoder, hello.replica)
  writeVarString(encoder, hello.instance)
  writeUint8(encoder, hello.pristine ? 1 : 0)
  writeVector(encoder, hello.have)
}

function readHello(decoder: Decoder): Frame {
  const version = readVarUint(decoder)
  if (version !== PROTOCOL_VERSION) return { type: 'otherVersion', version }
  return {
    type: 'hello',
    project: { id: readVarString(decoder), name: readVarString(decoder) },
    replica: readVarString(decoder),
    instance: readVarString(decoder),
    pristine: readUint8(decoder) === 1,
    have: readVector(decoder),
  }
}

function encodeEntries(entries: readonly AwarenessEntry[]): Uint8Array {
  const encoder = createEncoder()
  writeVarUint(encoder, entries.length)
  for (const { client, clock, state } of entries) {
    writeVarUint(encoder, client)
    writeVarUint(encoder, clock)
    writeVarString(encoder, state)
  }
  return toUint8Array(encoder)
}

function decodeEntries(bytes: Uint8Array): readonly AwarenessEntry[] {
  const decoder = createDecoder(bytes)
  const count = readVarUint(decoder)
  if (count > bytes.length) throw new Error('count exceeds the bytes')
  const entries: AwarenessEntry[] = []
  for (let i = 0; i < count; i++) {
    entries.push({ client: readVarUint(decoder), clock: readVarUint(decoder), state: readVarString(decoder) })
  }
  if (hasContent(decoder)) throw new Error('bytes after the awareness entries')
  return entries
}
