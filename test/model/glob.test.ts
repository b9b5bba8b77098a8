import { expect, test } from 'vitest'
import { checkGlob, globsOverlap } from '../../src/model/glob.ts'

test.each([
  ['src/login/**', 'src/login/form.ts', true],
  ['src/login', 'src/login/deep/form.ts', true],
  ['src/*.ts', 'src/main.ts', true],
  ['src/*.ts', 'src/main.js', false],
  ['src/*.ts', 'src/*/main.ts', true],
  ['docs/**', 'src/**', false],
  ['**/*.md', 'docs/a.md', true],
  ['**/*.md', 'docs/**', true],
  ['src/a?.ts', 'src/ab.ts', true],
  ['src/a?.ts', 'src/a.ts', false],
  ['src/a*b*', 'src/*c', true],
  ['.', 'anything', true],
])('%s and %s: %s', (a, b, overlap) => {
  expect([globsOverlap(a, b), globsOverlap(b, a)]).toEqual([overlap, overlap])
})

test('a glob is of paths below the repository', () => {
  expect(checkGlob('src/**')).toBeUndefined()
  for (const bad of ['', '/etc/**', '../x', 'a\nb', 'x'.repeat(301)]) expect(checkGlob(bad)).toBeDefined()
})
