import { fork } from 'node:child_process'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { task } from '../../src/model/kinds/task.ts'
import { byAlice } from '../helpers/project.ts'
import { createStockServer } from '../helpers/stock-server.ts'

const CROWD = Number(process.env.ORCH_IDLE_CONNECTIONS ?? 10_000)

test(`[R8] ${CROWD} idle connections that come again and again: memory stays bounded, clients get in and go on`, async () => {
  const undo: (() => unknown)[] = []
  try {
    const server = await createStockServer(undo)
    const id = await server.project.transact(byAlice, (tx) => tx.create(task, { title: 'one', body: 'text' }))
    const enter = () => {
      const doc = new Y.Doc()
      const provider = new WebsocketProvider(server.url, 'p1', doc, {
        WebSocketPolyfill: WebSocket as never,
        disableBc: true,
        params: { token: server.token },
        maxBackoffTime: 500,
      })
      undo.push(() => provider.destroy())
      return { doc, provider }
    }
    const before = enter()
    await vi.waitFor(() => expect(before.provider.synced).toBe(true), { timeout: 10_000 })
    globalThis.gc?.()
    const rss = process.memoryUsage.rss()
    // From another address of this machine: who crowds has one.
    const child = fork(join(import.meta.dirname, 'idle-crowd.mjs'), [
      new URL(server.url).port,
      String(CROWD),
      '127.0.0.9',
    ])
    undo.push(() => child.kill())
    let crowd = { standing: 0, opened: 0 }
    child.on('message', (message) => {
      crowd = message as typeof crowd
    })
    await vi.waitFor(() => expect(crowd.opened).toBeGreaterThan(CROWD), { timeout: 120_000, interval: 100 })
    const late = enter()
    await vi.waitFor(() => expect(late.provider.synced).toBe(true), { timeout: 30_000 })
    const text = (late.doc.getMap('tasks').get(id) as Y.Map<unknown>).get('body') as Y.Text
    text.insert(0, 'late ')
    await vi.waitFor(() => expect(server.bodyOf(id)).toBe('late text'), { timeout: 10_000 })
    expect(before.provider.wsconnected).toBe(true)
    expect(process.memoryUsage.rss() - rss).toBeLessThan(300e6)
    process.stdout.write(
      `${crowd.opened} opened, ${crowd.standing} stood at last; ${Math.round((process.memoryUsage.rss() - rss) / 1e6)} MB more\n`,
    )
  } finally {
    for (const step of undo.toReversed()) await step()
  }
}, 300_000)
