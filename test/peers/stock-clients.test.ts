import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider as Provider3 } from 'y-websocket'
import { WebsocketProvider as Provider2 } from 'y-websocket-2'
import * as Y from 'yjs'
import { task } from '../../src/model/kinds/task.ts'
import { byAlice } from '../helpers/project.ts'
import { createStockServer } from '../helpers/stock-server.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
})

const until = (holds: () => void) => vi.waitFor(holds, { timeout: 20_000, interval: 10 })

describe.each([
  ['3', Provider3],
  ['2', Provider2],
] as const)('the provider of y-websocket %s', (_, Provider) => {
  const enter = (url: string, token: string, doc = new Y.Doc()) => {
    const provider = new Provider(url, 'p1', doc, {
      WebSocketPolyfill: WebSocket as never,
      disableBc: true,
      params: { token },
      maxBackoffTime: 200,
    })
    undo.push(() => provider.destroy())
    const record = (id: string) => doc.getMap<Y.Map<unknown>>('tasks').get(id) as Y.Map<unknown>
    const body = (id: string) => record(id).get('body') as Y.Text
    const type = (id: string, text: string) => body(id).insert(body(id).length, text)
    return { doc, provider, record, body, type }
  }

  test('[P2] edits made while the server is away arrive when it is back, also those before a reload of the page', async () => {
    const server = await createStockServer(undo)
    const id = await server.project.transact(byAlice, (tx) => tx.create(task, { title: 'one', body: 'text' }))
    const first = enter(server.url, server.token)
    await until(() => expect(first.provider.synced).toBe(true))
    first.type(id, ' online')
    await until(() => expect(server.bodyOf(id)).toBe('text online'))
    await server.stop()
    for (const word of [' a', ' b', ' c']) first.type(id, word)
    // A page that keeps its document itself, as with y-indexeddb, and is loaded anew: another clientID goes on.
    const kept = Y.encodeStateAsUpdate(first.doc)
    first.provider.destroy()
    const doc = new Y.Doc()
    Y.applyUpdate(doc, kept)
    expect(doc.clientID).not.toBe(first.doc.clientID)
    const second = enter(server.url, server.token, doc)
    second.type(id, ' reloaded')
    const again = await server.start()
    await until(() => expect(again.bodyOf(id)).toBe('text online a b c reloaded'))
    second.type(id, ' on')
    await until(() => expect(again.bodyOf(id)).toBe('text online a b c reloaded on'))
    expect(again.project.parked()).toEqual([])
    expect(again.project.read(task, id)?.updatedBy).toBe('bob')
  })

  test('[P2] [P6] a server restored from an older backup gets back what its client wrote, and shows the rest as waiting', async () => {
    const server = await createStockServer(undo)
    const id = await server.project.transact(byAlice, (tx) => tx.create(task, { title: 'one', body: 'text' }))
    const client = enter(server.url, server.token)
    await until(() => expect(client.provider.synced).toBe(true))
    client.type(id, ' early')
    await until(() => expect(server.bodyOf(id)).toBe('text early'))
    await server.project.idle()
    await server.stop()
    server.backup()
    const middle = await server.start()
    await until(() => expect(client.provider.synced).toBe(true))
    client.type(id, ' late')
    const lost = await middle.project.transact(byAlice, (tx) => tx.create(task, { title: 'after the backup' }))
    await until(() =>
      expect([middle.bodyOf(id), client.record(lost)?.get('title')]).toEqual(['text early late', 'after the backup']),
    )
    await middle.stop()
    server.restore()
    client.type(id, ' offline')
    client.type(lost, 'on what is lost')
    const restored = await server.start()
    await until(() => expect(restored.project.parked()).toMatchObject([{ actor: 'bob', count: 1 }]))
    // Typing goes on, key by key, in both.
    const typed = 'y'.repeat(250)
    for (const key of typed) {
      client.type(id, key)
      client.type(lost, key)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const sure = async () => {
      await restored.project.acceptParked('bob')
      expect(restored.bodyOf(id)).toBe(`text early late offline${typed}`)
      expect(restored.project.read(task, lost)?.values).toMatchObject({
        title: 'after the backup',
        body: `on what is lost${typed}`,
      })
    }
    await vi.waitFor(sure, { timeout: 20_000, interval: 50 })
    expect(restored.conduct.refusals()).toEqual([])
    expect(client.provider.wsconnected).toBe(true)
    await until(() => expect(restored.project.parked()).toEqual([]))
    expect(Y.encodeStateAsUpdate(client.doc)).toEqual(restored.project.encodeState())
  })

  test('[R10] [R13] a token that is revoked ends it, and what is refused stops it; both are named', async () => {
    const server = await createStockServer(undo)
    const id = await server.project.transact(byAlice, (tx) => tx.create(task, { title: 'one' }))
    const [one, two] = [enter(server.url, server.token), enter(server.url, server.token)]
    await until(() => expect([one.provider.synced, two.provider.synced]).toEqual([true, true]))
    one.doc.getMap('tasks').delete(id)
    await until(() => expect(server.conduct.refusals()).toMatchObject([{ actor: 'bob', code: 4403 }]))
    expect(server.project.read(task, id)?.values.title).toBe('one')
    server.tokens.revoke('bob')
    await until(() => expect(two.provider.wsconnected).toBe(false))
    two.type(id, 'too late')
    await until(() => expect([one.provider.wsconnected, two.provider.wsconnected]).toEqual([false, false]))
    expect(server.bodyOf(id)).toBe('')
  })
})
