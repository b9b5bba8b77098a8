import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseState, renderState } from '../../src/model/state-file.ts'
import { STATE_KEY } from '../../src/model/validate.ts'

const json = fc.jsonValue({ maxDepth: 3, noUnicodeString: false }).filter((value) => {
  const text = JSON.stringify(value)
  return !/__proto__|\\u0000|\\ud/i.test(text) && !/\d{16}/.test(text)
})
const state = fc.dictionary(
  fc.stringMatching(/^[A-Za-z_][\w.-]{0,9}$/).filter((key) => STATE_KEY.test(key)),
  json,
)

test('what is rendered is read back, and rendered again to the same bytes', () => {
  fc.assert(
    fc.property(state, (values) => {
      const text = renderState(values as never)
      const parsed = parseState(text)
      expect(parsed).toEqual({ ok: true, values: JSON.parse(JSON.stringify(values)) })
      if (parsed.ok) expect(renderState(parsed.values)).toBe(text)
    }),
    { numRuns: 2000 },
  )
})

test('it reads exactly what JSON.parse reads, numbers and keys that JavaScript cannot hold aside', () => {
  const piece = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '1',
      '-0.5e3',
      '01',
      'true',
      'null',
      'nul',
      ' ',
      '\n',
      '"\\u00e9"',
      '"\\x"',
      '"',
    ],
  )
  let read = 0
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 7 }), (pieces) => {
      const text = `{"k":${pieces.join('')}}`
      const parsed = parseState(text)
      let expected: { value?: unknown } = {}
      try {
        expected = { value: JSON.parse(text) }
      } catch {
        // JSON.parse says no by throwing: the expectation is that we refuse.
      }
      const stricter = !parsed.ok && /is there twice|must be 1 to 64|too large/.test(parsed.reason)
      if (!stricter) expect(parsed.ok ? { value: parsed.values } : {}, text).toEqual(expected)
      if (parsed.ok) read++
    }),
    { numRuns: 10_000 },
  )
  expect(read).toBeGreaterThan(200)
})

test('keys are sorted at every level, whatever order they came in', () => {
  expect(renderState({ b: { z: 1, y: [{ d: 1, c: 2 }] }, a: 'x' })).toBe(
    '{\n  "a": "x",\n  "b": {\n    "y": [\n      {\n        "c": 2,\n        "d": 1\n      }\n    ],\n    "z": 1\n  }\n}\n',
  )
  expect(renderState({})).toBe('{}\n')
})

describe('[M7] a state file that is refused names the place', () => {
  test.each([
    ['a missing comma', '{\n  "a": 1\n  "b": 2\n}\n', 3, 3, /expected ","/],
    ['a trailing comma', '{\n  "a": 1,\n}\n', 3, 1, /comma/],
    ['a key twice', '{\n  "a": 1,\n  "a": 2\n}\n', 3, 3, /"a" is there twice/],
    ['a nested key twice', '{\n  "a": {"b": 1, "b": 2}\n}\n', 2, 17, /"b" is there twice/],
    ['a bad key', '{\n  "1a": 1\n}\n', 2, 3, /the key "1a"/],
    ['a prototype key', '{\n  "__proto__": 1\n}\n', 2, 3, /__proto__/],
    ['a nested prototype key', '{"a": {"__proto__": 1}}', 1, 8, /__proto__/],
    ['a number that is not exact', '{"a": 12345678901234567890}', 1, 7, /too large to be kept exactly/],
    ['an infinite number', '{"a": 1e999}', 1, 7, /too large/],
    ['an open text', '{"a": "x\n}', 1, 7, /does not end/],
    ['a comment', '{ // no\n}', 1, 3, /expected a key/],
    ['a single-quoted key', "{'a': 1}", 1, 2, /double quotes/],
    ['a list', '[1]', 1, 1, /one JSON object/],
    ['nothing', '', 1, 1, /one JSON object/],
    ['more', '{}\n{}', 2, 1, /more after/],
    ['an open object', '{\n  "a": 1\n', 3, 1, /the end of the file/],
    ['deep nesting', `{"a": ${'['.repeat(9)}${']'.repeat(9)}}`, 1, 7, /deeper than 8/],
    ['a bomb of nesting', `{"a": ${'['.repeat(100_000)}`, 1, 71, /too deeply/],
    ['a large value', `{"a": "${'x'.repeat(300_000)}"}`, 1, 7, /limit is 262144/],
  ])('%s', (_, text, line, column, reason) => {
    expect(parseState(text)).toEqual({ ok: false, reason: expect.stringMatching(reason), line, column })
  })
})
