import { expect, test } from 'vitest'
import { guardYaml } from '../../src/model/yaml-guard.ts'

test.each([
  ['flow lists', `a: ${'['.repeat(65)}`, 67],
  ['flow maps', `a: ${'{'.repeat(20_000)}`, 67],
  ['lists in one line', `${'- '.repeat(3000)}a`, undefined],
  ['indentation', `a:\n${' '.repeat(300)}b: 1\n`, undefined],
  ['complex keys', 'a: 1\n? b\n: c\n', 5],
  ['complex keys inside lists', '- ? b\n', 2],
  ['size', 'a'.repeat(256 * 1024 + 1), 0],
])('refuses too much of %s, in time that grows with the text only', (_, text, at) => {
  const refused = guardYaml(text)
  expect(refused?.reason).toMatch(/^(?:is|has) /)
  if (at !== undefined) expect(refused?.at).toBe(at)
})

test.each([
  ['nothing', ''],
  ['many flat entries', 'a: [1, 2]\n'.repeat(20_000)],
  ['64 levels', `a: ${'['.repeat(64)}${']'.repeat(64)}\n`],
  ['a question mark in text', 'a: why ? b\n?b: c\n'],
  ['brackets that close', `a: "${'[]'.repeat(1000)}"\n`],
])('lets %s through', (_, text) => {
  expect(guardYaml(text)).toBeUndefined()
})
