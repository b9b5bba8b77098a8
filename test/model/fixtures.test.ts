import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { canonicalSkeleton } from '../../src/model/front-matter.ts'
import { defineKind, type RecordKind } from '../../src/model/kind.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { decodeFile, encodeFile, parseRecord, renderRecord } from '../../src/model/markdown.ts'
import type { RecordView } from '../../src/model/record.ts'
import { DECLARED, kindsOfText } from '../helpers/own-kinds.ts'
import { viewOf } from './view.ts'

const folderOf = (kind: RecordKind): URL => new URL(`../fixtures/kinds/${kind.name}/`, import.meta.url)

/** Every file a kind's folder has. A kind without a folder fails here: its format is not written down. */
const filesOf = (kind: RecordKind): readonly string[] =>
  readdirSync(folderOf(kind)).filter((name) => name.endsWith('.md'))

/** Those of orch, and one that a project declares. */
const kinds = [...builtInKinds.records, ...kindsOfText(DECLARED).records.filter(({ own }) => own)]

describe.each(kinds)('files of a $name', (kind) => {
  test.each(filesOf(kind))('[M9] %s is rendered byte for byte as it was read', (name) => {
    const bytes = readFileSync(new URL(name, folderOf(kind)))
    const decoded = decodeFile(bytes)
    if (!decoded.ok) throw new Error(decoded.reason)
    const parsed = parseRecord(kind, decoded.text)
    if (!parsed.ok) throw new Error(parsed.reason)
    expect(parsed.invalid).toEqual([])
    expect(parsed.id).toMatch(new RegExp(`^${kind.letter}-`))
    const text = renderRecord(kind, viewOf(kind, parsed))
    expect(text).toBe(decoded.text)
    expect(Buffer.from(encodeFile(text, decoded.style)).equals(bytes)).toBe(true)
  })

  test('the canonical rendering of a record is the golden file', () => {
    const read = (name: string): string => readFileSync(new URL(name, folderOf(kind)), 'utf8')
    const given: Pick<RecordView, 'values' | 'extra'> = JSON.parse(read('canonical.json'))
    const front = canonicalSkeleton(kind, Object.keys(given.extra))
    const view = viewOf(kind, { id: `${kind.letter}-7f3k9q2m`, skeleton: front, ...given })
    expect(renderRecord(kind, view)).toBe(read('canonical.md'))
  })
})

test('a kind that has no fixtures yet fails, unasked', () => {
  expect(() => filesOf(defineKind('novelty', { plural: 'novelties', letter: 'n', help: 'new', fields: {} }))).toThrow()
})
