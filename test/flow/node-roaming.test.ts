import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { type CuttingProxy, createCuttingProxy } from '../helpers/cutting-proxy.ts'
import { createTestRedis, hasRedis, type TestRedis } from '../helpers/redis.ts'
import { countOf, must, until } from './harness.ts'
import { type Node, type Nodes, startNodes } from './start-nodes.ts'

interface Client {
  readonly doc: Y.Doc
  readonly provider: WebsocketProvider
  /** The text of a task as this client has it. */
  body(id: string): Y.Text
  /** Names of the others who show themselves. */
  others(): readonly string[]
}

describe.skipIf(!hasRedis)('clients that roam between two nodes on a real Redis', () => {
  let redis: TestRedis
  let started: Nodes
  let a: Node
  let b: Node
  let balancer: CuttingProxy
  const ports: number[] = []
  const clients: Client[] = []
  beforeAll(async () => {
    redis = await createTestRedis()
    started = await startNodes(2, redis.url, { ORCH_DRAIN_MS: '1500' })
    ;[a, b] = started.nodes as readonly [Node, Node]
    for (const { ask } of [a, b]) {
      const { url } = await ask<{ url: string }>('status', {}, 'test')
      ports.push(Number(new URL(url).port))
    }
    balancer = await createCuttingProxy(ports[0] as number)
  })
  afterAll(async () => {
    for (const { provider } of clients) provider.destroy()
    await balancer?.close()
    await started?.remove()
    await redis?.remove()
  })

  const tokenOf = async (name: string): Promise<string> => {
    const { stdout } = await must(a.repo.run(['token', 'create', name, '--role', 'writer', '--actor', name, '--json']))
    return (JSON.parse(stdout) as { result: { token: string } }).result.token
  }
  const connect = async (port: number, token: string, room = 'shop'): Promise<Client> => {
    const doc = new Y.Doc()
    const at = room.lastIndexOf('/')
    const server = `ws://127.0.0.1:${port}/sync${at < 0 ? '' : `/${room.slice(0, at)}`}`
    const provider = new WebsocketProvider(server, room.slice(at + 1), doc, {
      WebSocketPolyfill: WebSocket as never,
      params: { token },
      disableBc: true,
      maxBackoffTime: 500,
    })
    provider.awareness.setLocalStateField('user', { name: 'whoever', color: '#f00' })
    const client: Client = {
      doc,
      provider,
      body: (id) => (doc.getMap('tasks').get(id) as Y.Map<unknown>).get('body') as Y.Text,
      others: () =>
        [...provider.awareness.getStates()]
          .filter(([id]) => id !== doc.clientID)
          .map(([, state]) => (state as { user: { name: string } }).user.name),
    }
    clients.push(client)
    await until(() => provider.synced, 'the first sync')
    return client
  }
  const isReady = async (port: number): Promise<boolean> =>
    await fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )

  test('[P2] offline edits arrive at another node; who is at one is seen at the other; what is revoked at one is at all', async () => {
    const [ada, bob] = [await tokenOf('ada'), await tokenOf('bob')]
    const { id } = await a.ask<{ id: string }>('task.create', { title: 'Shared', body: 'Start.' }, 'test')
    const roamer = await connect(balancer.port, ada)
    await until(() => roamer.doc.getMap('tasks').has(id), 'the task')
    const fixed = await connect(ports[1] as number, bob)
    await until(() => roamer.others().includes('bob') && fixed.others().includes('ada'), 'each sees the other')

    balancer.set('cut')
    await until(() => !roamer.provider.wsconnected, 'offline')
    roamer.body(id).insert(0, 'offline-word ')
    await b.ask('task.update', { id, append: 'meanwhile' }, 'claude')
    await until(() => !fixed.others().includes('ada'), 'gone there')
    balancer.aim(ports[1] as number)
    balancer.set('open')
    await until(() => fixed.body(id).toString().includes('offline-word'), 'the offline edit at the other node')
    await until(() => roamer.body(id).toString().includes('meanwhile'), 'what was written meanwhile')
    const shown = async ({ ask }: Node): Promise<string> =>
      (await ask<{ body: string }>('task.show', { id }, 'test')).body
    await until(async () => (await shown(a)).includes('offline-word'), 'the offline edit at the first node')

    let closed = 0
    roamer.provider.on('connection-close', () => closed++)
    await must(a.repo.run(['token', 'revoke', 'ada']))
    await until(() => closed > 0, 'the connection at the other node is ended')
    expect(
      (
        await fetch(`http://127.0.0.1:${ports[1]}/api/task.list`, {
          method: 'POST',
          headers: { authorization: `Bearer ${ada}` },
        })
      ).status,
    ).toBe(401)
    roamer.provider.disconnect()
  })

  test('[P1] entries of the work log reach every node: by commands, and by a client in the room of the month that roams', async () => {
    const month = new Date().toISOString().slice(0, 7)
    balancer.aim(ports[0] as number)
    balancer.set('open')
    const client = await connect(balancer.port, await tokenOf('ivy'), `shop/log/${month}`)
    const entries = client.doc.getMap('log')
    const add = (n: number): void =>
      void entries.set(`l-0000000${n}`, { at: new Date().toISOString(), actor: 'ivy', action: `in the room ${n}` })
    add(1)
    const actions = async ({ ask }: Node): Promise<readonly string[]> =>
      (await ask<{ items: readonly { action: string }[] }>('log.list', { limit: 100 }, 'test')).items.map(
        ({ action }) => action,
      )
    await until(async () => (await actions(a)).includes('in the room 1'), 'at its node')
    // The way between the nodes is gone for a while: the other node has not heard of the first entry when the client comes.
    await redis.kill()
    balancer.set('cut')
    await until(() => !client.provider.wsconnected, 'offline')
    add(2)
    balancer.aim(ports[1] as number)
    balancer.set('open')
    await until(async () => (await actions(b)).includes('in the room 2'), 'what was added offline at the other node')
    add(3)
    await a.ask('log.append', { action: 'by a command' }, 'claude')
    await redis.start()
    const wanted = ['in the room 1', 'in the room 2', 'in the room 3', 'by a command']
    const all = async (node: Node): Promise<boolean> => {
      const found = await actions(node)
      return wanted.every((action) => found.filter((one) => one === action).length === 1)
    }
    await until(async () => (await all(a)) && (await all(b)), 'every entry once at both')
    await until(() => entries.size >= 4, 'and in the room')
    client.provider.disconnect()
  })

  test('a session goes on at the other node with its key, and its claim with it', async () => {
    const { id } = await a.ask<{ id: string }>('task.create', { title: 'Claimed' }, 'claude')
    const { id: session, key } = await a.ask<{ id: string; key: string }>('session.start', { goal: 'roam' }, 'claude')
    const { claim } = await a.ask<{ claim: { fence: number } }>('claim', { id }, 'claude', key)
    const go = (word: string): Promise<unknown> =>
      b.ask('task.update', { id, append: word, fence: claim.fence }, 'claude', key)
    await until(
      () =>
        go('known').then(
          () => true,
          () => false,
        ),
      'its key and claim at the other node',
    )
    await expect(b.ask('task.update', { id, append: 'no' }, 'claude', `${session}.wrong`)).rejects.toMatchObject({
      code: 'session_key',
    })
    const keeper = (): string => (JSON.parse(redis.cli('hget', leasesKey(), id)) as { replica: string }).replica
    const leasesKey = (): string => redis.cli('keys', '*:leases').trim()
    const { replica } = await b.ask<{ replica: string }>('status', {}, 'test')
    await until(() => keeper() === replica, 'the claim is vouched for by the other node')
    a.kill()
    await go('after the kill')
    // It comes back, and leaves the claim where it is.
    await a.ask('task.show', { id }, 'test')
    await go('and after that')
    expect(keeper()).toBe(replica)
  })

  test('[P1] a node is restarted under a client that types: it says so first, the client goes on at another, nothing is lost', async () => {
    balancer.aim(ports[0] as number)
    balancer.set('open')
    await until(() => isReady(ports[0] as number), 'the first node is ready')
    const typist = await connect(balancer.port, await tokenOf('eve'))
    const { id } = await a.ask<{ id: string }>('task.create', { title: 'Typed', body: 'Start.' }, 'test')
    await until(() => typist.doc.getMap('tasks').has(id), 'the task')
    let typed = 0
    const typing = setInterval(() => typist.body(id).insert(typist.body(id).length, ` key${typed++}.`), 15)
    /** What a balancer does: new connections go to a node that says that it is ready. */
    let servedWhileNotReady = 0
    let isWatching = true
    const watching = (async () => {
      while (isWatching) {
        if (!(await isReady(ports[0] as number))) {
          balancer.aim(ports[1] as number)
          if (
            await fetch(`http://127.0.0.1:${ports[0]}/healthz`).then(
              ({ ok }) => ok,
              () => false,
            )
          )
            servedWhileNotReady++
        }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()
    await until(() => typed > 20, 'some keys')
    await must(a.repo.run(['restart']))
    const at = typed
    await until(() => typed > at + 40, 'more keys')
    clearInterval(typing)
    isWatching = false
    await watching
    // It served on while it said that it is not ready, so nobody was sent to a closed door.
    expect(servedWhileNotReady).toBeGreaterThan(3)
    const whole = async ({ ask }: Node): Promise<boolean> => {
      const { body } = await ask<{ body: string }>('task.show', { id }, 'test')
      return Array.from({ length: typed }, (_, i) => countOf(body, ` key${i}.`)).every((count) => count === 1)
    }
    await until(async () => (await whole(a)) && (await whole(b)), 'every key once at both nodes')
  })
})
