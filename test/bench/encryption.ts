/** What an encrypted database costs, beside a plain one in the same run. `npm run bench:encryption` */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noKeys } from '../../src/base/keys.ts'
import { seal, unseal } from '../../src/base/sealed.ts'
import { closeWhole, openDatabase } from '../../src/store/database.ts'
import { keyOf, ringOf } from '../helpers/cipher.ts'

const ROWS = 50_000
const COMMITS = 1_000
const READS = 100_000

function measure(work: () => void): number {
  const from = performance.now()
  work()
  return performance.now() - from
}

function run(ring: typeof noKeys): Record<string, number> {
  const dir = mkdtempSync(join(tmpdir(), 'orch-bench-'))
  const file = join(dir, 'orch.db')
  const text = 'words of a task, '.repeat(12)
  let db = openDatabase(file, ring)
  db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, a TEXT, b BLOB)')
  const put = (n: number): void => db.run('INSERT INTO t VALUES (?, ?, ?)', n, text, Buffer.from(text))
  const bulk = measure(() =>
    db.transaction(() => {
      for (let n = 0; n < ROWS; n++) put(n)
    }),
  )
  const commits = measure(() => {
    for (let n = 0; n < COMMITS; n++) db.transaction(() => put(ROWS + n))
  })
  closeWhole(db)
  const open = measure(() => {
    db = openDatabase(file, ring)
    db.get('SELECT count(*) AS n FROM t')
  })
  const reads = measure(() => {
    for (let n = 0; n < READS; n++) db.get('SELECT a FROM t WHERE n = ?', (n * 7919) % ROWS)
  })
  db.close()
  const size = statSync(file).size
  rmSync(dir, { recursive: true })
  return {
    [`${ROWS} rows in one transaction, ms`]: bulk,
    [`a durable commit of one, of ${COMMITS}, ms`]: commits / COMMITS,
    'opening and reading all pages once, ms': open,
    'a row by its key, µs': (reads / READS) * 1000,
    'the file, MB': size / 1e6,
  }
}

const [plain, encrypted] = [run(noKeys), run(ringOf(keyOf(1)))]
const chunk = Buffer.alloc(128 * 1024, 'rows ')
const sealed = seal(keyOf(1), 'chunks', 'crdt/r/1-2', chunk)
const TIMES = 200
const sealing = measure(() => {
  for (let n = 0; n < TIMES; n++) seal(keyOf(1), 'chunks', 'crdt/r/1-2', chunk)
})
const unsealing = measure(() => {
  for (let n = 0; n < TIMES; n++) unseal([keyOf(1)], 'chunks', 'x', sealed)
})
process.stdout.write('what | plain | encrypted | ratio\n')
for (const [what, before] of Object.entries(plain)) {
  const now = encrypted[what] ?? 0
  process.stdout.write(`${what} | ${before.toFixed(3)} | ${now.toFixed(3)} | ${(now / before).toFixed(2)}\n`)
}
process.stdout.write(
  `a chunk of 128 KiB in git, sealed and opened, ms | | ${(sealing / TIMES).toFixed(2)}, ${(unsealing / TIMES).toFixed(2)} |\n`,
)
