import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, test } from 'vitest'
import { toolTable } from '../../../src/api/mcp/definitions.ts'
import { tools } from '../../../src/api/mcp/tools.ts'
import { operationsOf } from '../../../src/api/operations.ts'
import { must } from '../../../src/base/assert.ts'
import { errorCodes } from '../../../src/base/error.ts'
import type { RecordId } from '../../../src/model/id.ts'
import { task } from '../../../src/model/kinds/task.ts'
import { builtInKinds } from '../../../src/model/kinds.ts'
import type { TestClock } from '../../helpers/clock.ts'
import { alice, byAlice } from '../../helpers/project.ts'
import { createMcpWorld, type Era, table } from './client.ts'

const eras: readonly Era[] = ['legacy', 'modern']

describe('definitions', () => {
  test('all tools, with their output schemas, take at most 2,000 tokens, as each era sends them', async () => {
    const world = createMcpWorld()
    for (const era of eras) {
      const { client } = await world.connect('claude', era)
      const { tools: listed } = await client.listTools()
      expect(listed.map(({ name }) => name)).toEqual(tools.map(({ name }) => name))
      expect(countTokens(JSON.stringify(listed))).toBeLessThanOrEqual(2000)
      for (const tool of listed) {
        expect(tool.outputSchema, tool.name).toMatchObject({ type: 'object' })
        expect(tool.annotations?.destructiveHint ?? false, tool.name).toBe(false)
      }
    }
  })

  test('a tool only reads when all its operations do', () => {
    for (const { name, operations, annotations } of tools) {
      const effects = Object.entries(table.effects).filter(([operation]) =>
        operations.some((one) => (one.startsWith('*') ? operation.endsWith(one.slice(1)) : one === operation)),
      )
      expect(annotations.readOnly === true, name).toBe(effects.every(([, effect]) => effect === 'read'))
    }
  })

  test('a tool of an operation or an input that there is not cannot be made', () => {
    const [first] = tools
    const broken = (change: object) => () =>
      toolTable([{ ...must(first, 'a tool'), ...change }], operationsOf(builtInKinds))
    expect(broken({ operations: ['task.fly'] })).toThrow('no operation task.fly')
    expect(broken({ inputs: { up: { of: 'search#up' } } })).toThrow('no input search#up')
  })
})

describe.each(eras)('in the %s era', (era) => {
  test('records are made, found, read, changed and commented on', async () => {
    const { call } = await createMcpWorld().connect('claude', era)
    const { data } = await call('create', { title: 'Fix the login', text: 'It loops.', fields: { labels: ['ui'] } })
    const id = String(data.id)
    expect((await call('find', { where: { labels: 'ui' } })).data).toMatchObject({ items: [{ id }], total: 1 })
    expect((await call('find', { text: 'loops' })).data).toMatchObject({ items: [{ id, kind: 'task' }] })

    const before = (await call('get', { id })).data.items as readonly { readonly hash: string }[]
    const base = before[0]?.hash
    await call('update', { id, fields: { status: 'review' }, comment: 'Looks good.', base })
    await call('edit', { id, find: 'loops', replace: 'turns round' })
    await call('edit', { id, append: 'On Windows only.' })
    const { text, data: after } = await call('get', { id })
    expect(after).toMatchObject({
      items: [
        {
          status: 'review',
          body: 'It turns round.\n\nOn Windows only.',
          comments: [{ by: 'claude', text: 'Looks good.' }],
          updatedBy: 'claude',
        },
      ],
    })
    expect(text).toContain(`[body of ${id}, last changed by claude]\n> It turns round.\n`)
    expect(await call('update', { id, fields: { status: 'todo' }, base })).toMatchObject({ isError: true })
  })

  test('a page is edited by pieces, and its whole text only replaced by who has read it', async () => {
    const { call } = await createMcpWorld().connect('claude', era)
    await call('create', { kind: 'page', path: 'guides/start.md', title: 'Start', text: 'one\n\ntwo' })
    const refused = await call('edit', { id: 'guides/start.md', text: 'all new' })
    expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('needs the hash') })
    const [page] = (await call('get', { id: 'guides/start.md' })).data.items as readonly Record<string, unknown>[]
    await call('edit', { id: 'guides/start.md', find: 'one', replace: 'first' })
    const stale = await call('edit', { id: 'guides/start.md', text: 'all new', base: page?.hash })
    expect(stale).toMatchObject({ isError: true, text: expect.stringContaining('stale_base') })
    expect((await call('get', { id: 'guides/start.md' })).text).toContain('> first\n>\n> two')
  })

  test('state, log and contexts', async () => {
    const { call } = await createMcpWorld().connect('claude', era)
    await call('update', { id: 'state', fields: { phase: 'beta', progress: 40 } })
    expect((await call('get', { id: 'state' })).data).toMatchObject({ items: [{ id: 'state', phase: 'beta' }] })
    await call('log', { action: 'Ran the tests', details: { failed: 2 } })
    expect((await call('find', { kind: 'log' })).data).toMatchObject({ items: [{ action: 'Ran the tests' }] })
    await call('publish', { type: 'decision', title: 'We keep SQLite', body: 'Nothing else is as small.' })
    expect((await call('find', { kind: 'context', where: { type: 'decision' } })).data).toMatchObject({
      items: [{ title: 'We keep SQLite', publishedBy: 'claude' }],
    })
  })

  test('a task is claimed by one, handed over, and its end fences late writes', async () => {
    const world = createMcpWorld()
    const [claude, codex] = [await world.connect('claude', era), await world.connect('codex', era)]
    const { data } = await claude.call('create', { title: 'Fix the login', fields: { labels: ['ui'] } })
    const id = String(data.id)
    expect((await codex.call('find', { kind: 'ready' })).data).toMatchObject({ items: [{ id }], total: 1 })
    const claimed = await claude.call('claim', { capabilities: ['ui'] })
    expect(claimed.text).toContain(`Claimed ${id}.`)
    expect(await codex.call('claim', { id })).toMatchObject({
      isError: true,
      text: expect.stringContaining('already_claimed'),
    })
    expect((await codex.call('claim')).text).toContain('nothing_ready')
    expect((await codex.call('find', { kind: 'claims' })).data).toMatchObject({
      items: [{ task: id, actor: 'claude' }],
    })

    await claude.call('release', { id, to: 'codex', note: 'Done but for the tests' })
    await codex.call('claim', { id })
    expect(await claude.call('update', { id, fields: { priority: 'low' } })).toMatchObject({ isError: false })
    // Somebody ends the claim of codex, who does not know.
    const lease = must(world.agents.claims.of(id), 'claimed')
    await world.agents.claims.release({ actor: alice, session: undefined, id: lease.task as RecordId, reason: 'gone' })
    const late = await codex.call('update', { id, fields: { status: 'completed' } })
    expect(late).toMatchObject({ isError: true, text: expect.stringContaining('fenced') })
    expect((await codex.call('get', { id })).text).not.toContain('"completed"')
  })

  test('every write about a task that one holds names its claim, and is refused when that has ended', async () => {
    const world = createMcpWorld()
    const { call } = await world.connect('codex', era)
    const id = String((await call('create', { title: 'Fix the login' })).data.id)
    const writes = [
      ['update', { id, fields: { status: 'completed' } }],
      ['update', { id, comment: 'late' }],
      ['edit', { id, append: 'late' }],
      ['log', { action: 'late', task: id.slice(0, 6) }],
      ['publish', { type: 'finding', title: 'late', task: id }],
      ['release', { id }],
      ['release', { id, to: 'claude', note: 'late' }],
    ] as const
    for (const [tool, input] of writes) {
      await call('claim', { id })
      await world.agents.claims.release({ actor: alice, session: undefined, id: id as RecordId, reason: 'gone' })
      expect(await call(tool, input)).toMatchObject({
        isError: true,
        text: expect.stringContaining('fenced: Your claim'),
      })
    }
    const seen = await Promise.all([call('get', { id }), call('find', { text: 'late' }), call('find', { kind: 'log' })])
    expect(seen.map(({ text }) => text).join()).not.toMatch(/late|"completed"/)
  })

  test('what ends a claim oneself is no late write, nor what one says of the task then', async () => {
    const { call } = await createMcpWorld().connect('codex', era)
    const id = String((await call('create', { title: 'Fix the login' })).data.id)
    await call('claim', { id })
    const said = [
      await call('update', { id, fields: { status: 'completed' }, comment: 'It was the cookie.' }),
      await call('log', { action: 'Closed it', task: id }),
      await call('publish', { type: 'finding', title: 'Cookies', task: id }),
    ]
    expect(said.map(({ isError }) => isError)).toEqual([false, false, false])
    expect((await call('get', { id })).text).toContain('It was the cookie.')
  })

  test('a list of only what changed, since a cursor or a time', async () => {
    const world = createMcpWorld()
    const { call } = await world.connect('claude', era)
    const titles = async (input: object): Promise<readonly unknown[]> =>
      ((await call('find', input as never)).data.items as { title: string }[]).map(({ title }) => title)
    const [old, other] = [
      await call('create', { title: 'Old' }),
      await call('create', { title: 'Other', fields: { labels: ['ui'] } }),
    ]
    const { cursor } = (await call('context')).data
    expect(await titles({ since: cursor })).toEqual([])
    await call('update', { id: other.data.id, fields: { priority: 'high' } })
    await call('create', { title: 'New', fields: { labels: ['ui'] } })
    expect(await titles({ since: cursor })).toEqual(['Other', 'New'])
    expect(await titles({ since: cursor, where: { labels: 'ui' }, text: 'new' })).toEqual(['New'])
    await (world.clock as TestClock).advance(3_600_000)
    await call('update', { id: old.data.id, fields: { due: '2027-01-01' } })
    expect(await titles({ since: '30m ago' })).toEqual(['Old'])
    expect((await call('find', { kind: 'ready', since: cursor })).text).toContain('use wait')
    expect((await call('find', { since: 'never' })).text).toContain('invalid_input')
  })

  test('context costs what changed, a message wakes who waits for it, and is read once', async () => {
    const world = createMcpWorld()
    const [claude, codex] = [await world.connect('claude', era), await world.connect('codex', era)]
    const { data: made } = await claude.call('create', { title: 'Fix the login' })
    const first = await codex.call('context')
    expect(first.text).toContain(made.id)
    const { cursor } = first.data

    const waiting = codex.call('wait', { message: true, since: cursor })
    await claude.call('publish', {
      type: 'question',
      title: 'Which port?',
      audience: ['codex'],
      body: 'For the tests.',
    })
    expect((await waiting).data).toMatchObject({
      timedOut: false,
      happened: [{ what: 'message', title: 'Which port?' }],
    })

    const second = await codex.call('context', { since: cursor })
    expect(second.text).toContain('Which port?')
    expect(second.text).not.toContain('Fix the login')
    const { data } = await codex.call('inbox', { read: true })
    expect(data).toMatchObject({ items: [{ type: 'question', publishedBy: 'claude', body: 'For the tests.' }] })
    expect((await codex.call('inbox')).data).toMatchObject({ items: [] })
    expect((await codex.call('inbox', { all: true })).data).toMatchObject({ items: [{ read: true }] })
  })

  test('a client acts in one session, which its first call starts', async () => {
    const { call } = await createMcpWorld().connect('claude', era)
    await call('find')
    await call('session', { do: 'goal', text: 'Fix the login' })
    const { data } = await call('session', { do: 'show' })
    expect(data).toMatchObject({ actor: 'claude', goal: 'Fix the login' })
    await call('session', { do: 'end', text: 'The loop is gone.' })
    const { data: list } = await call('find', { kind: 'session', fields: ['actor', 'endedAt', 'summary'] })
    expect(list.items).toHaveLength(2)
    expect(JSON.stringify(list.items)).toContain('The loop is gone.')
  })

  test('a refusal says what, which and what to do next', async () => {
    const { call } = await createMcpWorld().connect('claude', era)
    expect(await call('get', { id: 't-zzzz' })).toMatchObject({
      isError: true,
      text: `record_not_found: There is no record "t-zzzz"\n${errorCodes.record_not_found.hint}`,
    })
    expect((await call('get', { ids: 'x' })).text).toContain('Invalid ids: there is only id, fields')
    expect((await call('get')).text).toContain('Invalid id: it is missing')
    expect((await call('create', { title: 'x', fields: { priorty: 'high' } })).text).toContain('did you mean priority?')
  })
})

describe('budgets', () => {
  test('a list is cut to 1,500 tokens, and its cursor goes on exactly there', async () => {
    const world = createMcpWorld()
    const { call } = await world.connect('claude')
    const made = new Set<string>()
    for (let i = 0; i < 120; i++) {
      const title = `Task ${i}: let people pay with vouchers, cards and in instalments`
      made.add(String((await call('create', { title, fields: { labels: ['shop', 'pay'] } })).data.id))
    }
    const seen: string[] = []
    let after: unknown
    do {
      const { text, data } = await call('find', after === undefined ? {} : { after })
      expect(countTokens(text)).toBeLessThanOrEqual(1500)
      const items = data.items as readonly { readonly id: string }[]
      if (data.next !== undefined) expect(items.length).toBeGreaterThan(10)
      seen.push(...items.map(({ id }) => id))
      after = data.next
    } while (after !== undefined)
    expect(seen).toHaveLength(120)
    expect(new Set(seen)).toEqual(made)
    expect(countTokens((await call('find', { budget: 300 })).text)).toBeLessThanOrEqual(300)
    const { data } = await call('find', { fields: ['title'], budget: 400 })
    expect(Object.keys((data.items as readonly object[])[0] ?? {})).toEqual(['id', 'title'])
  })

  test('a long text is read on, and nothing of it is left out', async () => {
    const { call } = await createMcpWorld().connect('claude')
    const text = Array.from({ length: 900 }, (_, i) => `Line ${i} of a long page about the shop.`).join('\n')
    await call('create', { kind: 'page', path: 'long.md', title: 'Long', text })
    let [read, offset] = ['', 0 as number | undefined]
    while (offset !== undefined) {
      const answer = await call('get', { id: 'long.md', offset })
      expect(countTokens(answer.text)).toBeLessThanOrEqual(1500)
      const [item] = answer.data.items as readonly { readonly body: string; readonly next?: number }[]
      read += item?.body ?? ''
      offset = item?.next
    }
    expect(read).toBe(text)
  })
})

test('find says so where it has not counted all', async () => {
  const world = createMcpWorld()
  await world.project.transact(byAlice, (tx) => {
    for (let i = 0; i < 1_010; i++) tx.create(task, { title: `Common ${i}` })
  })
  const { call } = await world.connect('claude')
  expect((await call('find', { text: 'common' })).data).toMatchObject({ total: 1_000, atLeast: true })
  expect((await call('find', { text: 'common', kind: 'task' })).data).toMatchObject({ total: 1_000, atLeast: true })
  expect((await call('find', { text: 'common 77' })).data).not.toHaveProperty('atLeast')
  expect((await call('context', { focus: 'common' })).text).toContain('at least 994 focus (orch search')
})
