import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseInSteps, STEP_BYTES } from '../../src/api/import/json-steps.ts'

function parse(text: string): { readonly value: unknown; readonly steps: number } {
  const work = parseInSteps(new TextEncoder().encode(text))
  for (let steps = 0; ; steps++) {
    const { done, value } = work.next()
    if (done) return { value, steps }
  }
}

const large = 'é"\\ x'.repeat(STEP_BYTES / 4)

test('large JSON read in steps is what JSON.parse gives', () => {
  const value = fc.letrec((tie) => ({
    one: fc.oneof({ maxDepth: 3 }, fc.string(), fc.double(), fc.constant(large), tie('list'), tie('object')),
    list: fc.array(tie('one'), { maxLength: 5 }),
    object: fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('one'), { maxKeys: 5 }),
  })).one
  fc.assert(
    fc.property(value, fc.boolean(), fc.constantFrom(undefined, 2), (part, isList, space) => {
      const many = Array.from({ length: 3000 }, (_, i) => ({ n: i, 'a key': [i, '],{"', null] }))
      const text = JSON.stringify(isList ? [part, ...many, part] : { part, many, 'a "key":': part }, null, space)
      expect(parse(` ${text}\n`).value).toEqual(JSON.parse(text))
    }),
    { numRuns: 20 },
  )
})

test('the more there is, the more steps', () => {
  const text = JSON.stringify({ tasks: Array.from({ length: 50_000 }, (_, i) => ({ id: i, title: 'one of many' })) })
  expect(parse(text).steps).toBeGreaterThan((2 * text.length) / STEP_BYTES)
})

test.each([
  ['a comma too many', `[${'1,'.repeat(STEP_BYTES)}]`],
  ['two commas', `["${large.replace(/["\\]/g, '')}",,1]`],
  ['another bracket', `["${large.replace(/["\\]/g, '')}"}`],
  ['more closed than opened', `[${'1,'.repeat(STEP_BYTES)}1],[1]`],
  ['no colon', `{"a" "${large.replace(/["\\]/g, '')}"}`],
  ['no key', `{1: "${large.replace(/["\\]/g, '')}"}`],
  ['something behind a key', `{"a" 1 : "${large.replace(/["\\]/g, '')}"}`],
  ['a text cut off', `[1, "${large.replace(/["\\]/g, '')}]`],
  ['no bracket', `${'1 '.repeat(STEP_BYTES)}`],
])('%s is refused', (_, text) => {
  expect(() => JSON.parse(text)).toThrow()
  expect(() => parse(text)).toThrow()
})
