/**
 * Measures how long the daemon's loop is kept by what it refuses: hostile GraphQL, SQL and files to import, at 10,000
 * tasks. In CPU time of its main thread between two looks of a millisecond, which a busy machine does not lengthen.
 * `npm run bench:refusals`; Linux. Prints a table, and fails where a turn was longer than the goal.
 */
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createTestRepo, must } from '../flow/harness.ts'
import { measured, usedBy } from './measured.ts'
import { populate } from './populate.ts'

const { values: flags } = parseArgs({
  options: { tasks: { type: 'string', default: '10000' }, only: { type: 'string' } },
})
/** Milliseconds. */
const GOAL = 50
const MB = 1 << 20
const say = (text: string): void => void process.stdout.write(`${text}\n`)

const dir = mkdtempSync(join(tmpdir(), 'orch-refusals-'))
const repo = await createTestRepo({
  env: { NODE_OPTIONS: `--import ${measured}`, ORCH_BENCH_DIR: dir, ORCH_BENCH_TURNS: '1' },
})

interface Used {
  readonly turnP99: number
  readonly turnMax: number
  readonly rss: number
}

const used = (pid: number): Promise<Used> => usedBy(dir, pid)

/** Writes a file of so many pieces. */
async function large(name: string, count: number, piece: (i: number) => string, ends = ['', '']): Promise<string> {
  const path = join(dir, name)
  mkdirSync(join(path, '..'), { recursive: true })
  const stream = createWriteStream(path)
  stream.write(ends[0])
  for (let i = 0; i < count; i++) {
    if (!stream.write(piece(i))) await new Promise<void>((resolve) => stream.once('drain', () => resolve()))
  }
  stream.write(ends[1])
  await new Promise<void>((resolve) => stream.end(() => resolve()))
  return path
}
function small(name: string, content: string | Uint8Array): string {
  const path = join(dir, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
  return path
}

try {
  await must(repo.run(['stop']))
  await populate(repo, Number(flags.tasks))
  await must(repo.run(['start']))
  const { url } = await repo.json<{ url: string }>('status')
  const { token } = await repo.json<{ token: string }>('token', 'show')
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const graphql = async (query: string, more: object = {}): Promise<string> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, ...more }),
    })
    const text = await response.text()
    return `${response.status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? text.slice(0, 60)}`
  }
  const orch = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await repo.run([...args, '--json'])
    return `${code} ${/"code":"(\w+)"/.exec(`${stdout}${stderr}`)?.[1] ?? 'done'}`
  }
  const nested = (depth: number): string => `${'dependents { '.repeat(depth)}id${' }'.repeat(depth)}`
  const task = (i: number, body = 'x'): string =>
    JSON.stringify({ id: `bd-${i}`, title: `Issue ${i}`, status: 'open', issue_type: 'task', description: body })

  const attacks: Readonly<Record<string, () => Promise<string>>> = {
    // It loads the packages and the schema; no refusal, but in the same turns.
    'GraphQL, the first request': () => graphql('{ currentContext { project } }'),
    'GraphQL, 200 deep': () => graphql(`{ tasks { nodes { ${nested(200)} } } }`),
    'GraphQL, 20,000 aliases': () =>
      graphql(`{ ${Array.from({ length: 20_000 }, (_, i) => `a${i}: currentContext { project }`).join(' ')} }`),
    'GraphQL, 5,000 fragments in a circle': () =>
      graphql(
        `{ ...f0 } ${Array.from({ length: 5_000 }, (_, i) => `fragment f${i} on Query { ...f${(i + 1) % 5_000} }`).join(' ')}`,
      ),
    'GraphQL, lists of lists': () =>
      graphql('{ tasks(first: 1000) { nodes { dependencies { dependents { dependencies { id } } } } } }'),
    'GraphQL, a list of 100,000,000': () => graphql('{ tasks(first: 100000000) { nodes { id title body } } }'),
    'GraphQL, a query of 8 MB': () => graphql(`{ ${'# '.repeat(4 * MB)}\n currentContext { project } }`),
    'GraphQL, variables of 8 MB': () =>
      graphql('query ($a: [String!]) { tasks(labels: $a) { nodes { id } } }', {
        variables: { a: Array(MB).fill('abcde') },
      }),
    'SQL, without an end': () =>
      orch('sql', 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'),
    'SQL, all with all with all': () =>
      orch('sql', 'SELECT count(*) FROM tasks a, tasks b, tasks c WHERE a.body < b.body'),
    'SQL, much memory': () => orch('sql', 'SELECT group_concat(hex(zeroblob(1000000))) FROM tasks'),
    'SQL, very many rows': () => orch('sql', 'SELECT a.body, b.body FROM tasks a, tasks b', '--limit', '10000'),
    'SQL, attach': () => orch('sql', "ATTACH '/etc/passwd' AS p"),
    'import, 200 MB in one text': async () =>
      orch(
        'import',
        await large('text.json', 200, () => 'x'.repeat(MB), ['{"tasks": [{"title": "', '"}]}']),
        '--dry-run',
      ),
    'import, 15 MB in one object': async () =>
      orch(
        'import',
        await large('one.json', 15, (i) => `{"title": "t${i}", "x": [${'{"a":[1,2]},'.repeat(80_000)}0]},`, [
          '{"tasks": [',
          '0]}',
        ]),
        '--dry-run',
      ),
    'import, Task Master of 15 MB, then broken': async () =>
      orch(
        'import',
        'taskmaster',
        await large(
          'tm/tasks.json',
          30_000,
          (i) => `{"id": ${i}, "title": "t", "description": "${'d'.repeat(400)}", "status": "pending"},`,
          ['{"master": {"tasks": [', ']}}'],
        ),
        '--dry-run',
      ),
    'import, 200 MB of items that are none': async () =>
      orch(
        'import',
        'json',
        await large('none.json', 200 * 1024, () => `"${'x'.repeat(1000)}",`, ['[', '0]']),
        '--dry-run',
      ),
    'import, 200 MB of issues, cut off': async () =>
      orch(
        'import',
        'beads',
        await large('cut/issues.jsonl', 4_000, (i) => `${task(i, 'y'.repeat(50_000))}\n`, ['', '{"id": "bd-']),
        '--dry-run',
      ),
    'import, lists in lists in lists': async () =>
      orch('import', 'json', small('deep.json', '['.repeat(5 * MB)), '--dry-run'),
    'import, UTF-16': async () =>
      orch('import', small('wide.json', Buffer.from(`\ufeff[${task(1)}]`, 'utf16le')), '--dry-run'),
    'import, NUL and bad bytes': async () =>
      orch(
        'import',
        'beads',
        small('bad/issues.jsonl', Buffer.concat([Buffer.alloc(15 * MB, 0xff), Buffer.from('\n')])),
        '--dry-run',
      ),
    'import, an export with a line of 60 MB': async () =>
      orch(
        'import',
        'orch',
        await large('line.jsonl', 60, () => `${'[1,2,3,'.repeat(MB / 8)}`, [
          '{"orch":"export","format":1}\n{"row":"',
          '"}\n',
        ]),
        '--dry-run',
      ),
    'import, 5,000 issues in a circle': async () =>
      orch(
        'import',
        'beads',
        await large(
          'circle/issues.jsonl',
          5_000,
          (i) =>
            `${JSON.stringify({ id: `c-${i}`, title: `C ${i}`, status: 'open', issue_type: 'task', dependencies: [{ issue_id: `c-${i}`, depends_on_id: `c-${(i + 1) % 5_000}`, type: 'blocks' }] })}\n`,
        ),
        '--dry-run',
      ),
    'import, YAML that grows': async () => {
      const bomb = Array.from(
        { length: 12 },
        (_, i) =>
          `a${i}: &a${i} [${Array(9)
            .fill(i === 0 ? 'x' : `*a${i - 1}`)
            .join(', ')}]`,
      )
      small('bombs/one.md', `---\ntitle: t\nstatus: todo\n${bomb.join('\n')}\n---\n`)
      for (let i = 0; i < 20; i++) small(`bombs/b${i}.md`, `---\ntitle: ${'['.repeat(100_000)}\n---\n`)
      return await orch('import', 'markdown', join(dir, 'bombs'), '--dry-run')
    },
    'import, Markdown of 150,000 checkboxes each': async () => {
      for (let i = 0; i < 20; i++) small(`boxes/c${i}.md`, `${'- [ ] box\n'.repeat(150_000)}`)
      return await orch('import', 'markdown', join(dir, 'boxes'), '--dry-run')
    },
    'import, Markdown of blanks without an end': async () => {
      for (const [name, start] of [
        ['h', '# a'],
        ['b', '- [ ] a'],
        ['t', 'a'],
      ])
        small(`blanks/${name}.md`, `${start}${' '.repeat(700_000)}b${'\n'.repeat(700_000)}c`)
      return await orch('import', 'markdown', join(dir, 'blanks'), '--dry-run')
    },
    'import, 5,000 files': async () => {
      for (let i = 0; i < 5_000; i++)
        small(`many/f${i}.md`, `---\nstatus: todo\n---\n# File ${i}\n\n${'text '.repeat(50)}\n`)
      return await orch('import', 'markdown', join(dir, 'many'), '--dry-run')
    },
  }
  say(`| refused, ${flags.tasks} tasks | answer | the longest turn, ms of CPU | p99 | memory, MB |`)
  say('|---|---|---|---|---|')
  const { pid } = await repo.json<{ pid: number }>('status')
  for (const [name, attack] of Object.entries(attacks)) {
    if (flags.only !== undefined && !name.includes(flags.only)) continue
    await used(pid)
    const answer = await attack()
    const { turnMax, turnP99, rss } = await used(pid)
    if (turnMax > GOAL) process.exitCode = 1
    say(
      `| ${name} | ${answer} | ${turnMax.toFixed(0)}${turnMax > GOAL ? ' !' : ''} | ${turnP99.toFixed(1)} | ${Math.round(rss / 1e6)} |`,
    )
  }
  if ((await repo.json<{ pid: number }>('status')).pid !== pid) throw new Error('the daemon did not live through it')
} finally {
  await repo.remove()
  rmSync(dir, { recursive: true, force: true })
}
