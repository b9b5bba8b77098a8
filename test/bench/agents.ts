/**
 * Measures what agents pay: tokens of what they read, against reading the files or a whole list, and how long a tool call
 * takes. `npm run bench:agents`; real tasks with `-- --beads path/to/issues.jsonl` or ORCH_BEADS. Prints a table.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { createTestRepo, must, type TestRepo } from '../flow/harness.ts'
import { connectStdio, type RealClient } from '../helpers/mcp.ts'
import { populate } from './populate.ts'

const { values: flags } = parseArgs({
  options: {
    beads: { type: 'string', default: process.env.ORCH_BEADS ?? '' },
    tasks: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '51' },
  },
})
const REAL = 1000
const CHANGES = 10
const runs = Number(flags.runs)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const tokens = (text: string): number => countTokens(text, { disallowedSpecial: new Set() })
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

async function withTasks(count: number, beads: string): Promise<TestRepo> {
  const repo = await createTestRepo()
  if (beads === '') {
    await must(repo.run(['stop']))
    await populate(repo, count)
  } else {
    const lines = readFileSync(beads, 'utf8').split('\n').slice(0, count)
    mkdirSync(join(repo.dir, 'old/.beads'), { recursive: true })
    writeFileSync(join(repo.dir, 'old/.beads/issues.jsonl'), `${lines.join('\n')}\n`)
    await must(repo.run(['import', 'beads', 'old']))
  }
  await must(repo.run(['sync']))
  return repo
}

function filesOf(repo: TestRepo): string {
  const dir = join(repo.mirror, 'tasks')
  return readdirSync(dir)
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .join('\n')
}

async function tokenTable(): Promise<void> {
  const repo = await withTasks(REAL, flags.beads)
  const agent = await connectStdio(repo.dir, repo.env, 'claude-code')
  const other = await connectStdio(repo.dir, repo.env, 'codex')
  try {
    const definitions = tokens(JSON.stringify((await agent.client.listTools()).tools))
    const first = await agent.call('context')
    const list = async (): Promise<number> =>
      tokens((await must(repo.run(['task', 'list', '--all', '--limit', '1000', '--json']))).stdout)
    const [files, all] = [tokens(filesOf(repo)), await list()]
    const ids = ((await other.call('find', { fields: ['title'] })).data.items as { id: string }[]).map(({ id }) => id)
    for (const id of ids.slice(0, CHANGES)) {
      await other.call('update', { id, fields: { status: 'in_progress' }, comment: 'Begun.' })
    }
    await must(repo.run(['sync']))
    const second = await agent.call('context', { since: first.data.cursor })
    const [again, listed] = [tokens(filesOf(repo)), await list()]
    const rows = [
      ['definitions of all tools', definitions, 0, 0],
      [`first context of ${REAL} ${flags.beads ? 'real' : 'made'} tasks`, tokens(first.text), files, all],
      [`catch-up after ${CHANGES} changes`, tokens(second.text), again, listed],
    ] as const
    say('| tokens (o200k) | by MCP | reading the files | `task list --json` | saved |')
    say('|---|---|---|---|---|')
    for (const [what, own, byFiles, byList] of rows) {
      const saved = byList === 0 ? '' : `${(100 - (100 * own) / Math.min(byFiles, byList)).toFixed(1)} %`
      say(`| ${what} | ${own} | ${byFiles || ''} | ${byList || ''} | ${saved} |`)
    }
    const isGood = definitions <= 2000 && tokens(second.text) <= 0.05 * Math.min(again, listed)
    if (!isGood) process.exitCode = 1
  } finally {
    await agent.close()
    await other.close()
    await repo.remove()
  }
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  await call()
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  return median(times)
}

async function wakes(waiter: RealClient, teller: RealClient): Promise<number> {
  const times: number[] = []
  const { data } = await teller.call('create', { title: 'Waited for' })
  for (let run = 0; run < 11; run++) {
    const waiting = waiter.call('wait', { changed: [String(data.id)], timeout: 20 }).then(() => performance.now())
    // It must be waiting when the change is made.
    await teller.call('find', { budget: 200 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const start = performance.now()
    await teller.call('update', { id: data.id, fields: { estimatedHours: run } })
    times.push((await waiting) - start)
  }
  return median(times)
}

async function timeTable(): Promise<void> {
  const repo = await withTasks(Number(flags.tasks), '')
  const agent = await connectStdio(repo.dir, repo.env, 'claude-code')
  const other = await connectStdio(repo.dir, repo.env, 'codex')
  try {
    const { data } = await agent.call('create', { title: 'Measured' })
    let n = 0
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      'find, a page': () => agent.call('find'),
      'find, by words': () => agent.call('find', { text: 'daemon keeps' }),
      'find ready': () => agent.call('find', { kind: 'ready' }),
      get: () => agent.call('get', { id: data.id }),
      context: () => agent.call('context'),
      'update, durable': () => agent.call('update', { id: data.id, fields: { estimatedHours: n++ } }),
    }
    say(`\n| warm tool call, ${flags.tasks} tasks, over stdio | median |`)
    say('|---|---|')
    say(`| tools/list (the protocol alone) | ${(await timed(() => agent.client.listTools())).toFixed(1)} ms |`)
    for (const [what, call] of Object.entries(calls)) say(`| ${what} | ${(await timed(call)).toFixed(1)} ms |`)
    say(`| wait: from the change's call to the waiter's answer | ${(await wakes(agent, other)).toFixed(1)} ms |`)
  } finally {
    await agent.close()
    await other.close()
    await repo.remove()
  }
}

await tokenTable()
await timeTable()
