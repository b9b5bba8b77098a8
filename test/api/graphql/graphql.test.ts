import { describe, expect, test, vi } from 'vitest'
import { createGraphqlMount } from '../../../src/api/graphql/mount.ts'
import { task } from '../../../src/model/kinds/task.ts'
import type { TestClock } from '../../helpers/clock.ts'
import { byAlice } from '../../helpers/project.ts'
import { serveGraphql } from './server.ts'

/** Promised as it stands. */
const CONTRACT = `query GetCurrentWorkContext {
  project(id: "demo") {
    currentPhase
    overallProgress
    tasks(status: "in_progress") { id title priority estimatedHours dependencies { id title status } }
  }
}`

async function withWork(options: Parameters<typeof serveGraphql>[0] = {}) {
  const served = serveGraphql(options)
  const { call } = served
  const create = async (input: object): Promise<string> => String((await call('task.create', { ...input })).id)
  const done = await create({ title: 'Design', status: 'done' })
  const busy = await create({ title: 'Build', status: 'in_progress', estimatedHours: 2.5, dependencies: [done] })
  const open = await create({ title: 'Test', dependencies: [busy], parent: busy, body: 'On *Fridays*.' })
  await call('state.patch', { patch: { currentPhase: 'beta', overallProgress: 45 } })
  return { ...served, done, busy, open }
}

describe('the promised part', () => {
  test('the query of the current work context', async () => {
    const { ask, busy, done } = await withWork()
    expect(await ask(CONTRACT)).toEqual({
      data: {
        project: {
          currentPhase: 'beta',
          overallProgress: 45,
          tasks: [
            {
              id: busy,
              title: 'Build',
              priority: 'medium',
              estimatedHours: 2.5,
              dependencies: [{ id: done, title: 'Design', status: 'completed' }],
            },
          ],
        },
      },
    })
  })

  test('both mutations; done and completed are one status', async () => {
    const { ask, busy, project } = await withWork()
    const update = `mutation ($id: ID!, $status: String!) { updateTaskStatus(id: $id, status: $status) { id status closedAt } }`
    const updated = await ask(update, { id: busy, status: 'done' })
    expect(updated.data).toMatchObject({ updateTaskStatus: { id: busy, status: 'completed' } })
    expect((await ask('{ tasks(status: "done") { title } }')).data).toEqual({
      tasks: [{ title: 'Build' }, { title: 'Design' }],
    })
    expect((await ask('{ tasks(status: ["completed"], priority: "high") { title } }')).data).toEqual({ tasks: [] })
    const created = await ask(`mutation { createSession(projectId: "${project.id}") { id actor startedAt endedAt } }`)
    expect(created.data).toMatchObject({ createSession: { actor: 'alice', endedAt: null } })
    const sessions = await ask(
      '{ project(id: "demo") { id name activeSessions { actor } } currentContext { tasks { total active completed } sessions { actor } } }',
    )
    expect(sessions.data).toEqual({
      project: { id: project.id, name: 'demo', activeSessions: [{ actor: 'alice' }] },
      currentContext: { tasks: { total: 3, active: 0, completed: 2 }, sessions: [{ actor: 'alice' }] },
    })
  })

  test('another project, another status: refusals travel with their codes, and nothing changes', async () => {
    const { ask, busy } = await withWork()
    expect(await ask('{ project(id: "other") { name } }')).toMatchObject({
      errors: [
        { message: 'There is no project "other"', extensions: { code: 'record_not_found', hint: expect.any(String) } },
      ],
    })
    const bad = await ask(`mutation { updateTaskStatus(id: "${busy}", status: "finished") { id } }`)
    expect(bad.errors).toMatchObject([{ extensions: { code: 'invalid_status' } }])
    expect((await ask(`{ task(id: "${busy}") { status } }`)).data).toEqual({ task: { status: 'in_progress' } })
  })
})

describe('what is derived', () => {
  test('every operation that is no business of files here is a field', async () => {
    const { ask, open } = await withWork({ role: 'admin' })
    const asked = await ask(`{
      taskList(where: ["dependencies"], sort: "title", include: ["lastLog"]) { total items { title dependencies { title } dependencyIds } }
      taskCount(by: "status", all: true) { total groups { value count } }
      search(text: "fridays") { items { id where } }
      graph { edges { from to } criticalPath { hours } }
      stateGet
    }`)
    expect(asked.errors).toBeUndefined()
    expect(asked.data).toMatchObject({
      taskList: { total: 2, items: [{ title: 'Build', dependencies: [{ title: 'Design' }] }, { title: 'Test' }] },
      taskCount: { total: 3 },
      search: { items: [{ id: open, where: 'body' }] },
      graph: { criticalPath: { hours: 3.5 } },
      stateGet: { value: { currentPhase: 'beta' } },
    })
    const written = await ask(`mutation { taskComment(id: "${open}", text: "Tried it") { comment { by text } }
      logAppend(action: "tried", task: "${open}") { action } }`)
    expect(written.errors).toBeUndefined()
    expect(written.data).toMatchObject({
      taskComment: { comment: { by: 'alice', text: 'Tried it' } },
      logAppend: { action: 'tried' },
    })
    const introspected = await ask('{ __schema { mutationType { fields { name } } } }')
    const names = JSON.stringify(introspected.data)
    expect(names).toContain('"undo"')
    expect(names).not.toContain('importBeads')
  })

  test('relations lead both ways, to long texts and what belongs to a record', async () => {
    const { ask, call, busy, open } = await withWork()
    await call('log.append', { action: 'looked', task: open })
    await call('session.start', { goal: 'Get on', tasks: [open] })
    const { data, errors } = await ask(`{ task(id: "${busy}") {
      dependents { title body comments { text } lastLog activeSession { goal actor } }
      subtasks { parent { id } parentId }
      progress { total closed }
    } }`)
    expect(errors).toBeUndefined()
    expect(data).toEqual({
      task: {
        dependents: [
          {
            title: 'Test',
            body: 'On *Fridays*.',
            comments: [],
            lastLog: expect.objectContaining({ action: 'looked' }),
            activeSession: { goal: 'Get on', actor: 'alice' },
          },
        ],
        subtasks: [{ parent: { id: busy }, parentId: busy }],
        progress: { total: 1, closed: 0 },
      },
    })
  })

  test('connections as Relay reads them: every record once, with a cursor each', async () => {
    const { ask, call } = serveGraphql()
    for (let i = 0; i < 7; i++) await call('task.create', { title: `n${i}` })
    const query = `query ($after: String) { tasksConnection(first: 3, after: $after, sort: "title") {
      totalCount edges { cursor node { title } } pageInfo { hasNextPage endCursor } } }`
    const seen: string[] = []
    let after: string | null = null
    for (let more = true; more; ) {
      const { data } = await ask(query, { after })
      const page = (data as never as { tasksConnection: Connection }).tasksConnection
      expect(page.totalCount).toBe(7)
      expect(page.pageInfo.endCursor).toBe(page.edges.at(-1)?.cursor)
      seen.push(...page.edges.map(({ node }) => node.title))
      after = page.pageInfo.endCursor
      more = page.pageInfo.hasNextPage
    }
    expect(seen).toEqual(['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6'])
  })

  test('asked about the past, relations are followed as they were', async () => {
    const { ask, call, clock, busy, open } = await withWork()
    const then = new Date(clock.now()).toISOString()
    await (clock as TestClock).advance(60_000)
    await call('task.update', { id: busy, title: 'Built', status: 'done' })
    await call('task.update', { id: open, removeDependencies: [busy] })
    const query = `query ($asOf: String) { task(id: "${open}", asOf: $asOf) { dependencies { title status dependencies { title } } } }`
    expect((await ask(query, { asOf: then })).data).toEqual({
      task: { dependencies: [{ title: 'Build', status: 'in_progress', dependencies: [{ title: 'Design' }] }] },
    })
    expect((await ask(query)).data).toEqual({ task: { dependencies: [] } })
  })

  test('the number of statements does not grow with the number of records', async () => {
    const statements = async (tasks: number): Promise<number> => {
      const { ask, call, database } = serveGraphql()
      const ids: string[] = []
      for (let i = 0; i < tasks; i++) {
        const { id } = await call('task.create', { title: `n${i}`, dependencies: ids.slice(-2) })
        ids.push(String(id))
      }
      database.failAt(Number.MAX_SAFE_INTEGER, 1, 'reads')
      const before = database.calls
      const { errors, data } = await ask(
        '{ tasks(limit: 100) { title body dependencies { title body dependencies { title lastLog } } dependents { title } } }',
      )
      expect(errors).toBeUndefined()
      expect((data as never as { tasks: unknown[] }).tasks).toHaveLength(tasks)
      return database.calls - before
    }
    const [few, many] = [await statements(5), await statements(40)]
    expect(many).toBe(few)
  })
})

interface Connection {
  readonly totalCount: number
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly title: string } }[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

describe('what is refused', () => {
  test('a reader writes nothing, and a writer administers nothing', async () => {
    const { ask } = await withWork({ role: 'reader' })
    for (const mutation of ['taskCreate(title: "x") { id }', 'createSession(projectId: "demo") { id }']) {
      const { errors } = await ask(`mutation { ${mutation} }`)
      expect(errors).toMatchObject([{ extensions: { code: 'forbidden' } }])
    }
    expect((await ask('{ taskCount { total } }')).data).toMatchObject({ taskCount: { total: 2 } })
    const writer = await withWork()
    expect((await writer.ask('{ tokenShow { token } }')).errors).toMatchObject([{ extensions: { code: 'forbidden' } }])
  })

  test.each([
    ['deep', `{ tasks ${'{ dependencies '.repeat(20)}{ id }${' }'.repeat(20)} }`, /depth|cost/i],
    ['many aliases', `{ ${Array.from({ length: 60 }, (_, i) => `a${i}: tasks { id }`).join(' ')} }`, /alias/i],
    ['long', `{ ${'tasks { id } '.repeat(2000)} }`, /token/i],
    [
      'costly',
      `{ ${Array.from({ length: 28 }, (_, i) => `a${i}: tasks { ${'dependencies { '.repeat(10)}id title body status${' }'.repeat(10)} }`).join(' ')} }`,
      /cost/i,
    ],
    ['no GraphQL', '{ tasks { id ', /Syntax Error/],
    ['an unknown field', '{ tasks { titel } }', /Cannot query field "titel"/],
    ['a huge list', '{ tasks(limit: 1000000) { id } }', /limit/],
  ])('%s', async (_, query, reason) => {
    const { ask } = await withWork()
    const { errors } = await ask(query)
    expect(errors?.[0]?.message).toMatch(reason)
    expect(errors?.[0]?.extensions?.code).toMatch(/^(?:invalid_input|GRAPHQL_(?:PARSE|VALIDATION)_FAILED)$/)
  })

  test('an answer of more records than anybody reads', async () => {
    const { ask, project } = serveGraphql()
    const { task } = await import('../../../src/model/kinds/task.ts')
    const { byAlice } = await import('../../helpers/project.ts')
    await project.transact(byAlice, (tx) => {
      const ids = Array.from({ length: 40 }, (_, i) => tx.create(task, { title: `n${i}` }))
      for (let i = 0; i < 160; i++) tx.create(task, { title: `m${i}`, dependencies: ids })
    })
    const { errors } = await ask('{ tasks(limit: 1000) { dependencies { dependents { dependencies { id } } } } }')
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'too_large' } })
  })

  test('readers do not see the schema where that is configured; writers do', async () => {
    const query = '{ __schema { queryType { name } } }'
    const hidden = await (await withWork({ role: 'reader', readerIntrospection: false })).ask(query)
    expect(hidden.errors?.[0]?.message).toMatch(/introspection/i)
    const near = await (await withWork({ role: 'reader', readerIntrospection: false })).ask('{ tsks { title } }')
    expect(near.errors?.map(({ message }) => message)).toEqual(['Cannot query field "tsks" on type "Query".'])
    expect((await (await withWork({ readerIntrospection: false })).ask(query)).errors).toBeUndefined()
    expect((await (await withWork({ role: 'reader' })).ask(query)).errors).toBeUndefined()
  })
})

describe('subscriptions', () => {
  test('changes: each write once, from a cursor on', async () => {
    const { subscribe, call } = serveGraphql()
    const query = `subscription ($since: String, $kinds: [String!]) { changes(since: $since, kinds: $kinds) { cursor actor changes { kind what fields } } }`
    const events = subscribe(query)
    const first = events.next()
    await new Promise((resolve) => setImmediate(resolve))
    await call('task.create', { title: 'One' })
    const event = (await first).value as { data: { changes: { cursor: string; changes: { what: string }[] } } }
    expect(event.data.changes).toMatchObject({ actor: 'alice', changes: [{ kind: 'task', what: 'created' }] })
    await events.return(undefined)
    await call('state.set', { key: 'a', value: 1 })
    await call('page.write', { path: 'p.md', text: 'x' })
    const later = subscribe(query, { since: event.data.changes.cursor, kinds: ['page'] })
    expect((await later.next()).value).toMatchObject({ data: { changes: { changes: [{ kind: 'page' }] } } })
    await later.return(undefined)
  })

  test('a task as it is and becomes; what is published for somebody', async () => {
    const { subscribe, call } = serveGraphql()
    const { id } = await call('task.create', { title: 'One' })
    const tasks = subscribe(`subscription { task(id: "${id}") { title status } }`)
    expect((await tasks.next()).value).toEqual({ data: { task: { title: 'One', status: 'todo' } } })
    const next = tasks.next()
    await call('task.create', { title: 'Another' })
    await call('task.update', { id, status: 'review' })
    expect((await next).value).toEqual({ data: { task: { title: 'One', status: 'review' } } })
    await tasks.return(undefined)

    const contexts = subscribe('subscription { context(audience: ["mia"]) { title } }')
    const published = contexts.next()
    await new Promise((resolve) => setImmediate(resolve))
    await call('context.publish', { title: 'For Joe', audience: ['joe'] })
    await call('context.publish', { title: 'For all' })
    expect((await published).value).toEqual({ data: { context: { title: 'For all' } } })
    await contexts.return(undefined)
  })

  test('more than a request ever needs is refused before it is read', async () => {
    const { server, principal } = serveGraphql()
    const request = new Request('http://127.0.0.1/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': String(5 << 20) },
      body: '{}',
    })
    await expect(createGraphqlMount(server)(request, principal)).rejects.toMatchObject({ code: 'too_large' })
    expect(request.bodyUsed).toBe(false)
  })

  test('who is here, now and whenever that changes', async () => {
    const { subscribe, show, watchers } = serveGraphql()
    const events = subscribe('subscription { presence { actors replicas } }')
    expect((await events.next()).value).toEqual({ data: { presence: { actors: ['mia'], replicas: [] } } })
    const next = events.next()
    show(['mia'])
    show(['mia', 'joe'])
    expect((await next).value).toMatchObject({ data: { presence: { actors: ['mia', 'joe'] } } })
    await events.return(undefined)
    await vi.waitFor(() => expect(watchers()).toBe(0))
  })
})

test('of words that very many hold, every surface says that it has not counted them all; who counts gets all', async () => {
  const { ask, call, project } = serveGraphql()
  await project.transact(byAlice, (tx) => {
    for (let i = 0; i < 1_050; i++)
      tx.create(task, { title: `Common ${i}`, status: i % 5 === 0 ? 'completed' : 'todo' })
  })
  expect(await call('search', { text: 'common' })).toMatchObject({ total: 1_000, atLeast: true })
  expect(await call('search', { text: 'common 17' })).not.toHaveProperty('atLeast')
  const listed = await call('task.list', { text: 'common', limit: 5 })
  expect(listed).toMatchObject({ atLeast: true, next: expect.any(String), total: expect.any(Number) })
  expect(await call('task.count', { text: 'common', by: 'status', all: true })).toEqual({
    total: 1_050,
    groups: [
      { value: 'todo', count: 840 },
      { value: 'completed', count: 210 },
    ],
  })
  const asked = await ask(`{
    search(text: "common", limit: 1) { total atLeast }
    common: tasksConnection(text: "common", first: 1) { totalCount atLeast }
    few: tasksConnection(text: "common 17", first: 1) { totalCount atLeast }
  }`)
  expect(asked.data).toMatchObject({
    search: { total: 1_000, atLeast: true },
    common: { totalCount: 1_000, atLeast: true },
    few: { totalCount: 11, atLeast: false },
  })
})
