import { describe, expect, test } from 'vitest'
import type { RecordId } from '../../src/model/id.ts'
import { context } from '../../src/model/kinds/context.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestAgents } from '../api/operations-caller.ts'
import { createTestClock } from '../helpers/clock.ts'
import { byAlice, createTestProject, type TestProject } from '../helpers/project.ts'

const who = (name: string, type: 'agent' | 'person' = 'agent') => ({
  actor: { name, type, verified: false } as const,
  session: undefined,
})

/** Two replicas that meet only when rows are carried over, as by a git remote; the first one grants claims. */
async function apart(...titles: readonly string[]) {
  const clock = createTestClock()
  const home = createTestProject({ seed: 1, clock })
  const away = createTestProject({ seed: 2, clock })
  away.project.adopt({ id: home.project.id, name: home.project.name })
  const ids: RecordId[] = []
  for (const title of titles) ids.push(await home.project.transact(byAlice, (tx) => tx.create(task, { title })))
  const carry = async (from: TestProject, to: TestProject, source: 'git' | 'peer' = 'git') => {
    const rows = from.project.rowsSince(to.project.have(), 1000)
    await to.project.applyRows(
      rows,
      source === 'git' ? { source, commit: 'c' } : { source, peer: from.project.replica },
    )
    await clock.advance(source === 'git' ? 2_000 : 11_000)
  }
  await carry(home, away)
  const [a, b] = [createTestAgents(home).claims, createTestAgents(away).claims]
  const assignees = (id: RecordId) => [home, away].map(({ project }) => project.read(task, id)?.values.assignee)
  const exchange = async () => {
    await carry(away, home)
    await carry(home, away)
  }
  return { clock, home, away, a, b, ids, carry, exchange, assignees }
}

describe('claims of replicas that meet only through rows', () => {
  test('are confirmed by the arbiter when it sees them, and hold for nobody else from then on', async () => {
    const { home, away, a, b, ids, exchange } = await apart('job')
    const [id = '' as RecordId] = ids
    expect(await b.claim({ ...who('one'), id })).toMatchObject({ provisional: true, fence: -1 })
    await exchange()
    expect(a.of(id)).toMatchObject({ actor: 'one', replica: away.project.replica, fence: 1, formerFence: -1 })
    expect(b.of(id)).toMatchObject({ actor: 'one', provisional: false, fence: 1, formerFence: -1 })
    await expect(a.claim({ ...who('two'), id })).rejects.toMatchObject({ code: 'already_claimed' })
    expect(() => b.checkFence(id, -1)).not.toThrow()
    await b.release({ ...who('one'), id, reason: 'tired' })
    await exchange()
    expect([a.of(id), b.of(id)]).toEqual([undefined, undefined])
    expect(home.project.read(task, id)?.values).toMatchObject({ status: 'todo', assignee: null })
  })

  test('[P6] of two that were made apart, the one of the arbiter holds: the task shows it and the other is told', async () => {
    const { clock, home, away, a, b, ids, exchange, assignees } = await apart('job')
    const [id = '' as RecordId] = ids
    await a.claim({ ...who('home'), id })
    await clock.advance(1_000)
    await b.claim({ ...who('away'), id })
    await exchange()
    expect(a.of(id)).toMatchObject({ actor: 'home' })
    expect(b.of(id)).toBeUndefined()
    expect(assignees(id)).toEqual(['home', 'home'])
    for (const { project } of [home, away]) {
      expect(project.list(context, { where: { audience: ['away'] }, limit: 9 }).items).toMatchObject([
        { values: { title: `You lost the claim on ${id}: home had it first`, task: id } },
      ])
    }
    expect(() => b.checkFence(id, -1)).toThrow('has ended')
    await exchange()
    expect(home.project.listLog({ task: id, limit: 9 }).items.map(({ action }) => action)).toEqual([
      'released',
      'claimed',
      'claimed',
    ])
  })

  test('[P6] the document shows either of two that were written apart: in the end, always the one that holds', async () => {
    const { home, away, a, b, ids, carry, assignees } = await apart('1', '2', '3', '4', '5', '6')
    for (const [i, id] of ids.entries()) {
      await a.claim({ ...who(`home-${i}`), id })
      await b.claim({ ...who(`away-${i}`), id })
    }
    const rows = away.project.rowsSince(home.project.have(), 1000)
    await home.project.applyRows(rows, { source: 'peer', peer: away.project.replica })
    expect(ids.some((id) => String(assignees(id)[0]).startsWith('away'))).toBe(true)
    await carry(away, home, 'peer')
    await carry(home, away, 'peer')
    expect(ids.map((id) => assignees(id))).toEqual(ids.map((_, i) => [`home-${i}`, `home-${i}`]))
  })

  test('[P6] a replica whose rows came over a link, and that never comes back to ask, is answered, too', async () => {
    const { clock, home, away, a, b, ids, carry, assignees } = await apart('lost', 'won')
    const [lost = '' as RecordId, won = '' as RecordId] = ids
    await a.claim({ ...who('home'), id: lost })
    await clock.advance(1_000)
    await b.claim({ ...who('away'), id: lost })
    await b.claim({ ...who('away'), id: won })
    await carry(away, home, 'peer')
    expect(assignees(lost)[0]).toBe('home')
    expect(a.of(won)).toMatchObject({ actor: 'away', replica: away.project.replica })
    await clock.advance(25 * 3_600_000)
    expect(a.of(won)).toBeUndefined()
    expect(assignees(won)[0]).toBeNull()
  })

  test('what was answered, ended or completed before the arbiter saw it is not granted again', async () => {
    const { home, a, b, ids, exchange } = await apart('ended', 'done', "a person's")
    const [ended = '' as RecordId, done = '' as RecordId, persons = '' as RecordId] = ids
    await b.claim({ ...who('one'), id: ended })
    await b.release({ ...who('one'), id: ended, reason: 'no' })
    await b.claim({ ...who('one'), id: done })
    await b.claim({ ...who('mia', 'person'), id: persons })
    await exchange()
    expect([a.of(ended), a.of(done)?.actor, a.of(persons)?.until]).toEqual([undefined, 'one', null])
    const again = createTestAgents(home).claims
    await again.start()
    await exchange()
    await again.stop()
    const confirmed = home.project.listLog({ action: 'confirmed', limit: 9 }).items
    expect(confirmed.map((entry) => entry.task).toSorted()).toEqual([done, persons].toSorted())
  })
})
