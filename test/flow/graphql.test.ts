import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createTestRepo, must, type TestRepo } from './harness.ts'

/** Promised as it stands. */
const CONTRACT = `query GetCurrentWorkContext {
  project(id: "orch-next") {
    currentPhase
    overallProgress
    tasks(status: "in_progress") { id title priority estimatedHours dependencies { id title status } }
  }
}`

let repo: TestRepo
let url: string
let token: string
let busy: string
beforeAll(async () => {
  repo = await createTestRepo({ name: 'orch-next' })
  const { id } = await repo.json<{ id: string }>('task', 'create', 'Design', '--status', 'done')
  const made = await repo.json<{ id: string }>('task', 'create', 'Build', '--dependency', id, '--estimate', '2.5')
  busy = made.id
  await must(repo.run(['task', 'update', busy, '--status', 'in_progress']))
  await must(repo.run(['state', 'patch', '{"currentPhase": "beta", "overallProgress": 45}']))
  url = `${(await repo.json<{ url: string }>('status')).url}/graphql`
  token = (await repo.json<{ token: string }>('token', 'show')).token
})
afterAll(() => repo.remove())

async function ask(query: string, headers: Record<string, string> = { authorization: `Bearer ${token}` }) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  })
  return { status: response.status, ...((await response.json()) as { data?: unknown; errors?: unknown }) }
}

test('the promised query and both mutations run over HTTP, by whoever shows a token', async () => {
  expect(await ask(CONTRACT)).toMatchObject({
    status: 200,
    data: {
      project: {
        currentPhase: 'beta',
        overallProgress: 45,
        tasks: [
          { id: busy, title: 'Build', estimatedHours: 2.5, dependencies: [{ title: 'Design', status: 'completed' }] },
        ],
      },
    },
  })
  expect(await ask(`mutation { updateTaskStatus(id: "${busy}", status: "done") { status } }`)).toMatchObject({
    data: { updateTaskStatus: { status: 'completed' } },
  })
  expect(await ask('mutation { createSession(projectId: "orch-next") { id actor } }')).toMatchObject({
    data: { createSession: { id: expect.stringMatching(/^s-/) } },
  })
  expect((await ask(CONTRACT, {})).status).toBe(401)
})

test('there is a page to try queries on, with nothing of the project in it', async () => {
  const page = await fetch(url.replace('/graphql', '/graphiql'))
  expect(page.headers.get('content-type')).toContain('text/html')
  const html = await page.text()
  expect(html).toContain('/graphql')
  expect(html).toContain("new URLSearchParams(location.hash.slice(1)).get('token')")
  expect(html).not.toMatch(/orch-next|Design|<(?:script|link)[^>]+(?:src|href)="https?:/)
})

test('a graphql-ws client asks and listens; the token is in its first message, as browsers send it', async () => {
  const client = createClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  })
  const events = client.iterate<{ task: { title: string } }>({
    query: `subscription { task(id: "${busy}") { title } }`,
  })
  expect((await events.next()).value).toEqual({ data: { task: { title: 'Build' } } })
  const next = events.next()
  await must(repo.run(['task', 'update', busy, '--title', 'Build it']))
  expect((await next).value).toEqual({ data: { task: { title: 'Build it' } } })
  await events.return?.()
  const asked = client.iterate({ query: '{ tasks { titel } }' })
  await expect(asked.next()).rejects.toMatchObject([{ message: expect.stringContaining('titel') }])
  await client.dispose()

  const stranger = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 })
  await expect(stranger.iterate({ query: '{ tasks { id } }' }).next()).rejects.toMatchObject({ code: 4403 })
  await stranger.dispose()
})
