import { expect, test } from 'vitest'
import { createNames } from '../../src/api/import/names.ts'
import { isRecordId } from '../../src/model/id.ts'
import { readForeign } from '../../src/model/import/foreign.ts'

test('keys are read as texts and kept with their source', () => {
  const file = readForeign('---\nid: 007\nnum: 1.50\nlist:\n  - a # why\n  - b\n---\n\nBody\n')
  expect(file).toMatchObject({ ok: true, hasFrontMatter: true, body: 'Body' })
  if (!file.ok) return
  expect([...file.values]).toEqual([
    ['id', '007'],
    ['num', '1.50'],
    ['list', ['a', 'b']],
  ])
  expect(file.sources).toMatchObject({ num: '1.50', list: '\n  - a # why\n  - b' })
})

test.each([
  ['who: @ann', '@ann'],
  ['who: `ls`', '`ls`'],
  ['who: [@ann, bob, @c d]', ['@ann', 'bob', '@c d']],
  ['who:\n  - @ann\n  - bob', ['@ann', 'bob']],
  ["who: ['@ann']", ['@ann']],
  ['who: ann@example.com', 'ann@example.com'],
])('%j is read although YAML reserves the sign', (yaml, expected) => {
  const file = readForeign(`---\n${yaml}\n---\n`)
  expect(file.ok && file.values.get('who')).toEqual(expected)
})

test('a file without front matter is all body', () => {
  expect(readForeign('# Read me\n\n---\n\ntext\n')).toMatchObject({
    hasFrontMatter: false,
    body: '# Read me\n\n---\n\ntext',
  })
})

test.each([
  [
    'a bomb',
    `---\na: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: *c\n---\n`,
  ],
  ['a fence that is not closed', '---\na: 1\n'],
  ['no mapping', '---\n- a\n---\n'],
  ['merge markers', '---\na: 1\n---\n<<<<<<< x\na\n=======\nb\n>>>>>>> y\n'],
])('%s is refused with the reason and the line', (_, text) => {
  expect(readForeign(text)).toEqual({ ok: false, reason: expect.any(String), line: expect.any(Number) })
})

test('old ids are found in any case, with other zeros, and by number when the prefix has changed', () => {
  const ids = ['t-00000001', 't-00000002', 't-00000003', 't-00000004'].filter(isRecordId)
  const aliases = ['BACK-4', 'BACK-4.1', 'DRAFT-7', 'BACK-012']
  const names = createNames(ids.map((id, n) => ({ id, alias: aliases[n] })))
  expect(['back-4', 'task-4', '4', 'task-4.01', 'BACK-12', 'draft-7', 'task-7', 'BACK-5', 'x'].map(names)).toEqual([
    ids[0],
    ids[0],
    ids[0],
    ids[1],
    ids[3],
    ids[2],
    undefined,
    undefined,
    undefined,
  ])
})

test('a number that two old ids share means neither', () => {
  const [a, b] = ['t-00000001', 't-00000002'].filter(isRecordId)
  if (!a || !b) throw new Error('not ids')
  const names = createNames([
    { id: a, alias: 'WEB-1' },
    { id: b, alias: 'APP-1' },
  ])
  expect([names('web-1'), names('task-1')]).toEqual([a, undefined])
})
