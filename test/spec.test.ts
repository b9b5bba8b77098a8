import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const RULE = /\[([A-Z]\d{1,2}[a-z]?)\]/g
/** Titles begin with their rules: of `test`, `describe` and the steps of a table alike. Long runs are tests, too. */
const TITLE = /(['"`])((?:\[[A-Z]\d{1,2}[a-z]?\],? ?)+)/g

const rules = [...readFileSync(join(root, 'docs/spec.md'), 'utf8').matchAll(/^\| ([A-Z]\d{1,2}[a-z]?) \| \S/gm)].map(
  ([, rule]) => String(rule),
)
const sources = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, 'test', path), 'utf8') }))
const rulesIn = (text: string): readonly string[] => [...text.matchAll(RULE)].map(([, rule]) => String(rule))

test('every rule of docs/spec.md is stated once', () => {
  expect(rules.length).toBeGreaterThan(20)
  expect(rules.filter((rule, i) => rules.indexOf(rule) !== i)).toEqual([])
})

test('every rule is quoted by the title of a test that `npm test` runs', () => {
  const quoted = new Set(
    sources
      .filter(({ path }) => path.endsWith('.test.ts') && !/^(long|bench)[\\/]/.test(path))
      .flatMap(({ text }) => [...text.matchAll(TITLE)].flatMap(([, , brackets]) => rulesIn(String(brackets)))),
  )
  expect(rules.filter((rule) => !quoted.has(rule))).toEqual([])
})

test('no test quotes a rule that docs/spec.md does not state', () => {
  const unknown = sources.flatMap(({ path, text }) =>
    rulesIn(text)
      .filter((rule) => !rules.includes(rule))
      .map((rule) => `${path}: [${rule}]`),
  )
  expect(unknown).toEqual([])
})
