import { expect } from 'vitest'
import { OrchError } from '../../src/base/error.ts'
import { createRandom } from '../helpers/random.ts'
import { createTestRedis } from '../helpers/redis.ts'
import { countOf, until } from './harness.ts'
import { type Node, startNodes } from './start-nodes.ts'

interface Listed {
  readonly items: readonly { readonly id: string; readonly title: string; readonly body: string }[]
  readonly next?: string
}

/** What happens to nodes and Redis: kill -9 of one, of the other, a pause, a loss of all data, kill -9 of both. */
export type Blow = 'node' | 'redis' | 'pause' | 'empty' | 'both'
const BLOWS: readonly Blow[] = ['node', 'redis', 'pause', 'empty', 'both']

export interface NodesReport {
  readonly acknowledged: number
  readonly inDoubt: number
  readonly kills: Readonly<Record<string, number>>
  /** From a node's kill to the next write acknowledged there, and anywhere, in milliseconds. */
  readonly longestHere: number
  readonly medianHere: number
  readonly longestAnywhere: number
  /** From quiet to all equal. */
  readonly longestToEqual: number
}

/**
 * Real daemons on a real Redis, with writers on all, while nodes and Redis are killed, paused and emptied at random. After
 * each round, when all is up again, every node must hold every acknowledged write once, and all must be equal.
 */
export async function breakNodes(options: {
  readonly nodes: number
  readonly rounds: number
  readonly seed: number
  /** What is done in turn. */
  readonly kinds?: readonly Blow[]
  readonly say?: (line: string) => void
}): Promise<NodesReport> {
  const { rounds, seed, kinds = BLOWS, say = () => undefined } = options
  const random = createRandom(seed)
  const upTo = (limit: number): number => Math.floor(((random(1)[0] ?? 0) * limit) / 256)
  const redis = await createTestRedis()
  const { nodes, remove } = await startNodes(options.nodes, redis.url)
  const kills: Record<string, number> = {}
  const acknowledged: string[] = []
  const inDoubt: string[] = []
  let words = 0
  let [longestAnywhere, longestToEqual] = [0, 0]
  const here: number[] = []

  /** Whether it was acknowledged. */
  const write = async (node: Node, writer: string, tasks: readonly string[]): Promise<boolean> => {
    const word = `${writer}n${words++}e`
    try {
      if (words % 5 === 0) await node.ask('task.create', { title: word }, writer)
      else await node.ask('task.update', { id: tasks[words % tasks.length], append: word }, writer)
      acknowledged.push(word)
      return true
    } catch (error) {
      // The daemon died under the call, or a fresh one has not heard of the task: nobody was told that it was done.
      if (!(error instanceof OrchError) || error.exit !== 7) throw error
      inDoubt.push(word)
      return false
    }
  }
  const everything = async (node: Node): Promise<string> => {
    const lines: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await node.ask<Listed>(
        'task.list',
        { full: true, limit: 1000, all: true, ...(after && { after }) },
        'test',
      )
      lines.push(...page.items.map(({ id, title, body }) => `${id}\n${title}\n${body}`))
      after = page.next
      if (after === undefined) return lines.toSorted().join('\n\n')
    }
  }
  const equal = async (): Promise<boolean> => {
    const texts = await Promise.all(nodes.map(everything))
    return texts.every((text) => text === texts[0] && acknowledged.every((word) => text.includes(word)))
  }

  try {
    const [first] = nodes as readonly [Node]
    const tasks: string[] = []
    for (let i = 0; i < 3; i++)
      tasks.push((await first.ask<{ id: string }>('task.create', { title: `Shared ${i}`, body: 'Start.' }, 'test')).id)
    await until(equal, 'the shared tasks on all nodes')

    for (let round = 0; round < rounds; round++) {
      let isOver = false
      let lastAnywhere = 0
      const back = new Map<Node, number>()
      const writers = nodes.flatMap((node, n) =>
        ['a', 'b'].map(async (letter) => {
          while (!isOver) {
            const began = performance.now()
            // The same agents all the time: their clientIDs, too, outlive the kills.
            if (!(await write(node, `${letter}${n}`, tasks))) continue
            const now = performance.now()
            if (lastAnywhere > 0) longestAnywhere = Math.max(longestAnywhere, now - lastAnywhere)
            lastAnywhere = now
            const killedAt = back.get(node)
            if (killedAt === undefined || began < killedAt) continue
            here.push(now - killedAt)
            back.delete(node)
          }
        }),
      )
      const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
      await pause(100 + upTo(300))
      const what = kinds[round % kinds.length] as Blow
      kills[what] = (kills[what] ?? 0) + 1
      const victim = nodes[upTo(nodes.length)] as Node
      if (what === 'node' || what === 'both') {
        victim.kill()
        back.set(victim, performance.now())
      }
      if (what === 'pause') redis.pause()
      if (what === 'redis' || what === 'empty' || what === 'both') await redis.kill()
      if (what === 'empty') redis.loseData()
      await pause(200 + upTo(600))
      if (what === 'pause') redis.resume()
      if (what === 'redis' || what === 'empty' || what === 'both') await redis.start()
      await pause(upTo(300))
      isOver = true
      await Promise.all(writers)
      const quiet = performance.now()
      await until(equal, `all equal after round ${round} (${what})`, 60_000)
      longestToEqual = Math.max(longestToEqual, performance.now() - quiet)
      if (round % 10 === 9)
        say(`round ${round + 1}: ${acknowledged.length} acknowledged, back after ${here.map(Math.round).slice(-4)} ms`)
    }
    const text = await everything(first)
    for (const word of acknowledged) expect(countOf(text, word), word).toBe(1)
    for (const word of inDoubt) expect(countOf(text, word), word).toBeLessThanOrEqual(1)
    for (const node of nodes) {
      const doctor = await node.ask<{ ok: boolean; findings: unknown[] }>('doctor', {}, 'test')
      expect(doctor.ok, JSON.stringify(doctor.findings)).toBe(true)
    }
    return {
      acknowledged: acknowledged.length,
      inDoubt: inDoubt.length,
      kills,
      longestHere: Math.max(0, ...here),
      medianHere: here.toSorted((x, y) => x - y)[here.length >> 1] ?? 0,
      longestAnywhere,
      longestToEqual,
    }
  } finally {
    await remove()
    await redis.remove()
  }
}
