import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestRedis, hasRedis, type TestRedis } from '../helpers/redis.ts'
import { until } from './harness.ts'
import { type Node, type Nodes, startNodes } from './start-nodes.ts'

interface Claim {
  readonly task: string
  readonly fence: number
  readonly provisional?: boolean
}
const codeOf = (error: unknown): string => (error as { code: string }).code

describe.skipIf(!hasRedis)('claims at two nodes on a real Redis', () => {
  let redis: TestRedis
  let started: Nodes
  let a: Node
  let b: Node
  beforeAll(async () => {
    redis = await createTestRedis()
    started = await startNodes(2, redis.url)
    ;[a, b] = started.nodes as readonly [Node, Node]
  })
  afterAll(async () => {
    await started?.remove()
    await redis?.remove()
  })
  const create = async (count: number): Promise<readonly string[]> => {
    const ids: string[] = []
    for (let i = 0; i < count; i++)
      ids.push((await a.ask<{ id: string }>('task.create', { title: `T${i}` }, 'test')).id)
    const isThere = ({ ask }: Node): Promise<boolean> =>
      ask('task.show', { id: ids.at(-1) }, 'test').then(
        () => true,
        () => false,
      )
    await until(() => isThere(b), 'the tasks at the other node')
    return ids
  }
  const claim = ({ ask }: Node, actor: string, id?: string): Promise<Claim> =>
    ask<{ claim: Claim }>('claim', id === undefined ? {} : { id }, actor).then((answer) => answer.claim)

  test('agents that race through both nodes: each task is won by one, with a number of its own', async () => {
    const tasks = await create(12)
    const won: Claim[] = []
    const agents = Array.from({ length: 8 }, async (_, i) => {
      for (;;) {
        try {
          won.push(await claim(i % 2 ? a : b, `agent-${i}`))
        } catch (error) {
          if (codeOf(error) === 'nothing_ready') return
          // What is ready is asked for again: others took all that was looked at.
          if (codeOf(error) !== 'already_claimed') throw error
        }
      }
    })
    await Promise.all(agents)
    expect(won.map(({ task }) => task).toSorted()).toEqual(tasks.toSorted())
    expect(new Set(won.map(({ fence }) => fence)).size).toBe(tasks.length)
    expect(await b.ask('arbiter.show', {}, 'test')).toMatchObject({ redis: true })
    expect(won.filter(({ provisional }) => provisional)).toEqual([])
  })

  test('the node of a holder is killed, and its claim ended: its late write is refused where it was and elsewhere', async () => {
    const [id = ''] = await create(1)
    const { fence } = await claim(a, 'claude', id)
    await expect(claim(b, 'codex', id)).rejects.toMatchObject({ code: 'already_claimed' })
    // The number counts at every node.
    await until(
      () =>
        b.ask('task.update', { id, append: 'from b', fence }, 'claude').then(
          () => true,
          () => false,
        ),
      'known at b',
    )
    a.kill()
    await b.ask('claim.release', { id, fence, reason: 'its node is gone' }, 'claude')
    const next = await claim(b, 'codex', id)
    expect(next.fence).toBeGreaterThan(fence)

    const late = (node: Node): Promise<unknown> => node.ask('task.update', { id, append: 'too late', fence }, 'claude')
    // The first command starts the node that was killed: it knows of the old claim only, and asks first.
    await expect(late(a)).rejects.toMatchObject({ code: expect.stringMatching(/^(fenced|arbiter_unreachable)$/) })
    await expect(late(b)).rejects.toMatchObject({ code: 'fenced' })
    await until(
      () =>
        late(a).then(
          () => false,
          (error) => codeOf(error) === 'fenced',
        ),
      'fenced at its own node',
    )
    await b.ask('task.update', { id, append: 'in time', fence: next.fence }, 'codex')
    const text = async ({ ask }: Node): Promise<string> =>
      (await ask<{ body: string }>('task.show', { id }, 'test')).body
    await until(async () => (await text(a)).includes('in time'), 'the write of the holder at both')
    expect(await text(a)).not.toContain('too late')
  })

  test('Redis loses its data: held tasks stay held, nothing is granted twice, numbers grow on', async () => {
    const [id = '', other = ''] = await create(2)
    const { fence } = await claim(a, 'claude', id)
    redis.cli('flushall')
    const thief = await claim(b, 'codex', id).catch(codeOf)
    // Known by the rows at once; by Redis again when the nodes have said it.
    expect(thief).toBe('already_claimed')
    let later: Claim | undefined
    await until(async () => {
      later = await claim(b, 'codex', other).catch(() => undefined)
      return later !== undefined && !later.provisional
    }, 'granted again')
    expect(later?.fence).toBeGreaterThan(fence)
    await a.ask('task.update', { id, append: 'still mine', fence }, 'claude')
  })
})
