import { expect, test } from 'vitest'
import { endsInQuotes, quoted, shellWords } from '../../src/cli/shell-words.ts'

test.each([
  ['orch task ', ['orch', 'task', '']],
  ['orch  task\tli', ['orch', 'task', 'li']],
  ['', ['']],
  ["orch 'a b' c", ['orch', 'a b', 'c']],
  ['orch "a \\"b\\" $c" d\\ e', ['orch', 'a "b" $c', 'd e']],
  ["orch --label='needs re", ['orch', '--label=needs re']],
  ['orch "half', ['orch', 'half']],
  ["orch '", ['orch', '']],
  ['orch a\\', ['orch', 'a']],
  ["orch x''y ''", ['orch', 'xy', '']],
  ['orch 日本 ', ['orch', '日本', '']],
])('%j are the words %j', (line, words) => {
  expect(shellWords(line)).toEqual(words)
})

test('open quotes are seen, closed ones are not', () => {
  expect(['orch "a', "orch '", "orch --label='needs re"].map(endsInQuotes)).toEqual([true, true, true])
  expect(['orch a', 'orch "a"', "orch ''", "orch 'a' "].map(endsInQuotes)).toEqual([false, false, false, false])
})

test('a quoted word is one word again', () => {
  for (const word of ['needs review', 'a$b', "it's", 'a"b', 'a\\b', '日本', 'area:api', '*', '~x', '#1']) {
    expect(shellWords(quoted(word))).toEqual([word])
  }
  expect(quoted('t-7f3k/日本:a=b')).toBe('t-7f3k/日本:a=b')
})
