import { expect, test } from 'vitest'
import { OrchError } from '../../src/base/error.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestAgents } from '../api/operations-caller.ts'
import { createTestClock } from '../helpers/clock.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'

const who = (name: string, session?: string) => ({
  actor: { name, type: 'agent', verified: false } as const,
  session,
})

/** What nodes share, as simple as can be: the first who asks has it, and it may be away. */
function shared() {
  const held = new Map<string, { actor: string; session: string; replica: string; fence: number }>()
  let fence = 0
  const state = { isAway: false, held }
  const check = (): void => {
    if (state.isAway) throw new OrchError('arbiter_unreachable', { replica: 'Redis', reason: 'it is away' })
  }
  const arbiter = {
    async grant(ask: { tasks: readonly RecordId[]; actor: string; session: string; replica: string }) {
      check()
      for (const id of ask.tasks) {
        const known = held.get(id)
        if (known && (known.actor !== ask.actor || known.session !== ask.session)) continue
        const hold = { actor: ask.actor, session: ask.session, replica: ask.replica, fence: known?.fence ?? ++fence }
        held.set(id, hold)
        return { task: id, fence: hold.fence }
      }
      throw new OrchError('nothing_ready')
    },
    async renew(lease: { task: string; actor: string; replica: string; fence: number }) {
      check()
      const known = held.get(lease.task)
      if (!known) return { state: 'lost', reason: 'gone' } as const
      if (known.actor !== lease.actor) return { state: 'lost', holder: known.actor, reason: 'had it first' } as const
      return known.replica === lease.replica
        ? ({ state: 'held', fence: known.fence } as const)
        : ({ state: 'moved' } as const)
    },
    async end({ task: id, replica }: { task: string; replica?: string }) {
      check()
      if (held.get(id)?.replica === replica) held.delete(id)
    },
    lapsed: async () => [],
  }
  return { state, arbiter }
}

/** Two nodes of one project. */
async function nodes(count: number) {
  const clock = createTestClock()
  const [one, two] = [createTestProject({ seed: 1, clock }), createTestProject({ seed: 2, clock })]
  two.project.adopt({ id: one.project.id, name: one.project.name })
  const ids: RecordId[] = []
  for (let i = 0; i < count; i++) {
    ids.push(await one.project.transact(byAlice, (tx) => tx.create(task, { title: `T${i}` })))
  }
  const carry = async (): Promise<void> => {
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      const rows = from.project.rowsSince(to.project.have(), 1000)
      if (rows.length > 0) await to.project.applyRows(rows, { source: 'peer', peer: from.project.replica })
    }
  }
  await carry()
  const { state, arbiter } = shared()
  const [a, b] = [one, two].map((node) => createTestAgents(node, undefined, { shared: arbiter }))
  if (!a || !b) throw new Error('two nodes')
  return { clock, one, two, ids, carry, state, a: a.claims, b: b.claims }
}

test('where all that a node looks at is taken at others, it goes on to what is not', async () => {
  const { a, b, ids } = await nodes(40)
  // The other node has heard of none of these.
  const first = await Promise.all(ids.slice(0, 39).map((id, i) => a.claim({ ...who(`a${i}`), id })))
  expect(new Set(first.map(({ fence }) => fence)).size).toBe(39)
  expect((await b.claim(who('b'))).task).toBe(ids[39])
  await expect(b.claim(who('late'))).rejects.toMatchObject({ code: 'nothing_ready' })
})

test('every node knows the claims of all and their numbers, and a session that comes goes on with its own', async () => {
  const { a, b, ids, carry, state, clock, one } = await nodes(1)
  const [id = '' as RecordId] = ids
  const { fence } = await a.claim({ ...who('claude', 's-00000001'), id })
  await carry()
  expect(b.of(id)).toMatchObject({ actor: 'claude', fence, replica: one.project.replica })
  expect(() => b.checkFence(id, fence)).not.toThrow()
  await expect(b.claim({ ...who('codex'), id })).rejects.toMatchObject({ code: 'already_claimed' })

  b.renewed(who('claude', 's-00000001'))
  await clock.advance(10)
  expect(state.held.get(id)?.replica).not.toBe(one.project.replica)
  // The first node hears it, and says nothing of it in the log: the claim goes on.
  await a.settle()
  await carry()
  expect([a.of(id), b.of(id)?.fence]).toEqual([undefined, fence])
  await b.release({ ...who('claude', 's-00000001'), id, reason: 'done' })
  expect(state.held.size).toBe(0)
})

test('after a start a claim is not trusted until it was asked about, and without an answer it is provisional', async () => {
  const { a, ids, state, clock, one } = await nodes(2)
  const [id = '' as RecordId, other = '' as RecordId] = ids
  const { fence } = await a.claim({ ...who('claude'), id })
  const second = await a.claim({ ...who('claude'), id: other })
  await a.stop()
  state.held.set(id, { actor: 'codex', session: '', replica: 'r-other000', fence: 99 })
  state.isAway = true
  await a.start()
  expect(() => a.checkFence(id, fence)).toThrow(expect.objectContaining({ code: 'arbiter_unreachable' }))
  await clock.advance(6_000)
  expect(a.of(id)?.provisional).toBe(true)
  expect(() => a.checkFence(id, fence)).not.toThrow()
  state.isAway = false
  await a.settle()
  expect(() => a.checkFence(id, fence)).toThrow(expect.objectContaining({ code: 'fenced' }))
  expect(a.of(other)).toMatchObject({ fence: second.fence, provisional: false })
  expect(one.project.read(task, id)?.values.assignee).toBe('codex')
  await a.stop()
})
