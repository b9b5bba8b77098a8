import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { carryOut, planName } from '../../src/store/planned.ts'
import { ACTORS, createHistoryWorld, type Did, FIRST_BODY, histories, KEYS, LABELS } from '../helpers/history.ts'
import { alice, byAlice, byClaude, createTestProject } from '../helpers/project.ts'

const byDana = { source: 'api', actor: { ...alice, name: 'dana' } } as const

async function undo(project: OpenProject, selection: Parameters<OpenProject['past']['undo']>[0]) {
  const plan = await project.past.undo(selection)
  const done = await carryOut(project, byDana, plan.planned, { check: () => undefined, log: 'undo' })
  expect([...done.failed]).toEqual([])
  return { ...plan, ...done }
}

/** What operations alone say a project is, when some of them never were: each on what was there, in their order. */
function model(all: readonly Did[], isUndone: (did: Did) => boolean) {
  const records = new Map<string, unknown>()
  const keys = new Map<string, unknown>()
  for (const key of KEYS) {
    const last = all.filter(({ what, on }) => what === 'key' && on === key).findLast((did) => !isUndone(did))
    if (last?.value !== undefined) keys.set(key, last.value)
  }
  for (const { on: id } of all.filter(({ what }) => what === 'create')) {
    const own = all.filter(({ on, what }) => on === id && what !== 'key')
    const kept = own.filter((did) => !isUndone(did))
    const builtOn = kept.some(({ what }) => what !== 'delete')
    const isMade = isUndone(own[0] as Did)
    if (isMade && !builtOn) {
      records.set(id, 'deleted')
      continue
    }
    // Who made a record that others built on made it.
    const counts = (did: Did): boolean => did.what === 'create' || !isUndone(did)
    let letters = [...FIRST_BODY].map((letter) => ({ letter, isMine: true, isGone: false, isCut: false }))
    let status: unknown = 'todo'
    let hours = 0
    let isDeleted = false
    const labels = new Set<unknown>()
    for (const did of own) {
      const visible = letters.filter(({ isGone }) => !isGone)
      if (did.what === 'insert') {
        // Before what stands after it: what was deleted in between comes first.
        const place = did.at < visible.length ? letters.indexOf(visible[did.at] as never) : letters.length
        const added = [...did.insert].map((letter) => ({ letter, isMine: counts(did), isGone: false, isCut: false }))
        letters = [...letters.slice(0, place), ...added, ...letters.slice(place)]
      }
      for (const letter of visible.slice(did.at, did.at + did.cut)) {
        letter.isGone = true
        letter.isCut = counts(did)
      }
      if (counts(did)) {
        if (did.what === 'status') status = did.value
        if (did.what === 'hours') hours += Number(did.value)
        if (did.what === 'label' && did.add) labels.add(did.value)
        if (did.what === 'label' && !did.add) labels.delete(did.value)
        isDeleted = did.what === 'delete'
      }
    }
    const body = letters.flatMap(({ letter, isMine, isCut }) => (isMine && !isCut ? [letter] : [])).join('')
    records.set(id, isDeleted ? 'deleted' : { status, hours, labels: LABELS.filter((one) => labels.has(one)), body })
  }
  return { records, keys }
}

function actual(project: OpenProject) {
  const records = new Map<string, unknown>()
  for (const id of project.ids(task, { deleted: true })) {
    const record = project.read(task, id)
    const { status, spentHours: hours, labels, body } = record?.values ?? {}
    records.set(id, record?.deletedAt === undefined ? { status, hours, labels, body } : 'deleted')
  }
  return { records, keys: new Map([...project.readKeys('state')].map(([key, { value }]) => [key, value])) }
}

const sorted = ({ records, keys }: ReturnType<typeof model>) => [[...records].sort(), [...keys].sort()]

test('[P5] undo of one actor gives what the operations of the others alone give, and is itself undone', async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.constantFrom(...ACTORS), async (steps, actor) => {
      const world = createHistoryWorld()
      const all: Did[] = []
      for (const step of steps) {
        const did = await world.run(step)
        if (did) all.push(did)
        await world.meet()
      }
      const [project, other] = world.replicas
      const before = sorted(actual(project))
      expect(before).toEqual(sorted(model(all, () => false)))
      expect(planName((await other.past.undo({ actor })).planned)).toBe(
        planName((await project.past.undo({ actor })).planned),
      )
      const { changes, planned } = await undo(project, { actor })
      expect(sorted(actual(project))).toEqual(sorted(model(all, ({ by }) => by === actor)))
      for (const { key, next } of planned) {
        const is = key.startsWith('state/')
          ? project.readKeys('state').get(key.slice(6))
          : project.read(task, key as RecordId)
        const shown = (traced: typeof next) =>
          traced && 'values' in traced ? [traced.values, !traced.deletedAt] : traced?.value
        if (!(next && 'deletedAt' in next)) expect(shown(is)).toEqual(shown(next))
      }
      if (changes.length > 0) await undo(project, { changes })
      expect(sorted(actual(project))).toEqual(before)
    }),
    { numRuns: Number(process.env.ORCH_RUNS ?? 20) },
  )
})

test('[P2] where replicas wrote at the same time, undo of one actor keeps every word of the others and none of theirs', async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.constantFrom(...ACTORS), async (steps, actor) => {
      const world = createHistoryWorld()
      const all: Did[] = []
      for (const step of steps) {
        const did = await world.run(step)
        if (did) all.push(did)
      }
      await world.meet()
      const [a, b] = world.replicas
      expect(planName((await a.past.undo({ actor })).planned)).toBe(planName((await b.past.undo({ actor })).planned))
      await undo(a, { actor })
      const cuts = all.some(({ what }) => what === 'cut')
      for (const did of all.filter(({ what }) => what === 'insert')) {
        const record = a.read(task, did.on as RecordId)
        if (record?.deletedAt !== undefined) continue
        const count = String(record?.values.body).split(did.insert.trim()).length - 1
        if (did.by === actor) expect(count).toBe(0)
        else if (!cuts) expect(count).toBe(1)
        else expect(count).toBeLessThan(2)
      }
    }),
    { numRuns: Number(process.env.ORCH_RUNS ?? 20) },
  )
})

test('it says what stays, and why', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byClaude, (tx) => tx.create(task, { title: 'A', body: 'one two' }))
  await project.transact(byClaude, (tx) =>
    tx.update(task, id, {
      set: { status: 'review', priority: 'high' },
      edit: { body: [{ at: 3, delete: 0, insert: ' and a half' }] },
      append: { comments: [{ text: 'Done.' }] },
    }),
  )
  await project.transact(byAlice, (tx) =>
    tx.update(task, id, { set: { status: 'completed' }, edit: { body: [{ at: 7, delete: 0, insert: ' whole' }] } }),
  )
  await project.transact(byClaude, (tx) => tx.appendLog({ action: 'wrote' }))
  const { planned, notes, rows } = await project.past.undo({ actor: 'claude' })
  expect(rows).toBe(2)
  expect(planned.map(({ notes }) => notes)).toEqual([
    [
      'stays: alice built on it',
      'status stays as it is: alice set it after that',
      'body: what alice wrote in what is taken back stays',
      'comments stay: they are only ever added',
    ],
  ])
  expect(notes).toEqual(['1 changes of the log stay: its entries are only ever added'])
  await undo(project, { actor: 'claude' })
  expect(project.read(task, id)?.values).toMatchObject({
    status: 'completed',
    priority: 'medium',
    body: 'one whole two',
  })
})

test('what somebody does between the plan and its execution is kept', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'A', body: 'one two' }))
  await project.transact(byClaude, (tx) =>
    tx.update(task, id, { edit: { body: [{ at: 0, delete: 4, insert: 'ONE ' }] } }),
  )
  const { planned } = await project.past.undo({ actor: 'claude' })
  await project.transact(byAlice, (tx) =>
    tx.update(task, id, { edit: { body: [{ at: 7, delete: 0, insert: ' three' }] } }),
  )
  await carryOut(project, byDana, planned, { check: () => undefined, log: 'undo' })
  expect(project.read(task, id)?.values.body).toBe('one two three')
})

test('a client that comes back and sends all it knows once more has deleted nothing of it', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'A', body: 'one two' }))
  await project.transact(byAlice, (tx) => tx.setKey('state', 'phase', 'x'))
  await project.transact(byClaude, (tx) => tx.update(task, id, { edit: { body: [{ at: 0, delete: 4, insert: '' }] } }))
  await project.transact(byClaude, (tx) => tx.setKey('state', 'phase', undefined))
  const client = new Y.Doc()
  Y.applyUpdate(client, project.encodeState())
  ;((client.getMap('tasks').get(id) as Y.Map<Y.Text>).get('body') as Y.Text).insert(3, '!')
  await project.applyUpdate(Y.encodeStateAsUpdate(client), { source: 'room', actor: alice })
  await undo(project, { actor: 'claude' })
  expect(project.read(task, id)?.values.body).toBe('one two!')
  expect(project.readKeys('state').get('phase')?.value).toBe('x')
})

test('a key that others cleared after what is taken back stays cleared', async () => {
  const { project } = createTestProject()
  await project.transact(byAlice, (tx) => tx.setKey('state', 'phase', 'x'))
  await project.transact(byClaude, (tx) => tx.setKey('state', 'phase', 'y'))
  await project.transact(byAlice, (tx) => tx.setKey('state', 'phase', undefined))
  const { planned } = await project.past.undo({ actor: 'claude' })
  expect(planned.map(({ notes }) => notes)).toEqual([['phase stays as it is: alice set it after that']])
  await undo(project, { actor: 'claude' })
  expect(project.readKeys('state').get('phase')).toBeUndefined()
})

test('a selection is one of sessions, actors, times and changes, and unknown ones are refused', async () => {
  const { project, clock } = createTestProject()
  const inSession = { ...byClaude, session: 's-1' }
  const id = await project.transact(byClaude, (tx) => tx.create(task, { title: 'A' }))
  await project.transact(inSession, (tx) => tx.update(task, id, { set: { status: 'review' } }))
  const { past, replica } = project
  const rows = async (selection: Parameters<typeof past.undo>[0]) => (await past.undo(selection)).rows
  expect(await rows({ session: 's-1' })).toBe(1)
  expect(await rows({ actor: 'claude' })).toBe(2)
  expect(await rows({ actor: 'alice', session: 's-1' })).toBe(0)
  expect(await rows({ actor: 'claude', since: clock.now() + 1 })).toBe(0)
  expect(await rows({ changes: [`${replica}:1`, `${replica}:2`] })).toBe(2)
  await expect(past.undo({})).rejects.toMatchObject({ code: 'usage' })
  await expect(past.undo({ changes: ['nothing'] })).rejects.toMatchObject({ code: 'moment_unknown' })
  await expect(past.undo({ changes: ['r-1:7'] })).rejects.toMatchObject({ code: 'moment_unknown' })
})
