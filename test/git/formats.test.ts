import { expect, test } from 'vitest'
import { decodeChunk, decodeRow, encodeChunk, encodeRow, type Row } from '../../src/store/row.ts'
import { formatFixture } from '../helpers/fixture.ts'

/** Rows that use every part of row format 1, each source, and numbers of one byte and of several. */
const rows: readonly Row[] = [
  {
    replica: 'r-00000001',
    seq: 1,
    doc: 'main',
    at: Date.UTC(2026, 10, 23, 8, 0, 0),
    actor: '山田 Zoë',
    source: 'file',
    verified: true,
    session: '',
    seen: {},
    touched: ['t-7f3k9q2m', 'state/currentPhase'],
    update: new Uint8Array([0, 0]),
  },
  {
    replica: 'r-00000001',
    seq: 2,
    doc: 'log/2026-11',
    at: Date.UTC(2026, 10, 23, 8, 0, 1),
    actor: 'claude',
    source: 'api',
    verified: false,
    session: 's-2b3c4d5e',
    seen: { 'r-00000002': 1, 'r-zzzzzzzz': 4_000_000_000 },
    touched: [],
    update: Uint8Array.from({ length: 300 }, (_, i) => i & 255),
  },
  ...(['import', 'room'] as const).map((source, i) => ({
    replica: 'r-00000001',
    seq: 3 + i,
    doc: 'main',
    at: 0,
    actor: 'alice',
    source,
    verified: true,
    session: '',
    seen: {},
    touched: ['p-00000000'],
    update: new Uint8Array([1, 2, 3]),
  })),
]
const row = rows[1] as Row

test.each([
  ['row-1.bin', row, encodeRow as (value: unknown) => Uint8Array, decodeRow as (bytes: Uint8Array) => unknown],
  ['chunk-1.bin', rows, encodeChunk as (value: unknown) => Uint8Array, decodeChunk],
])('%s reads as it was written, and is written as it was then', (name, value, encode, decode) => {
  const bytes = new Uint8Array(formatFixture(name, () => encode(value)))
  expect(decode(bytes)).toEqual(value)
  expect(encode(value)).toEqual(bytes)
})

test('a damaged chunk is noticed at every byte', () => {
  const bytes = encodeChunk(rows)
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice()
    damaged[at] = (damaged[at] ?? 0) ^ 0x20
    expect(() => decodeChunk(damaged), `byte ${at}`).toThrow()
    expect(() => decodeChunk(bytes.slice(0, at)), `cut at ${at}`).toThrow()
  }
})
