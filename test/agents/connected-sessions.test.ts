import { describe, expect, test } from 'vitest'
import { createAgents } from '../../src/agents/agents.ts'
import { silentLogger } from '../../src/base/log.ts'
import { goneSessions } from '../../src/daemon/gone-sessions.ts'
import type { Actor } from '../../src/model/actor.ts'
import { type Caller, createCaller } from '../api/operations-caller.ts'
import type { TestClock } from '../helpers/clock.ts'
import { createRandom } from '../helpers/random.ts'

const one: Actor = { name: 'one', type: 'agent', verified: true }

/** The daemon's agents, whose sessions end with their connections. */
async function daemonOf(caller: Caller) {
  const { project, database, clock, parts } = caller
  const agents = createAgents({
    db: database,
    project,
    clock,
    random: createRandom(8),
    log: silentLogger,
    graceMs: 60_000,
    idleMs: 600_000,
    ask: (replica) => Promise.reject(new Error(`nobody knows ${replica}`)),
    sessions: goneSessions(() => ({ project, clock, parts })),
  })
  await agents.connected.start()
  return agents
}

async function working() {
  const caller = createCaller()
  const agents = await daemonOf(caller)
  const { id } = await caller.as(one).call('session.start', { goal: 'Fix the login' })
  const session = String(id)
  const leave = agents.attach({ actor: one, session }, true)
  const inside = caller.as(one, session)
  const job = await caller.call('task.create', { title: 'Form' })
  const other = await caller.call('task.create', { title: 'Words' })
  await inside.call('claim', { id: job.id })
  await inside.call('claim', { id: other.id })
  await inside.call('task.update', { id: other.id, status: 'done' })
  const shown = () => caller.call('session.show', { id: session })
  const pass = (ms: number) => (caller.clock as TestClock).advance(ms)
  return { caller, agents, session, leave, inside, job, shown, pass }
}

describe('sessions that last as long as a connection', () => {
  test('end a while after it, and say what was done and what is left', async () => {
    const { caller, leave, job, shown, pass } = await working()
    await pass(3_600_000)
    leave()
    await pass(59_000)
    expect(await shown()).toMatchObject({ endedAt: null })
    await pass(2_000)
    const { endedAt, summary, story } = await shown()
    expect(endedAt).toMatch(/T/)
    expect(summary).toContain('Written by orch: its connection was gone.')
    expect(summary).toMatch(/Done:\n\n(- .*\n)*- t-\w+ "Words": status in_progress -> completed/)
    expect(summary).toMatch(/Left:\n\n- t-\w+ "Form": (todo|in_progress)/)
    expect(await caller.call('task.show', { id: job.id })).toMatchObject({ status: 'todo', assignee: null })
    const log = (await caller.call('log.list', { task: job.id })).items
    expect(log).toMatchObject([
      { action: 'released', details: { reason: expect.stringMatching(/connection|heard/) } },
      {},
    ])
    expect(JSON.stringify(story)).toContain('Form')
  })

  test('go on when it is back in time, also after a restart of the daemon', async () => {
    const { caller, agents, session, leave, shown, pass } = await working()
    leave()
    await pass(50_000)
    const again = agents.attach({ actor: one, session }, true)
    await pass(3_600_000)
    expect(await shown()).toMatchObject({ endedAt: null })
    await agents.connected.stop()
    again()
    const next = await daemonOf(caller)
    await pass(50_000)
    expect(await shown()).toMatchObject({ endedAt: null })
    const late = next.attach({ actor: one, session }, true)
    await pass(100_000)
    expect(await shown()).toMatchObject({ endedAt: null })
    await next.connected.stop()
    late()
    await daemonOf(caller)
    await pass(61_000)
    expect(await shown()).toMatchObject({ endedAt: expect.stringContaining('T') })
  })

  test('are continued by whoever comes back late, but not when their actor ended them', async () => {
    const { agents, session, leave, inside, shown, pass } = await working()
    leave()
    await pass(61_000)
    const again = agents.attach({ actor: one, session }, true)
    await pass(1)
    expect(await shown()).toMatchObject({ endedAt: null })
    await inside.call('session.end', { summary: 'All is done.' })
    again()
    await pass(61_000)
    const back = agents.attach({ actor: one, session }, true)
    await pass(1)
    expect(await shown()).toMatchObject({ endedAt: expect.stringContaining('T') })
    back()
  })

  test('say nothing where nothing was done; that a session began is no news to it', async () => {
    const caller = createCaller()
    const { id } = await caller.as(one).call('session.start', { goal: 'Look' })
    const inside = caller.as(one, String(id))
    const { changes } = await inside.call('context.get', { since: '0' })
    expect(changes).toMatchObject([{ title: 'Session start' }])
    const { session } = await inside.call('session.end')
    expect(session).toMatchObject({ summary: '## Goal\n\nLook' })
  })

  test('a name that was only said ends nobody’s session with its connection', async () => {
    const { agents, session, leave, shown, pass } = await working()
    agents.attach({ actor: { ...one, verified: false }, session }, true)()
    await pass(61_000)
    expect(await shown()).toMatchObject({ endedAt: null })
    leave()
  })
})
