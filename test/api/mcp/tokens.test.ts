import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, test } from 'vitest'
import { partOf } from '../../../src/api/mcp/answer.ts'
import { tokensAtMost } from '../../../src/api/mcp/tokens.ts'
import { makeId } from '../../../src/model/id.ts'
import { createRandom } from '../../helpers/random.ts'

const random = createRandom(7)
const ids = Array.from({ length: 60 }, () => makeId('t', random))
const root = resolve(import.meta.dirname, '../../..')
const samples: Readonly<Record<string, string>> = {
  prose: readFileSync(`${root}/docs/architecture.md`, 'utf8').slice(0, 12_000),
  code: readFileSync(`${root}/src/daemon/daemon.ts`, 'utf8').slice(0, 12_000),
  lockfile: readFileSync(`${root}/package-lock.json`, 'utf8').slice(0, 12_000),
  rows: JSON.stringify(
    ids.map((id) => ({ id, title: 'Fix the login loop', status: 'in_progress', assignee: 'claude' })),
  ),
  ids: ids.join(' '),
  base64: Buffer.from(random(1500)).toString('base64'),
  hex: Buffer.from(random(800)).toString('hex'),
  times: ids.map((_, i) => new Date(1.7e12 + i * 1e7 + i * 77).toISOString()).join(','),
  japanese: 'ログイン画面で無限ループが発生する。設定を保存すると、権限が失われることがある。'.repeat(4),
  german: 'Die Anmeldung bleibt hängen, wenn Übersetzungen fehlen; größere Änderungen müssen überprüft werden. '.repeat(
    4,
  ),
  russian: 'Исправить цикл входа в систему и проверить права пользователя после сохранения. '.repeat(4),
  korean: '로그인 루프를 고치고 권한을 확인하세요. '.repeat(6),
  hindi: 'लॉगिन लूप को ठीक करें और अनुमतियाँ जाँचें। '.repeat(6),
  emoji: '🎉🚀👩‍👩‍👧 ok 🇯🇵✅'.repeat(8),
  camel: 'getUserNameFromHTTPRequest parseJSONResponseIntoDTO XMLHttpRequestFactoryBean '.repeat(6),
}

test.each(Object.entries(samples))('%s: the estimate is at least the count, and not twice as much', (_, text) => {
  const count = countTokens(text)
  expect(tokensAtMost(text)).toBeGreaterThanOrEqual(count)
  expect(tokensAtMost(text)).toBeLessThan(count * 2)
})

test.each(Object.entries(samples))('%s: parts fit, and together are the whole', (_, text) => {
  let [whole, offset] = ['', 0 as number | undefined]
  while (offset !== undefined) {
    const { part, next } = partOf(text, offset, 120)
    expect(tokensAtMost(part)).toBeLessThanOrEqual(123)
    expect(Buffer.from(part).toString()).toBe(part)
    whole += part
    offset = next
  }
  expect(whole).toBe(text)
})
