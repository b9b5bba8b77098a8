/**
 * Many stock clients in one room, beside the plain server in memory that y-websocket 2 ships: how many updates reach
 * everybody in a second, and how long one takes to its peers, where ours is on disk before anybody sees it.
 * `npm run bench:load`; `-- --clients 200 --updates 400 --paced 200`. Prints a table.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { openDatabase } from '../../src/store/database.ts'
import { createTestRepo } from '../flow/harness.ts'
import { measured, usedBy } from './measured.ts'

const { values: flags } = parseArgs({
  options: {
    clients: { type: 'string', default: '50' },
    updates: { type: 'string', default: '400' },
    paced: { type: 'string', default: '200' },
  },
})
const [clients, updates, paced] = [Number(flags.clients), Number(flags.updates), Number(flags.paced)]
// Each provider listens for the end of the process.
process.setMaxListeners(0)
const dir = mkdtempSync(join(tmpdir(), 'orch-load-'))
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Used {
  readonly cpuMs: number
  readonly rss: number
  readonly delayP50: number
  readonly delayP99: number
  readonly delayMax: number
}

const used = (pid: number): Promise<Used> => usedBy(dir, pid)

interface Room {
  readonly doc: Y.Doc
  readonly provider: WebsocketProvider
  /** The text that this client writes in. */
  readonly text: Y.Text
}

/** A server, the clients in its room, and what it came to. */
interface Side {
  readonly name: string
  readonly pid: number
  readonly rooms: readonly Room[]
}

function enter(
  server: string,
  room: string,
  params: Record<string, string>,
): { doc: Y.Doc; provider: WebsocketProvider } {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(server, room, doc, {
    WebSocketPolyfill: WebSocket as never,
    disableBc: true,
    params,
  })
  return { doc, provider }
}

async function synced({ provider }: { readonly provider: WebsocketProvider }): Promise<void> {
  while (!provider.synced) await pause(5)
}

async function fill(server: string, room: string, params: Record<string, string>, ids: readonly string[]) {
  const rooms: Room[] = []
  for (const id of ids) {
    const one = enter(server, room, params)
    await synced(one)
    const record = one.doc.getMap<Y.Map<unknown>>('tasks').get(id)
    rooms.push({ ...one, text: record?.get('body') as Y.Text })
  }
  return rooms
}

const clockOf = (doc: Y.Doc, client: number): number => Y.getState(doc.store, client)

/** Every client writes all its updates, in turns; over when everybody has everything. Returns milliseconds. */
async function burst(rooms: readonly Room[]): Promise<number> {
  const goal = new Map(rooms.map(({ doc }) => [doc.clientID, clockOf(doc, doc.clientID) + updates]))
  const isWhole = ({ doc }: Room): boolean => [...goal].every(([client, clock]) => clockOf(doc, client) >= clock)
  const start = performance.now()
  for (let i = 0; i < updates; i++) {
    for (const { text } of rooms) text.insert(text.length, 'x')
    await turn()
  }
  while (!rooms.every(isWhole)) await pause(2)
  return performance.now() - start
}

/** One edit of one client, until all others have it. Appends the time to each. */
async function edit(rooms: readonly Room[], by: number, into: number[]): Promise<void> {
  const author = rooms[by % rooms.length] as Room
  const { clientID } = author.doc
  const waiting = rooms.filter((room) => room !== author)
  const clock = clockOf(author.doc, clientID) + 1
  let left = waiting.length
  const start = performance.now()
  await new Promise<void>((resolve) => {
    for (const { doc } of waiting) {
      const look = (): void => {
        if (clockOf(doc, clientID) < clock) return
        doc.off('afterTransaction', look)
        into.push(performance.now() - start)
        if (--left === 0) resolve()
      }
      doc.on('afterTransaction', look)
    }
    author.text.insert(0, 'x')
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function startTheirs(): Promise<{ child: ChildProcess; url: string }> {
  const port = await freePort()
  const utils = createRequire(import.meta.url).resolve('y-websocket-2/bin/utils')
  const child = spawn(process.execPath, ['--import', measured, utils.replace('utils.cjs', 'server.cjs')], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port), ORCH_BENCH_DIR: dir },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  return { child, url: `ws://127.0.0.1:${port}` }
}

const repo = await createTestRepo({
  name: 'load',
  env: {
    NODE_OPTIONS: `--import ${measured}`,
    ORCH_BENCH_DIR: dir,
  },
})
const theirs = await startTheirs()
try {
  const { url, pid } = await repo.json<{ url: string; pid: number }>('status')
  const { token } = await repo.json<{ token: string }>('token', 'show')
  const ids: string[] = []
  for (let i = 0; i < clients; i++) {
    const made = await fetch(`${url}/api/task.create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ title: `Task ${i}` }),
    })
    ids.push(((await made.json()) as { id: string }).id)
  }
  const server = `${url.replace('http', 'ws')}/sync`
  const ours: Side = { name: 'orch', pid, rooms: await fill(server, 'load', { token }, ids) }
  // The same document on both.
  const first = enter(theirs.url, 'load', {})
  await synced(first)
  Y.applyUpdate(first.doc, Y.encodeStateAsUpdate(ours.rooms[0]?.doc as Y.Doc))
  await pause(300)
  const plain: Side = {
    name: 'y-websocket 2',
    pid: theirs.child.pid ?? 0,
    rooms: await fill(theirs.url, 'load', {}, ids),
  }
  first.provider.destroy()

  const sides = [plain, ours]
  const rates = new Map<Side, number>()
  const rows: string[][] = []
  for (const side of sides) {
    await pause(3000)
    await used(side.pid)
    const own = process.cpuUsage()
    const ms = await burst(side.rooms)
    const { user, system } = process.cpuUsage(own)
    const { cpuMs, rss, delayP50, delayP99, delayMax } = await used(side.pid)
    const rate = (clients * updates) / (ms / 1000)
    rates.set(side, rate)
    rows.push([
      side.name,
      `${Math.round(rate)}`,
      `${Math.round(ms)}`,
      `${Math.round(cpuMs)}`,
      `${Math.round((user + system) / 1000)}`,
      `${Math.round(rss / 1e6)}`,
      `${delayP50.toFixed(1)} / ${delayP99.toFixed(1)} / ${delayMax.toFixed(1)}`,
    ])
  }
  say(`\n${clients} stock clients, each with ${updates} updates as fast as they come, in one room\n`)
  say(
    '| server | updates/s | ms in all | its CPU ms | CPU ms of the clients | RSS MB | loop delay ms, p50 / p99 / max |',
  )
  say('|---|---|---|---|---|---|---|')
  for (const row of rows) say(`| ${row.join(' | ')} |`)
  const ratio = (rates.get(ours) ?? 0) / (rates.get(plain) ?? 1)
  say(`\nratio of updates/s: ${ratio.toFixed(1)} (goal: 5)`)

  await pause(6000)
  const db = openDatabase(join(repo.dir, '.git', 'bench.db'))
  db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, bytes BLOB)')
  const bytes = new Uint8Array(100)
  for (const { pid: one } of sides) await used(one)
  const [times, commits] = [new Map<Side, number[]>(sides.map((side) => [side, []])), [] as number[]]
  for (let i = 0; i < paced; i++) {
    for (const side of sides) {
      await edit(side.rooms, i, times.get(side) ?? [])
      await pause(10)
    }
    const start = performance.now()
    db.transaction(() => db.run('INSERT INTO t (bytes) VALUES (?)', bytes))
    commits.push(performance.now() - start)
    await pause(10)
  }
  db.close()
  const cpu = new Map<Side, string>()
  for (const side of sides) cpu.set(side, ((await used(side.pid)).cpuMs / paced).toFixed(2))
  say(`\n${paced} single edits, one after the other: ms from the edit to each other client\n`)
  say('| what | p50 | p95 | CPU ms of the server for each |')
  say('|---|---|---|---|')
  const line = (name: string, values: readonly number[], ms = ''): void =>
    say(`| ${name} | ${percentile(values, 0.5).toFixed(2)} | ${percentile(values, 0.95).toFixed(2)} | ${ms} |`)
  line('y-websocket 2', times.get(plain) ?? [], cpu.get(plain))
  line('one commit of our database', commits)
  line('orch', times.get(ours) ?? [], cpu.get(ours))
  const bound = percentile(times.get(plain) ?? [], 0.5) + percentile(commits, 0.5)
  say(
    `\np50 beside (theirs + one commit): ${(percentile(times.get(ours) ?? [], 0.5) / bound).toFixed(2)} (goal: at most 1.5)`,
  )
  for (const { rooms } of sides) for (const { provider } of rooms) provider.destroy()
} finally {
  theirs.child.kill()
  await repo.remove()
  rmSync(dir, { recursive: true, force: true })
}
process.exit(0)
