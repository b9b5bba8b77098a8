import { describe, expect, test } from 'vitest'
import { createDoor } from '../../../src/api/door.ts'
import { createApi } from '../../../src/api/http/api.ts'
import { operationsOf } from '../../../src/api/operations.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { OrchError } from '../../../src/base/error.ts'
import { silentLogger } from '../../../src/base/log.ts'
import { task } from '../../../src/model/kinds/task.ts'
import type { Role } from '../../../src/model/principal.ts'
import { createTestClock } from '../../helpers/clock.ts'
import type { TestProject } from '../../helpers/project.ts'
import { alice, byAlice, createTestProject, principalOf } from '../../helpers/project.ts'
import { createCaller } from '../operations-caller.ts'

function serve(test: TestProject = createTestProject(), role: Role = 'admin', clock: Clock = test.clock) {
  const { project } = test
  const stopping = new AbortController()
  const door = createDoor({
    operations: operationsOf(project.kinds),
    contextOf: ({ actor, session }, call) => ({
      project,
      actor,
      session,
      clock: test.clock,
      parts: createCaller().parts,
      ...call,
    }),
    ready: Promise.resolve(),
    monotonic: () => 0,
    note: () => undefined,
    log: silentLogger,
  })
  const api = createApi({ door, project, clock, version: '1.2.3', stopping: stopping.signal })
  const ask = async (path: string, init?: RequestInit): Promise<Response> => {
    try {
      return await api(new Request(`http://localhost/api/${path}`, init), principalOf(alice, role))
    } catch (error) {
      if (!(error instanceof OrchError)) throw error
      return Response.json({ error: error.toBody() }, { status: error.http })
    }
  }
  const post = (path: string, input: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof input === 'string' ? input : JSON.stringify(input),
    })
  return { ...test, ask, post, stop: () => stopping.abort() }
}

describe('operations', () => {
  test('every operation is a POST, and a read also a GET with its input in the query', async () => {
    const { post, ask } = serve()
    const made = await post('task.create', { title: 'First', labels: ['a', 'b'], estimatedHours: 2 })
    expect(made.status).toBe(200)
    const { id } = (await made.json()) as { id: string }
    for (const status of ['todo', 'review']) await post('task.create', { title: status, status })
    const query = 'task.list?status=todo&status=review&limit=1&labels=a'
    const listed = (await (await ask(query)).json()) as { items: { id: string }[] }
    expect(listed.items.map((item) => item.id)).toEqual([id])
    expect(await (await ask(`task.show?id=${id}`)).json()).toMatchObject({ title: 'First', updatedBy: 'alice' })
  })

  test.each([
    ['an operation that does not exist', 'task.creat', {}, {}, 404, 'usage'],
    ['an unknown field', 'task.create', { titel: 'x' }, {}, 400, 'invalid_input'],
    ['no JSON', 'task.create', '{', {}, 400, 'invalid_input'],
    [
      'a form, which any page could send',
      'task.create',
      'title=x',
      { 'content-type': 'text/plain' },
      400,
      'invalid_input',
    ],
    ['a record that does not exist', 'task.show', { id: 't-00000000' }, {}, 404, 'record_not_found'],
    ['files of this machine', 'import.backlog', { dir: '/etc' }, {}, 403, 'forbidden'],
    ['a base where none is checked', 'task.create', { title: 'x' }, { 'if-match': '"1"' }, 400, 'invalid_input'],
    [
      'what is nested too deeply',
      'state.set',
      `{"key":"k","value":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      {},
      400,
      'invalid_input',
    ],
  ])('[P6] %s is refused with status and code', async (_, path, input, headers, status, code) => {
    const answer = await serve().post(path, input, headers as Record<string, string>)
    expect([answer.status, (await answer.json()) as unknown]).toMatchObject([status, { error: { code } }])
  })

  test('a write is not asked by GET', async () => {
    const answer = await serve().ask('task.create?title=x')
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  })

  test('[M6] If-Match is the base of a change, and the answer names the new content', async () => {
    const { post, ask } = serve()
    const { id } = (await (await post('task.create', { title: 'First' })).json()) as { id: string }
    const etag = (await ask(`task.show?id=${id}`)).headers.get('etag') ?? ''
    expect(etag).toMatch(/^".+"$/)
    const changed = await post('task.update', { id, title: 'Second' }, { 'if-match': etag })
    expect([changed.status, changed.headers.get('etag') === etag]).toEqual([200, false])
    const stale = await post('task.update', { id, title: 'Third' }, { 'if-match': etag })
    expect([stale.status, await stale.json()]).toMatchObject([412, { error: { code: 'stale_base' } }])
  })

  test('the OpenAPI document has what the caller may call, with every schema resolved', async () => {
    const read = async (role: Role) =>
      (await (await serve(undefined, role).ask('openapi.json')).json()) as { paths: Record<string, object> }
    const [admin, reader] = [await read('admin'), await read('reader')]
    expect(Object.keys(admin.paths)).toEqual(expect.arrayContaining(['/task.create', '/task.list', '/changes']))
    expect(Object.keys(admin.paths)).not.toContain('/import.backlog')
    expect(admin.paths['/task.list']).toMatchObject({ get: { parameters: expect.any(Array) }, post: {} })
    expect(admin.paths['/task.create']).not.toHaveProperty('get')
    expect(Object.keys(reader.paths)).not.toContain('/task.create')
    const refs = [...JSON.stringify(admin).matchAll(/"\$ref":"#\/(?<path>[^"]+)"/g)].map(
      ({ groups }) => groups?.path ?? '',
    )
    for (const path of new Set(refs)) {
      const found = path.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], admin)
      expect(found, path).toBeDefined()
    }
  })
})

interface Event {
  readonly id: string
  readonly data: { readonly replica: string; readonly seq: number; readonly changes: readonly object[] }
}

/** Reads a stream of events on demand. */
function eventsOf(response: Response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  let last = ''
  const take = (): Event | undefined => {
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const value = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      last = value('id') ?? last
      const data = value('data')
      if (data !== undefined) return { id: last, data: JSON.parse(data) as Event['data'] }
    }
    return undefined
  }
  return {
    async next(): Promise<Event | 'ended'> {
      for (;;) {
        const event = take()
        if (event) return event
        const chunk = await reader?.read()
        if (!chunk || chunk.done) return 'ended'
        text += chunk.value
      }
    },
    async take(count: number): Promise<Event[]> {
      const events: Event[] = []
      while (events.length < count) events.push((await this.next()) as Event)
      return events
    },
    raw: async () => (await reader?.read())?.value,
    cursor: () => last,
    cancel: () => reader?.cancel(),
  }
}

const follow = async ({ ask }: ReturnType<typeof serve>, cursor?: string, query = '') =>
  eventsOf(await ask(`changes${query}`, { headers: cursor === undefined ? {} : { 'last-event-id': cursor } }))

describe('changes', () => {
  test('what happens from now on comes as it happens, with who and what', async () => {
    const world = serve()
    await world.project.transact(byAlice, (tx) => tx.create(task, { title: 'before' }))
    const stream = await follow(world)
    const id = await world.project.transact(byAlice, (tx) => tx.create(task, { title: 'after' }))
    expect(await stream.next()).toMatchObject({
      data: { actor: 'alice', source: 'api', changes: [{ kind: 'task', id, what: 'created' }] },
    })
    await world.project.transact(byAlice, (tx) => tx.delete(task, id))
    expect(await stream.next()).toMatchObject({ data: { changes: [{ kind: 'task', id, what: 'deleted' }] } })
    await stream.cancel()
  })

  test('[P1] each row comes exactly once, in order, whatever cuts the stream: readers, restarts, writes in between', async () => {
    let world = serve()
    const write = (title: string) => world.project.transact(byAlice, (tx) => tx.create(task, { title }))
    const stream = await follow(world)
    await stream.raw()
    await stream.cancel()
    let cursor = '0'
    const seen: number[] = []
    for (let round = 0; round < 12; round++) {
      const from = await follow(world, cursor)
      const writes = Array.from({ length: 1 + ((round * 7) % 5) }, (_, i) => write(`${round}-${i}`))
      if (round % 2 === 0) await Promise.all(writes)
      const events = await from.take(round % 3 === 0 ? 1 : writes.length)
      seen.push(...events.map(({ data }) => data.seq))
      cursor = events.at(-1)?.id ?? cursor
      await Promise.all(writes)
      await from.cancel()
      if (round % 4 === 3) world = serve(world.reopen())
    }
    const rest = await follow(world, cursor)
    const left = world.project.rowCount() - seen.length
    seen.push(...(await rest.take(left)).map(({ data }) => data.seq))
    expect(seen).toEqual(Array.from({ length: world.project.rowCount() }, (_, i) => i + 1))
    await rest.cancel()
  })

  test('who reads slowly is not queued for: it is read from the journal when it asks', async () => {
    const world = serve()
    let reads = 0
    const { project } = world
    const counted = {
      ...project,
      changedSince: (...args: Parameters<typeof project.changedSince>) => {
        reads++
        return project.changedSince(...args)
      },
    }
    const slow = serve({ ...world, project: counted })
    const stream = await follow(slow)
    for (let i = 0; i < 300; i++) await project.transact(byAlice, (tx) => tx.setKey('state', 'k', i))
    expect(reads).toBeLessThan(5)
    const events = await stream.take(300)
    expect(new Set(events.map(({ data }) => data.seq)).size).toBe(300)
    await stream.cancel()
  })

  test('[P1] a commit that failed moves no cursor past what is written in its place', async () => {
    const world = serve()
    world.database.failAt(5)
    await expect(world.project.transact(byAlice, (tx) => tx.setKey('state', 'k', 1))).rejects.toThrow()
    const stream = await follow(world, '0')
    await stream.raw()
    world.database.heal()
    await world.project.transact(byAlice, (tx) => tx.setKey('state', 'k', 2))
    expect(await stream.next()).toMatchObject({ data: { seq: 1, changes: [{ id: 'k' }] } })
    await stream.cancel()
  })

  test('with a kind, the cursor still moves past what is left out', async () => {
    const world = serve()
    const stream = await follow(world, '0', '?kind=task')
    await world.project.transact(byAlice, (tx) => tx.setKey('state', 'k', 1))
    const id = await world.project.transact(byAlice, (tx) => tx.create(task, { title: 'a' }))
    expect(await stream.next()).toMatchObject({ data: { seq: 2, changes: [{ id }] } })
    await stream.cancel()
  })

  test('a quiet stream shows that it is alive, and ends when the daemon stops', async () => {
    const clock = createTestClock()
    const world = serve(createTestProject({ clock }), 'reader', clock)
    const stream = await follow(world)
    expect(await stream.raw()).toContain('retry: 1000')
    const beat = stream.raw()
    await clock.advance(15_000)
    expect(await beat).toBe(': alive\n\n')
    const end = stream.next()
    world.stop()
    expect(await end).toBe('ended')
  })

  test('[P6] what is no cursor is refused', async () => {
    const answer = await serve().ask('changes?since=yesterday')
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'invalid_input' } }])
  })
})
