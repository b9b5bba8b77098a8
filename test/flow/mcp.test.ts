import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Era } from '../api/mcp/client.ts'
import { connectHttp, connectStdio, type RealClient } from '../helpers/mcp.ts'
import { createTestRepo, must, type TestRepo, until } from './harness.ts'

let repo: TestRepo
const clients: RealClient[] = []
const eras: readonly Era[] = ['legacy', 'modern']

const kept = async (client: Promise<RealClient>): Promise<RealClient> => {
  clients.push(await client)
  return client
}
const stdio = (name: string, era?: Era): Promise<RealClient> => kept(connectStdio(repo.dir, repo.env, name, era))
const http = async (name: string, era?: Era): Promise<RealClient> => {
  const { url } = await repo.json<{ url: string }>('status')
  const { stdout: token } = await must(repo.run(['token', 'show']))
  return await kept(connectHttp(url, token.trim(), name, era))
}
const daemonPid = (): number => JSON.parse(readFileSync(join(repo.dir, '.git/orch/daemon.json'), 'utf8')).pid

beforeAll(async () => {
  repo = await createTestRepo()
}, 30_000)

afterAll(async () => {
  for (const client of clients) await client.close()
  await repo.remove()
})

test('initialize is answered before a daemon is touched, and standard output is the protocol’s alone', async () => {
  await must(repo.run(['stop']))
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../../dist/orch.js'), 'mcp'], {
    cwd: repo.dir,
    env: repo.env,
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  const params = { protocolVersion: '2024-10-07', capabilities: {}, clientInfo: { name: 'old', version: '1' } }
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\nno json\n`)
  await until(() => out.includes('\n'), 'an answer')
  expect(JSON.parse(out)).toMatchObject({
    id: 1,
    result: { protocolVersion: '2024-10-07', serverInfo: { name: 'orch' } },
  })
  expect(existsSync(join(repo.dir, '.git/orch/daemon.json'))).toBe(false)
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`)
  const call = { name: 'create', arguments: { title: 'Fix the login' } }
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: call })}\n`)
  await until(() => out.split('\n').length > 2, 'a second answer')
  for (const line of out.trim().split('\n')) expect(JSON.parse(line).jsonrpc).toBe('2.0')
  expect(await repo.json('task', 'list')).toMatchObject({ items: [{ title: 'Fix the login', createdBy: 'old' }] })
  const closed = new Promise((done) => child.on('close', done))
  child.stdin.end()
  expect(await closed).toBe(0)
  // Its session ended with it.
  expect(await repo.json('session', 'list', '--active')).toMatchObject({ total: 0 })
}, 30_000)

test.each(eras.flatMap((era) => [['stdio', era] as const, ['http', era] as const]))(
  'over %s in the %s era: tools, and what is subscribed to',
  async (way, era) => {
    const { call, follow, updated, client } = await (way === 'stdio' ? stdio('claude', era) : http('claude', era))
    expect((await client.listTools()).tools.length).toBeGreaterThan(9)
    const { data } = await call('create', { title: `Over ${way}` })
    await follow(`orch://task/${data.id}`)
    await must(repo.run(['task', 'update', String(data.id), '--status', 'review']))
    await until(() => updated.includes(`orch://task/${data.id}`), 'the notification')
    expect(await repo.json('task', 'show', String(data.id))).toMatchObject({ status: 'review', createdBy: 'claude' })
  },
  30_000,
)

test.each(eras)(
  '[P1] a client in the %s era does not notice that the daemon is another one',
  async (era) => {
    const { call, follow, updated } = await stdio('codex', era)
    const { data } = await call('create', { title: 'Outlive it' })
    const id = String(data.id)
    await call('claim', { id })
    await follow(`orch://task/${id}`)

    // What happens while no daemon is there is told when the next one is.
    const { file } = await repo.json<{ file: string }>('task', 'show', id)
    await must(repo.run(['stop']))
    writeFileSync(join(repo.mirror, file), repo.read(`orch/${file}`).replace('priority: medium', 'priority: critical'))
    await must(repo.run(['start']))
    await until(() => updated.includes(`orch://task/${id}`), 'word of what it missed')
    expect(await call('update', { id, fields: { priority: 'high' } })).toMatchObject({ isError: false })

    // A wait is under way when the daemon dies; it is asked again of the next.
    const waiting = call('wait', { changed: [id], timeout: 20 })
    await until(async () => (await repo.json<{ items: unknown[] }>('claims')).items.length > 0, 'the claim')
    process.kill(daemonPid(), 'SIGKILL')
    const before = updated.length
    writeFileSync(join(repo.mirror, file), repo.read(`orch/${file}`).replace('Outlive it', 'Outlived'))
    expect((await waiting).data).toMatchObject({ timedOut: false, happened: [{ id }] })
    await until(() => updated.length > before, 'word of the change by hand')
    expect((await call('get', { id })).text).toContain('"title":"Outlived"')
    // What it claimed it still holds.
    expect((await call('find', { kind: 'claims' })).data).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ task: id, actor: 'codex' })]),
    })
  },
  60_000,
)

test('over HTTP, a client whose daemon died is told to begin anew, or goes on at once where each request stands alone', async () => {
  const [legacy, modern] = [await http('old', 'legacy'), await http('new', 'modern')]
  const { data } = await modern.call('create', { title: 'Over HTTP' })
  await legacy.call('claim', { id: data.id })
  const url = async (): Promise<string | undefined> => (await repo.json<{ url?: string }>('status')).url
  const before = await url()
  process.kill(daemonPid(), 'SIGKILL')
  await must(repo.run(['start']))
  await until(async () => (await url()) === before, 'the same port')
  expect((await modern.call('get', { id: data.id })).text).toContain('Over HTTP')
  // What the protocol asks for: the client initializes once more.
  await expect(legacy.call('get', { id: data.id })).rejects.toThrow(/404|Session not found/)
  const again = await http('old', 'legacy')
  expect((await again.call('find', { kind: 'claims' })).data).toMatchObject({
    items: expect.arrayContaining([expect.objectContaining({ task: data.id, actor: 'old' })]),
  })
}, 30_000)

test('outside a repository, and where orch is not set up, tools say what to do', async () => {
  const bare = await createTestRepo({ init: false, name: 'bare' })
  try {
    const client = await connectStdio(bare.dir, bare.env, 'claude')
    const said = await client.call('find')
    expect(said).toMatchObject({ isError: true, text: expect.stringContaining('not_initialised') })
    await client.close()
  } finally {
    await bare.remove()
  }
}, 30_000)
