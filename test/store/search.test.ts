import { describe, expect, test } from 'vitest'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { matchExpression, searchTerms } from '../../src/model/search-words.ts'
import { openDatabase } from '../../src/store/database.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'

const texts = [
  'Fix the login loop',
  'Tokens expired on Fridays: the OAuth token-refresh fails',
  '東京都の天気を表示する',
  'ログイン画面が開かない',
  '修复登录页面的错误',
  '한국어 검색을 고친다',
  'Crème brûlée für alle',
  'ﬁne ligatures and ＦＵＬＬＷＩＤＴＨ',
]

async function indexed() {
  const test = createTestProject()
  await test.project.transact(byAlice, (tx) => {
    for (const text of texts) tx.create(task, { title: text })
    tx.create(page, { title: 'Notes', body: `${'word '.repeat(200)}the login of a page` }, { file: 'notes.md' })
    tx.appendLog({ action: 'tried the login', details: { browser: 'ネットスケープ' } })
  })
  const found = (text: string, kinds?: readonly string[]): readonly string[] =>
    test.project.search({ text, kinds, limit: 50 }).items.map(({ title }) => title)
  return { ...test, found }
}

describe('full text', () => {
  test.each([
    ['LOGIN loop', ['Fix the login loop']],
    ['log', ['Fix the login loop', 'tried the login', 'Notes']],
    ['"login loop"', ['Fix the login loop']],
    ['"loop login"', []],
    ['"expired on fri', []],
    ['"expired on fridays', [texts[1]]],
    ['token-refresh', [texts[1]]],
    ['東京', [texts[2]]],
    ['京都', [texts[2]]],
    ['東京都の', [texts[2]]],
    ['東都', []],
    ['天', [texts[2]]],
    ['る', [texts[2]]],
    ['ログイン', [texts[3]]],
    ['画面', [texts[3]]],
    ['登录', [texts[4]]],
    ['검색', [texts[5]]],
    ['creme BRULEE', [texts[6]]],
    ['fine fullwidth', [texts[7]]],
    ['スケープ', ['tried the login']],
    ['% -- "" *', []],
    ['login OR loop', []],
    ['NEAR(login loop)', []],
  ])('%j finds %j', async (text, expected) => {
    const { found } = await indexed()
    expect([...found(text)].sort()).toEqual([...expected].sort())
  })

  test('ranks a title before a text, and shows what stands around the words', async () => {
    const { project, found } = await indexed()
    expect(found('login')).toEqual(['Fix the login loop', 'tried the login', 'Notes'])
    expect(found('login', ['page'])).toEqual(['Notes'])
    expect(project.search({ text: 'login', kinds: ['page'], limit: 1 }).items[0]).toMatchObject({
      where: 'body',
      snippet: expect.stringMatching(/^….*the login of a page$/),
    })
  })

  test('follows edits, deletions and restorations; deleted ones are found among the deleted', async () => {
    const { project, found } = await indexed()
    const [{ id } = { id: '' }] = project.search({ text: 'loop', limit: 1 }).items
    await project.transact(byAlice, (tx) => tx.update(task, id as never, { set: { title: 'Mend the sign-in' } }))
    expect(found('loop')).toEqual([])
    expect(found('sign in')).toEqual(['Mend the sign-in'])
    await project.transact(byAlice, (tx) => tx.delete(task, id as never))
    expect(found('mend')).toEqual([])
    expect(project.list(task, { text: 'mend', deleted: 'only', limit: 5 }).total).toBe(1)
    await project.transact(byAlice, (tx) => tx.restore(task, id as never))
    expect(found('mend')).toEqual(['Mend the sign-in'])
    expect(found(id.slice(0, 5))).toEqual(['Mend the sign-in'])
    project.rebuildIndex()
    expect(found('mend')).toEqual(['Mend the sign-in'])
    expect(project.checkIndex(openDatabase(':memory:'))).toEqual([])
  })

  test('whatever is typed is words, never the query language', () => {
    for (const text of ['a"b', '" " "', 'a:b {c} ^d', "x' OR 1=1", 'NOT', '\u0000', '*', '(', '\ud83d'])
      expect(matchExpression(searchTerms(text))).toMatch(/^(?:"[\p{L}\p{N}\p{M} ]+"(?: \*)?(?: AND )?)*$/u)
  })
})

test('of words that very many hold, the newest are ranked, and any that has them in its title', async () => {
  const { project } = createTestProject()
  await project.transact(byAlice, (tx) => {
    tx.create(task, { title: 'An old one about storms' })
    for (let i = 0; i < 2_050; i++) tx.appendLog({ action: 'looked', details: { at: 'storms' } })
    tx.create(task, { title: 'Weather', body: 'storms' })
  })
  const { items, total, isAtLeast } = project.search({ text: 'storms', limit: 3 })
  expect([total, isAtLeast]).toEqual([1_000, true])
  expect(items.map(({ title }) => title)).toContain('An old one about storms')
  expect(project.search({ text: 'storms', kinds: ['task'], limit: 5 }).total).toBe(2)
})
