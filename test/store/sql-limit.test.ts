import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { noKeys } from '../../src/base/keys.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { createSqlRunner } from '../../src/store/sql.ts'

test('a few queries run at a time and a few wait; more are refused, and there is room again afterwards', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'orch-sql-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const runner = join(dir, 'runner.mjs')
  writeFileSync(runner, 'process.stdin.resume(); console.log(JSON.stringify({ columns: [], rows: [], more: false }))')
  const run = createSqlRunner({ databaseFile: '', keyring: noKeys, kinds: builtInKinds, runner: pathToFileURL(runner) })
  const ask = () =>
    run({ sql: '', limit: 1, timeoutMs: 60_000 }).then(
      () => 'answered',
      ({ code }) => code,
    )
  const outcomes = await Promise.all(Array.from({ length: 25 }, ask))
  expect(outcomes.filter((one) => one === 'answered')).toHaveLength(20)
  expect(outcomes.filter((one) => one === 'busy')).toHaveLength(5)
  expect(await ask()).toBe('answered')
})
