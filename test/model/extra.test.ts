import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { printExtra } from '../../src/model/extra.ts'
import { parseFrontMatter, renderFrontMatter } from '../../src/model/front-matter.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Json } from '../../src/model/record.ts'
import { viewOf } from './view.ts'

const read = (source: string): unknown => parseDocument(`x: ${source}\n`).toJS({ maxAliasCount: 0 }).x

test.each<[Json, string]>([
  ['gh-906', 'gh-906'],
  ['https://example.com/a: b', '"https://example.com/a: b"'],
  ['true', '"true"'],
  ['', '""'],
  ['two\nlines', '|-\n  two\n  lines'],
  ['# a\n\n- b: "c"', '|-\n  # a\n\n  - b: "c"'],
  [' indented\nfirst', '" indented\\nfirst"'],
  ['with\nan end\n', '"with\\nan end\\n"'],
  [true, 'true'],
  [1_800_000_000_000, '1800000000000'],
  [['bd-1', 'bd-2', '3'], '[bd-1, bd-2, "3"]'],
  [{ a: 1, 'b c': ['x', { z: null }] }, '{a: 1, b c: [x, {z: null}]}'],
])('%j is printed as %j', (value, source) => {
  expect(printExtra(value)).toBe(source)
  expect(read(source)).toEqual(value)
})

test('a long list stands line by line', () => {
  const list = Array.from({ length: 30 }, (_, n) => `bd-${n}`)
  expect(printExtra(list)).toMatch(/^\n {2}- bd-0\n {2}- bd-1\n.* {2}- bd-29$/s)
})

test.each<[string, Json]>([
  ['unclosed brackets', '['.repeat(100)],
  ['unclosed braces on several lines', '{\n'.repeat(100)],
])('text with %s stays the same text', (_, value) => {
  const source = printExtra(value)
  expect(read(source)).toBe(value)
  expect(parseFrontMatter(task, `x: ${source}\n`)).toMatchObject({ ok: true, extra: { x: source } })
})

test('nesting that YAML does not take here is printed as its JSON', () => {
  const deep = Array.from({ length: 70 }).reduce<Json>((inner) => [inner], 1)
  expect(read(printExtra(deep))).toBe(JSON.stringify(deep))
})

test('any value comes back from a file byte for byte, and says the same', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('\n', ' ', '\t', '#', '-', ':', '"', "'", '\\', '|', '[', '@', 'a', '0', '\r') }),
  )
  const json = fc.letrec<{ node: Json }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.array(tie('node')),
      fc.dictionary(text, tie('node')).map((object) => ({ ...object })),
    ),
  })).node
  fc.assert(
    fc.property(json, (value) => {
      const source = printExtra(value)
      const rendered = renderFrontMatter(task, viewOf(task, { extra: { before: 'a', x: source, y: 'b' } }))
      expect(parseFrontMatter(task, rendered)).toMatchObject({ ok: true, extra: { before: 'a', x: source, y: 'b' } })
      expect([value, JSON.stringify(value)]).toContainEqual(read(source))
    }),
    { numRuns: 1000 },
  )
})
