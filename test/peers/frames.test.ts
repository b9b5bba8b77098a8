import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeFrame, encodeFrame, type Frame } from '../../src/peers/frames.ts'
import type { Row } from '../../src/store/row.ts'
import { formatFixture } from '../helpers/fixture.ts'

const row: Row = {
  replica: 'r-aaaaaaaa',
  seq: 3,
  doc: 'main',
  at: Date.UTC(2026, 10, 23, 8, 0, 0),
  actor: 'alice',
  source: 'api',
  verified: true,
  session: '',
  seen: { 'r-bbbbbbbb': 7 },
  touched: ['t-7f3k9q2m'],
  update: Uint8Array.of(0, 0),
}

/** One of each message that travels between replicas. Their bytes are in the fixtures for ever. */
const replicaFrames = {
  hello: {
    type: 'hello',
    project: { id: 'j-0123456789abcdef', name: 'プロジェクト' },
    replica: 'r-aaaaaaaa',
    instance: 'n-11111111',
    pristine: false,
    have: { 'r-aaaaaaaa': 3, 'r-bbbbbbbb': 7 },
  },
  rows: { type: 'rows', rows: [row] },
  have: { type: 'have', have: { 'r-aaaaaaaa': 3 } },
  refuse: { type: 'refuse', code: 4409, reason: 'two different projects' },
  ping: { type: 'ping' },
  ask: {
    type: 'ask',
    id: 7,
    question: { key: 'k', to: 'r-aaaaaaaa', from: 'r-bbbbbbbb', hops: 4, body: { do: 'end', task: 't-1', fence: 3 } },
  },
  answer: { type: 'answer', id: 7, ok: true, body: { task: 't-1', fence: 3 } },
} as const satisfies Record<string, Frame>

const stockFrames: readonly Frame[] = [
  { type: 'step1', stateVector: Uint8Array.of(0) },
  { type: 'step2', update: Uint8Array.of(0, 0) },
  { type: 'update', update: Uint8Array.of(1, 2, 3) },
  { type: 'awareness', entries: [{ client: 4_000_000_000, clock: 2, state: '{"user":{"name":"Zoë"}}' }] },
  { type: 'awareness', entries: [] },
  { type: 'queryAwareness' },
  { type: 'denied', reason: 'read only' },
]

describe('messages', () => {
  test.each([...Object.values(replicaFrames), ...stockFrames])('$type comes back as it was sent', (frame) => {
    expect(plain(decodeFrame(encodeFrame(frame as never)))).toEqual(plain(frame))
  })

  test.each(Object.entries(replicaFrames))('the bytes of %s are those of its fixture', (name, frame) => {
    const bytes = new Uint8Array(formatFixture(`peer-${name}-1.bin`, () => encodeFrame(frame)))
    expect(encodeFrame(frame)).toEqual(bytes)
    expect(plain(decodeFrame(bytes))).toEqual(plain(frame))
  })

  test('a hello of another version is told apart, whatever follows', () => {
    const bytes = Uint8Array.of(111, 0, 2, 9, 9, 9)
    expect(decodeFrame(bytes)).toEqual({ type: 'otherVersion', version: 2 })
  })

  test.each([
    ['nothing', []],
    ['an unknown type', [42]],
    ['an unknown sync step', [0, 9, 0]],
    ['an unknown replica message', [111, 99]],
    ['a length beyond the end', [0, 2, 255, 255, 3, 1]],
    ['bytes after the end', [0, 2, 1, 0, 7]],
    ['a count beyond the end', [1, 2, 255, 1]],
    ['text that is not UTF-8', [2, 0, 2, 0xff, 0xfe]],
    ['an endless number', [0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]],
  ])('%s is malformed', (_, bytes) => {
    expect(decodeFrame(Uint8Array.from(bytes)).type).toBe('malformed')
  })

  test('no bytes make decoding throw', () => {
    const types = fc.constantFrom(0, 1, 2, 3, 111)
    const frame = fc.tuple(types, fc.nat(5), fc.uint8Array({ maxLength: 200 })).map(([a, b, rest]) => [a, b, ...rest])
    fc.assert(
      fc.property(frame, (bytes) => decodeFrame(Uint8Array.from(bytes)).type.length > 0),
      { numRuns: 3000 },
    )
  })

  test('a real message with one byte changed or its end cut off never throws', () => {
    const all = [...Object.values(replicaFrames), ...stockFrames].map((frame) => encodeFrame(frame as never))
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.nat(), fc.nat(255), fc.boolean(), (bytes, at, value, cut) => {
        const place = at % bytes.length
        const broken = cut ? bytes.slice(0, place) : bytes.with(place, value)
        return decodeFrame(broken).type.length > 0
      }),
      { numRuns: 3000 },
    )
  })
})

/** Vectors have no prototype, which `toEqual` minds. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
