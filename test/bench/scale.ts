/**
 * What a connection, an update and a record cost one node; what it costs to be three; and three real nodes on a real Redis
 * with many simulated agents, each on a connection of its own.
 * `npm run bench:scale [-- --agents 1000 --seconds 60 --think 10 --tasks 2000 --clients 200]`.
 */
import { readFileSync, statSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { must, until } from '../flow/harness.ts'
import { type Node, startNodes } from '../flow/start-nodes.ts'
import { createTestRedis, type TestRedis } from '../helpers/redis.ts'

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    think: { type: 'string', default: '10' },
    tasks: { type: 'string', default: '2000' },
    clients: { type: 'string', default: '200' },
    part: { type: 'string', default: 'all' },
  },
})
const [agents, seconds, think, tasks, clients] = [
  values.agents,
  values.seconds,
  values.think,
  values.tasks,
  values.clients,
].map(Number) as [number, number, number, number, number]

const TICKS_PER_SECOND = 100
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const rssOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
/** Seconds of CPU used so far. */
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
const own = (): number => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6
const MB = 1e6
const round = (value: number, digits = 1): string => value.toFixed(digits)
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): void => {
  const lines = [head, head.map(() => '---'), ...rows]
  process.stdout.write(`\n${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`)
}
const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0

interface Target {
  readonly node: Node
  readonly port: number
  readonly token: string
}
async function targetOf(node: Node): Promise<Target> {
  const { url } = await node.ask<{ url: string }>('status', {}, 'bench')
  const { stdout } = await must(node.repo.run(['token', 'show', '--json']))
  const { token } = (JSON.parse(stdout) as { result: { token: string } }).result
  return { node, port: Number(new URL(url).port), token }
}

/** A caller on a connection of its own, which stays. */
function createCaller({ port, token }: Target, actor: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    /** The answer, or the code of the refusal. */
    call: (operation: string, input: object): Promise<{ readonly code?: string; readonly result?: never }> =>
      new Promise((resolve, reject) => {
        const body = JSON.stringify(input)
        const headers = {
          authorization: `Bearer ${token}`,
          'orch-actor': actor,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }
        const asked = request(
          { port, host: '127.0.0.1', path: `/api/${operation}`, method: 'POST', agent, headers },
          (response) => {
            let text = ''
            response.setEncoding('utf8').on('data', (chunk: string) => {
              text += chunk
            })
            response.on('end', () => {
              const answer = JSON.parse(text) as { error?: { code: string } }
              resolve(answer.error ? { code: answer.error.code } : { result: answer as never })
            })
          },
        )
        asked.on('error', reject)
        asked.end(body)
      }),
    close: () => agent.destroy(),
  }
}

/** So many callers write as fast as they are answered, for some seconds. */
async function saturate(targets: readonly Target[], writers: number, forSeconds: number, ids: readonly string[]) {
  const times: number[] = []
  const until_ = performance.now() + forSeconds * 1000
  const began = targets.map(({ node }) => cpuOf(node.pid()))
  await Promise.all(
    targets.flatMap((target, t) =>
      Array.from({ length: writers }, async (_, i) => {
        const caller = createCaller(target, `w${t}.${i}`)
        for (let n = 0; performance.now() < until_; n++) {
          const at = performance.now()
          const { code } = await caller.call('task.update', {
            id: ids[(n * 7 + i * 13 + t * 29) % ids.length],
            append: `w${n}`,
          })
          if (code === undefined) times.push(performance.now() - at)
        }
        caller.close()
      }),
    ),
  )
  await wait(1500)
  const cpu = targets.map(({ node }, i) => cpuOf(node.pid()) - (began[i] ?? 0))
  times.sort((a, b) => a - b)
  return {
    writes: times.length,
    perSecond: times.length / forSeconds,
    cpu,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
  }
}

const redisFacts = (redis: TestRedis) => {
  const text = redis.cli('info')
  const of = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(text)?.[1] ?? 0)
  return {
    cpu: of('used_cpu_user') + of('used_cpu_sys'),
    memory: of('used_memory'),
    bytesIn: of('total_net_input_bytes'),
    bytesOut: of('total_net_output_bytes'),
  }
}

async function createTasks(target: Target, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  let next = 0
  const one = async (n: number): Promise<void> => {
    const caller = createCaller(target, `bench-${n}`)
    while (next < count) {
      const i = next++
      const body = `What is to be done, in a few sentences that say why it matters and how one sees that it is done. Part ${i}.`
      const { result } = await caller.call('task.create', {
        title: `Task ${i} of the bench`,
        body,
        labels: [`area-${i % 20}`],
      })
      ids.push((result as unknown as { id: string }).id)
    }
    caller.close()
  }
  await Promise.all(Array.from({ length: 8 }, (_, n) => one(n)))
  return ids
}

/** One node by itself: what a record, a connection and an update cost. */
async function oneNode(): Promise<void> {
  const started = await startNodes(1, '')
  try {
    const [node] = started.nodes as readonly [Node]
    const target = await targetOf(node)
    const pid = node.pid()
    const database = (): number => {
      const file = join(node.repo.dir, '.git/orch/orch.db')
      return statSync(file).size + (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)
    }
    await createTasks(target, 50)
    await wait(2000)
    const before = { rss: rssOf(pid), cpu: cpuOf(pid), database: database() }
    const ids = await createTasks(target, tasks)
    await wait(3000)
    const after = { rss: rssOf(pid), cpu: cpuOf(pid), database: database() }

    const sockets: WebSocket[] = []
    const connecting = { rss: rssOf(pid), cpu: cpuOf(pid) }
    for (let i = 0; i < clients; i++) {
      const socket = new WebSocket(`ws://127.0.0.1:${target.port}/sync/shop?token=${target.token}`, {
        headers: { 'orch-actor': `client-${i}` },
      })
      socket.on('error', () => undefined)
      sockets.push(socket)
      await new Promise((resolve) => socket.once('open', resolve))
      // What a client that holds nothing asks: all that there is.
      socket.send(Uint8Array.of(0, 0, 1, 0))
      await new Promise((resolve) => socket.once('message', resolve))
    }
    await wait(3000)
    const connected = { rss: rssOf(pid), cpu: cpuOf(pid) }
    await wait(10_000)
    const idle = cpuOf(pid) - connected.cpu
    for (const socket of sockets) socket.terminate()
    await wait(2000)
    const callers = Array.from({ length: clients }, (_, i) => createCaller(target, `idle-${i}`))
    const opening = rssOf(pid)
    await Promise.all(callers.map(({ call }) => call('task.show', { id: ids[0] })))
    await wait(2000)
    const opened = rssOf(pid)
    for (const caller of callers) caller.close()

    const alone = await saturate([target], 20, 10, ids)
    table(
      ['one node', 'figure'],
      [
        [`a record (of ${tasks}): memory`, `${round((after.rss - before.rss) / tasks / 1000)} kB`],
        ['a record: database', `${round((after.database - before.database) / tasks / 1000)} kB`],
        [
          'a record made by 8 callers: CPU, file and history included',
          `${round(((after.cpu - before.cpu) / tasks) * 1000, 2)} ms`,
        ],
        [
          `a Yjs client (of ${clients}) that took the whole document: memory`,
          `${round((connected.rss - connecting.rss) / clients / 1000)} kB`,
        ],
        ['a Yjs client joining: CPU', `${round(((connected.cpu - connecting.cpu) / clients) * 1000, 2)} ms`],
        ['a Yjs client at rest: CPU a second', `${round((idle / 10 / clients) * 1e6)} us`],
        [`an HTTP connection (of ${clients}) at rest: memory`, `${round((opened - opening) / clients / 1000)} kB`],
        ['updates a second, 20 callers', round(alone.perSecond, 0)],
        ['an update: CPU, file and history included', `${round(((alone.cpu[0] ?? 0) / alone.writes) * 1000, 2)} ms`],
        ['an update: p50, p99', `${round(alone.p50)}, ${round(alone.p99)} ms`],
      ],
    )
  } finally {
    await started.remove()
  }
}

async function threeNodes(): Promise<void> {
  const redis = await createTestRedis()
  const started = await startNodes(3, redis.url)
  try {
    const targets = await Promise.all(started.nodes.map(targetOf))
    const ids = await createTasks(targets[0] as Target, Math.max(agents, 500))
    const isThere = async ({ ask }: Node): Promise<boolean> =>
      ask('task.show', { id: ids.at(-1) }, 'bench').then(
        () => true,
        () => false,
      )
    await until(
      async () => (await Promise.all(started.nodes.map(isThere))).every(Boolean),
      'the tasks everywhere',
      120_000,
    )
    await wait(3000)

    if (values.part === 'agents') return await simulate(targets, redis)
    const began = redisFacts(redis)
    const alone = await saturate([targets[0] as Target], 20, 10, ids)
    const others = await (async () => {
      // The other nodes only take what the first one writes.
      const before = targets.slice(1).map(({ node }) => cpuOf(node.pid()))
      const run = await saturate([targets[0] as Target], 20, 10, ids)
      const after = targets.slice(1).map(({ node }, i) => cpuOf(node.pid()) - (before[i] ?? 0))
      return { ...run, taken: after.reduce((sum, one) => sum + one, 0) / after.length }
    })()
    const all = await saturate(targets, 10, 10, ids)
    const ended = redisFacts(redis)
    const writes = alone.writes + others.writes + all.writes
    table(
      ['three nodes, one Redis', 'figure'],
      [
        ['updates a second, all written at one node', round(others.perSecond, 0)],
        ['an update: CPU where it is written', `${round(((others.cpu[0] ?? 0) / others.writes) * 1000, 2)} ms`],
        ['an update: CPU at each other node', `${round((others.taken / others.writes) * 1000, 2)} ms`],
        ['updates a second, written at all three', round(all.perSecond, 0)],
        ['p50, p99 then', `${round(all.p50)}, ${round(all.p99)} ms`],
        ['Redis, an update: CPU', `${round(((ended.cpu - began.cpu) / writes) * 1e6, 0)} us`],
        [
          'Redis, an update: bytes in, out',
          `${round((ended.bytesIn - began.bytesIn) / writes, 0)}, ${round((ended.bytesOut - began.bytesOut) / writes, 0)}`,
        ],
        ['Redis: memory', `${round(ended.memory / MB)} MB`],
      ],
    )
    await simulate(targets, redis)
  } finally {
    await started.remove()
    await redis.remove()
  }
}

/** Resolves when every node has what the others have, and has written it out. */
async function quiet(targets: readonly Target[]): Promise<void> {
  const isQuiet = async ({ node }: Target): Promise<boolean> => {
    const before = cpuOf(node.pid())
    await wait(2000)
    const { peers } = await node.ask<{ peers: readonly { lag?: { behind: number } }[] }>('status', {}, 'bench')
    return peers.every(({ lag }) => !lag || lag.behind === 0) && cpuOf(node.pid()) - before < 0.1
  }
  await until(async () => (await Promise.all(targets.map(isQuiet))).every(Boolean), 'quiet', 300_000)
}

/** Agents that claim, work, say so, and begin anew, with time to think between calls. */
async function simulate(targets: readonly Target[], redis: TestRedis): Promise<void> {
  await quiet(targets)
  const times: number[] = []
  const codes = new Map<string, number>()
  let isOver = false
  let isCounting = false
  const callers = Array.from({ length: agents }, (_, i) => ({
    i,
    caller: createCaller(targets[i % targets.length] as Target, `agent-${i}`),
  }))
  const live = async ({ i, caller }: (typeof callers)[number]): Promise<void> => {
    const pause = (): Promise<void> => wait(think * 1000 * (0.5 + Math.random()))
    const call = async (operation: string, input: object) => {
      const at = performance.now()
      const answer = await caller.call(operation, input)
      if (isCounting) {
        times.push(performance.now() - at)
        codes.set(answer.code ?? 'ok', (codes.get(answer.code ?? 'ok') ?? 0) + 1)
      }
      return answer
    }
    await wait(Math.random() * think * 1000)
    while (!isOver) {
      const { result } = await call('claim', {})
      const { task, fence } = (result as { claim?: { task: string; fence: number } } | undefined)?.claim ?? {}
      await pause()
      if (task === undefined || isOver) continue
      await call('task.update', { id: task, append: 'Looked at it, and found the place.', fence })
      await pause()
      await call('log.append', { action: 'tried it', task })
      await pause()
      await call('task.update', { id: task, status: 'completed', fence })
      await call('task.create', { title: `Next of agent ${i}`, body: 'What came out of the last one.' })
      await pause()
    }
  }
  const living = callers.map(live)
  // Until all have begun.
  await wait(think * 1000 + 2000)
  const pids = targets.map(({ node }) => node.pid())
  const began = { cpu: pids.map(cpuOf), redis: redisFacts(redis), own: own(), at: performance.now() }
  isCounting = true
  await wait(seconds * 1000)
  isCounting = false
  const took = (performance.now() - began.at) / 1000
  const cpu = pids.map((pid, i) => ((cpuOf(pid) - (began.cpu[i] ?? 0)) / took) * 100)
  const redisCpu = ((redisFacts(redis).cpu - began.redis.cpu) / took) * 100
  const ownCpu = ((own() - began.own) / took) * 100
  const states = await Promise.all(
    targets.map(({ node }) =>
      node.ask<{
        eventLoopDelayMs: number
        peers: readonly { name: string; lag?: { behind: number; roundTripMs?: number } }[]
      }>('status', {}, 'bench'),
    ),
  )
  isOver = true
  times.sort((a, b) => a - b)
  const list = (numbers: readonly number[], digits = 0): string => numbers.map((one) => round(one, digits)).join(', ')
  const lagOf = (state: (typeof states)[number]) => state.peers.find(({ name }) => name === 'redis')?.lag
  table(
    [`${agents} agents at three nodes, ${think} s to think, ${round(took, 0)} s`, 'figure'],
    [
      ['calls a second', round(times.length / took)],
      ['answered', [...codes].map(([code, count]) => `${code} ${count}`).join(', ')],
      [
        'a call: p50, p95, p99, longest',
        `${list([percentile(times, 0.5), percentile(times, 0.95), percentile(times, 0.99), times.at(-1) ?? 0])} ms`,
      ],
      ['CPU of each node, of one core', `${list(cpu)} %`],
      ['memory of each node', `${list(pids.map((pid) => rssOf(pid) / MB))} MB`],
      [
        'longest turn of each event loop in the last minute',
        `${list(states.map((state) => state.eventLoopDelayMs))} ms`,
      ],
      ['a row to Redis and back', `${list(states.map((state) => lagOf(state)?.roundTripMs ?? 0))} ms`],
      ['rows behind at the end', list(states.map((state) => lagOf(state)?.behind ?? 0))],
      ['Redis: CPU, memory', `${round(redisCpu)} %, ${round(redisFacts(redis).memory / MB)} MB`],
      ['CPU of the agents themselves, one process', `${round(ownCpu, 0)} %`],
    ],
  )
  await Promise.race([Promise.all(living), wait(think * 2000)])
  for (const { caller } of callers) caller.close()
}

if (values.part === 'all' || values.part === 'one') await oneNode()
if (values.part !== 'one') await threeNodes()
process.exit(0)
