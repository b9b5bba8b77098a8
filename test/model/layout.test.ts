import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RecordId } from '../../src/model/id.ts'
import { page } from '../../src/model/kinds/page.ts'
import { checkFile, isIgnoredName, newFileName, pathKey, slug } from '../../src/model/layout.ts'

describe('slug', () => {
  test.each([
    ['Fix: the login -- loop!', 'fix-the-login-loop'],
    ['  ログイン画面を直す（緊急）', 'ログイン画面を直す-緊急'],
    ['Éclair e\u0301t\u0301', 'éclair-ét\u0301'],
    ['../../etc/passwd', 'etc-passwd'],
    ['🎉🎉', 'untitled'],
    ['', 'untitled'],
    ['\u0301', 'untitled'],
    [`${'a'.repeat(59)} b`, 'a'.repeat(59)],
    ['漢'.repeat(80), '漢'.repeat(60)],
  ])('of %j', (title, expected) => {
    expect(slug(title)).toBe(expected)
  })

  test('[M12] the file name of any title can be a file everywhere', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), (title) => {
        expect(checkFile(newFileName(page, 'p-7f3k9q2m' as RecordId, title)), title).toBeUndefined()
      }),
      { numRuns: 3000 },
    )
    const long = newFileName(page, 'p-7f3k9q2m' as RecordId, '𠀀'.repeat(60))
    expect(checkFile(long)).toBeUndefined()
    expect(newFileName(page, 'p-7f3k9q2m' as RecordId, 'Fix it')).toBe('p-7f3k9q2m-fix-it.md')
  })
})

describe('checkFile', () => {
  test.each(['a.md', 'guides/How we release.md', 'ログイン.md', 'a/b/c.d.md', 'console.md', 'null.md'])(
    '[M12] accepts %s',
    (path) => {
      expect(checkFile(path)).toBeUndefined()
    },
  )

  test.each([
    ...['../a.md', 'a/../b.md', './a.md', 'a//b.md', '/a.md', '', 'a.txt', '.md', '.git/a.md', 'a/.hidden.md'],
    ...['con.md', 'a/NUL.md', 'com1.x.md', 'Lpt9/a.md', 'a:b.md', 'a*.md', 'a\\b.md', 'a\u0007.md', 'a\0.md', 'a?.md'],
    ...['a./b.md', 'a /b.md', 'e\u0301.md', `${'x'.repeat(198)}.md`, `${'日'.repeat(66)}.md`, 'a\ud83d.md', '#a#/b.md'],
    `${'a/'.repeat(400)}b.md`,
  ])('[M12] refuses %j and says why', (path) => {
    expect(checkFile(path)).toMatch(/^(?:must|is) /)
  })
})

test('[M12] paths that some system takes for one have one key', () => {
  for (const [a, b] of [
    ['Readme.md', 'README.md'],
    ['\u00e9.md', 'e\u0301.md'],
    ['straße.md', 'STRASSE.md'],
    ['ς.md', 'Σ.md'],
    ['İ.md', 'i̇.md'],
  ] as const) {
    expect(pathKey(a), a).toBe(pathKey(b))
  }
  expect(pathKey('a.md')).not.toBe(pathKey('b.md'))
})

test.each([
  ...['a.md~', '.a.md.swp', '.#a.md', '#a.md#', 'a.md.tmp', 'a.md___jb_tmp___', '4913', '.orch-tmp-1', '.DS_Store'],
])('%s is never a record', (name) => {
  expect(isIgnoredName(name)).toBe(true)
})

test.each(['a.md', '4913.md', 'a#b.md', 'tmp.md', '~a.md'])('%s may be a record', (name) => {
  expect(isIgnoredName(name)).toBe(false)
})
