import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { must as assured } from '../../src/base/assert.ts'
import type { Said } from '../api/mcp/client.ts'
import { connectStdio, type RealClient } from '../helpers/mcp.ts'
import { createTestRepo, must, type TestRepo, until } from './harness.ts'

/** The tour of docs/agents-day.md: with ORCH_TOUR=file, what is said is written there. */
const tour: string[] = []

let repo: TestRepo
const agents = new Map<string, RealClient>()

beforeAll(async () => {
  repo = await createTestRepo({ name: 'shop', env: { ORCH_CLAIMS_GRACE_MS: '500', ORCH_GIT_QUIET_MS: '200' } })
  for (const name of ['planner', 'rust', 'web', 'docs', 'reviewer']) {
    agents.set(name, await connectStdio(repo.dir, repo.env, name))
  }
}, 60_000)

afterAll(async () => {
  for (const agent of agents.values()) await agent.close().catch(() => undefined)
  await repo.remove()
  if (process.env.ORCH_TOUR) writeFileSync(process.env.ORCH_TOUR, `${tour.join('\n')}\n`)
})

const agent = (name: string): RealClient => assured(agents.get(name), name)

function tell(who: string, what: string, said: string): void {
  tour.push(`${who}> ${what}`, ...said.split('\n').map((line) => `    ${line}`), '')
}

async function does(who: string, tool: string, args: object = {}): Promise<Said> {
  const said = await agent(who).call(tool, args as Readonly<Record<string, unknown>>)
  tell(who, `${tool} ${JSON.stringify(args)}`, said.text)
  if (said.isError) throw new Error(`${who} ${tool}: ${said.text}`)
  return said
}

const make = async (title: string, fields: object): Promise<string> =>
  String((await does('planner', 'create', { title, fields })).data.id)

test('a day of five agents and a person', async () => {
  const money = await make('Charge cards', { priority: 'critical', labels: ['rust'] })
  const shop = await make('Show the cart', { priority: 'high', labels: ['web'] })
  const words = await make('Explain refunds', { labels: ['docs'] })
  const text = '# Plan\n\nPayments: open.\n\nCart: open.\n\nWords: open.'
  await does('planner', 'create', { kind: 'page', path: 'plan.md', title: 'Plan', text })
  await does('planner', 'update', { id: 'state', fields: { phase: 'beta' } })

  // Each takes what it can do; nobody takes what another has.
  await Promise.all(['rust', 'web', 'docs'].map((who) => does(who, 'claim', { capabilities: [who] })))
  const refused = await agent('web').call('claim', { id: money })
  expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('held by rust') })

  // Three write in one page at once, and a person in its file meanwhile.
  writeFileSync(join(repo.mirror, 'pages/plan.md'), repo.read('orch/pages/plan.md').replace('# Plan', '# The plan'))
  await Promise.all([
    does('rust', 'edit', { id: 'plan.md', find: 'Payments: open.', replace: 'Payments: cards first.' }),
    does('web', 'edit', { id: 'plan.md', find: 'Cart: open.', replace: 'Cart: one page.' }),
    does('docs', 'edit', { id: 'plan.md', append: 'Refunds are explained in the help.' }),
  ])
  await must(repo.run(['sync']))
  const page = repo.read('orch/pages/plan.md')
  for (const piece of ['# The plan', 'Payments: cards first.', 'Cart: one page.', 'explained in the help.']) {
    expect(page).toContain(piece)
  }

  // A question, and its answer; neither asks twice.
  const { data: before } = await does('web', 'context')
  const asked = agent('planner').call('wait', { message: true })
  await does('web', 'publish', { type: 'question', title: 'Does the cart show taxes?', audience: ['planner'] })
  expect((await asked).data).toMatchObject({ happened: [{ what: 'message', by: 'web' }] })
  const answered = agent('web').call('wait', { message: true, since: before.cursor })
  await does('planner', 'publish', { type: 'answer', title: 'Yes, of the country of the buyer.', audience: ['web'] })
  expect((await answered).data).toMatchObject({ happened: [{ what: 'message', by: 'planner' }] })
  await does('web', 'inbox', { read: true })

  // One dies with a task in its hands; another is woken when it is free, and goes on.
  await does('rust', 'log', { action: 'Charged a test card', task: money })
  const free = agent('docs').call('wait', { free: [money], timeout: 30 })
  process.kill(assured(agent('rust').pid, 'a process'), 'SIGKILL')
  expect((await free).data).toMatchObject({ timedOut: false })
  await does('docs', 'update', { id: words, fields: { status: 'completed' } })
  await does('docs', 'claim', { id: money })
  await does('docs', 'update', { id: money, fields: { status: 'completed' }, comment: 'The test card of rust works.' })

  // A hand-over, and a review.
  await does('web', 'release', { id: shop, to: 'reviewer', note: 'Done but for taxes' })
  const told = await does('reviewer', 'context')
  expect(told.text).toContain(shop)
  await does('reviewer', 'claim', { id: shop })
  await does('reviewer', 'update', { id: shop, fields: { status: 'completed' }, comment: 'Taxes are shown.' })

  // What changed since, and no more than that.
  const after = await does('web', 'context', { since: before.cursor })
  expect(after.text).toContain(money)
  await does('web', 'session', { do: 'end', text: 'The cart is handed over to reviewer.' })
  for (const who of ['planner', 'docs', 'reviewer']) await does(who, 'session', { do: 'end', text: 'Done.' })

  await until(() => repo.git('log', '-1', '--format=%s', 'orch-history') !== '', 'the history')
  await must(repo.run(['snapshot']))
  const log = repo.git('log', '--reverse', '--format=%an: %s%n%w(0,4,4)%b', 'orch-history')
  tell('ada', 'git log orch-history', log)
  for (const piece of [
    'Charge cards',
    'created "Plan"',
    'Orch-Actor: Ada',
    'Does the cart show taxes?',
    'Yes, of the country of the buyer.',
    'Done but for taxes',
    'Orch-Actor: rust',
    'Orch-Actor: reviewer',
    'completed',
  ]) {
    expect(log, piece).toContain(piece)
  }
  expect((await repo.run(['doctor'])).code).toBe(0)
}, 120_000)
