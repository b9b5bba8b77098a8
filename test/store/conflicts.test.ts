import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Conflict } from '../../src/store/conflicts.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import type { Row, Vector } from '../../src/store/row.ts'
import { alice, byAlice, byClaude, createTestProject } from '../helpers/project.ts'

interface Step {
  readonly on: number
  readonly field: 'assignee' | 'priority' | 'state'
  readonly value: number
  /** Gives so many rows to another replica instead. */
  readonly give: number
  readonly to: number
}

const steps = fc.array(
  fc.record({
    on: fc.nat(2),
    field: fc.constantFrom<Step['field']>('assignee', 'priority', 'state'),
    value: fc.nat(3),
    give: fc.nat(5),
    to: fc.nat(2),
  }),
  { minLength: 10, maxLength: 60 },
)
const VALUES = ['critical', 'high', 'medium', 'low'] as const

/** A write as the model knows it: its row, and what that had seen. */
interface Write {
  readonly row: Row
  readonly field: Step['field']
  readonly value: string
}

const nameOf = ({ replica, seq }: Pick<Row, 'replica' | 'seq'>): string => `${replica}:${seq}`
const sees = (row: Row, other: Row): boolean =>
  row.replica === other.replica ? other.seq <= row.seq : (row.seen[other.replica] ?? 0) >= other.seq

test('[P5] of random concurrent writes no conflict is missed and none is false, on every replica', async () => {
  let contested = 0
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const heard: Conflict[][] = [[], [], []]
      const replicas = [0, 1, 2].map(
        (i) => createTestProject({ seed: i + 1, noteConflict: (one) => heard[i]?.push(one) }).project,
      ) as [OpenProject, OpenProject, OpenProject]
      const [first, ...others] = replicas
      for (const one of others) one.adopt({ id: first.id, name: first.name })
      const id = await first.transact(byAlice, (tx) => tx.create(task, { title: 'A', assignee: 'nobody' }))
      const made = first.rowsSince({}, 1)[0] as Row
      for (const one of others) await one.applyRows([made], { source: 'peer', peer: 'x' })
      const writes = new Map<string, Write>()
      /** What shows, by replica and field. */
      const shown = replicas.map(
        () =>
          new Map<string, Write | undefined>([
            ['assignee', { row: made, field: 'assignee', value: 'nobody' }],
            ['priority', { row: made, field: 'priority', value: 'medium' }],
            ['state', undefined],
          ]),
      )
      const valueOn = (project: OpenProject, field: string): unknown =>
        field === 'state' ? project.readKeys('state').get('phase')?.value : project.read(task, id)?.values[field]

      for (const { on, field, value, give, to } of script) {
        const project = replicas[on] as OpenProject
        if (give > 2) {
          if (on === to) continue
          const taker = replicas[to] as OpenProject
          for (const row of project.rowsSince(taker.have(), give)) {
            const write = writes.get(nameOf(row)) as Write
            const before = shown[to]?.get(write.field)
            heard[to]?.splice(0)
            await taker.applyRows([row], { source: 'peer', peer: 'x' })
            const isConcurrent = before !== undefined && !sees(row, before.row) && before.value !== write.value
            const opened = (heard[to] ?? []).filter(({ state }) => state === 'open')
            expect(opened.length).toBe(isConcurrent ? 1 : 0)
            const isNewShown = valueOn(taker, write.field) === write.value
            if (isConcurrent && before) {
              contested++
              const [winner, loser] = isNewShown ? [write, before] : [before, write]
              expect(opened[0]).toMatchObject({
                field: write.field === 'state' ? 'phase' : write.field,
                winner: { value: winner.value, change: nameOf(winner.row), actor: winner.row.actor, at: winner.row.at },
                loser: { value: loser.value, change: nameOf(loser.row), actor: loser.row.actor, at: loser.row.at },
              })
            }
            // Of two equal values either may be the one that shows: the clientID decides, which is no matter to anybody.
            if (before === undefined || sees(row, before.row)) shown[to]?.set(write.field, write)
            else if (before.value !== write.value && isNewShown) shown[to]?.set(write.field, write)
            else if (before.value === write.value) shown[to]?.set(write.field, visible(taker, id, write, before))
          }
          continue
        }
        const text = VALUES[value] as string
        const seq = (project.have()[project.replica] ?? 0) + 1
        heard[on]?.splice(0)
        await project.transact(on === 1 ? byClaude : byAlice, (tx) =>
          field === 'state' ? tx.setKey('state', 'phase', text) : tx.update(task, id, { set: { [field]: text } }),
        )
        expect((heard[on] ?? []).filter(({ state }) => state === 'open')).toEqual([])
        const [row] = project.rowsSince({ ...project.have(), [project.replica]: seq - 1 } as Vector, 1)
        if (!row) continue
        const write = { row, field, value: text }
        writes.set(nameOf(row), write)
        shown[on]?.set(field, write)
      }
    }),
    { numRuns: Number(process.env.ORCH_RUNS ?? 40) },
  )
  expect(contested).toBeGreaterThan(50)
})

/** Which of two writes of one value shows: the one further right in the document. */
function visible(project: OpenProject, id: RecordId, a: Write, b: Write): Write {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, project.encodeState())
  const map = a.field === 'state' ? doc.getMap('state') : (doc.getMap('tasks').get(id) as Y.Map<unknown>)
  const item = map._map.get(a.field === 'state' ? 'phase' : a.field)
  const holds = ({ row }: Write): boolean =>
    Y.decodeUpdate(row.update).structs.some(
      (struct) =>
        struct.id.client === item?.lastId.client &&
        struct.id.clock + struct.length > item.lastId.clock &&
        struct.id.clock <= item.lastId.clock,
    )
  return holds(a) ? a : b
}

async function createClash() {
  const heard: Conflict[] = []
  const a = createTestProject({ seed: 1, noteConflict: (one) => heard.push(one) }).project
  const b = createTestProject({ seed: 2 }).project
  b.adopt({ id: a.id, name: a.name })
  const give = (from: OpenProject, to: OpenProject) =>
    to.applyRows(from.rowsSince(to.have(), 1000), { source: 'peer', peer: 'x' })
  const id = await a.transact(byAlice, (tx) => tx.create(task, { title: 'A' }))
  await give(a, b)
  await a.transact(byAlice, (tx) => tx.update(task, id, { set: { status: 'review' } }))
  await b.transact(byClaude, (tx) => tx.update(task, id, { set: { status: 'blocked' } }))
  await give(a, b)
  await give(b, a)
  return { a, b, id, heard, give }
}

test('both replicas name one conflict alike; the value that lost is one step away, and then it is settled everywhere', async () => {
  const { a, b, id, heard, give } = await createClash()
  const [conflict] = a.conflicts.list({ limit: 10 })
  expect(b.conflicts.list({ limit: 10 })).toEqual([conflict])
  expect(conflict).toMatchObject({ key: id, field: 'status', state: 'open' })
  expect(a.conflicts.of(conflict?.loser.change ?? '')).toEqual([conflict])
  await a.transact(byAlice, (tx) => a.conflicts.take(tx, conflict?.id.slice(0, 5) ?? '', 'alice'))
  const taken = a.conflicts.get(conflict?.id ?? '')
  expect(taken).toMatchObject({ state: 'taken', settledBy: 'alice' })
  expect(a.read(task, id)?.values.status).toBe(conflict?.loser.value)
  expect(heard.map(({ state }) => state)).toEqual(['open', 'taken'])
  await give(a, b)
  expect(b.conflicts.list({ limit: 10 })).toEqual([])
  expect(b.conflicts.list({ limit: 10, all: true })).toEqual([taken])
})

test('who knew both and writes another value decides; who says that the right one won does too', async () => {
  const { a, b, id, give } = await createClash()
  await b.transact(byClaude, (tx) => tx.update(task, id, { set: { status: 'completed' } }))
  expect(b.conflicts.list({ limit: 10, all: true })[0]).toMatchObject({ state: 'decided', settledBy: 'claude' })
  expect(a.conflicts.keep(a.conflicts.list({ limit: 1 })[0]?.id ?? '', 'alice').state).toBe('kept')
  await give(b, a)
  expect(a.conflicts.list({ limit: 10 })).toEqual([])
  expect(() => a.conflicts.get('x-nothing')).toThrow(/no conflict/)
})

test('a room client that writes over what it has not seen makes a conflict; one that has, none', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'A' }))
  const client = new Y.Doc()
  Y.applyUpdate(client, project.encodeState())
  const map = () => client.getMap('tasks').get(id) as Y.Map<unknown>
  await project.transact(byAlice, (tx) => tx.update(task, id, { set: { assignee: 'alice' } }))
  map().set('assignee', 'bob')
  const origin = { source: 'room', actor: { ...alice, name: 'bob' } } as const
  await project.applyUpdate(Y.encodeStateAsUpdate(client), origin)
  expect(project.conflicts.list({ limit: 10 }).map(({ field }) => field)).toEqual(['assignee'])
  Y.applyUpdate(client, project.encodeState())
  map().set('title', 'B')
  await project.applyUpdate(Y.encodeStateAsUpdate(client), origin)
  expect(project.conflicts.list({ limit: 10 })).toHaveLength(1)
})

test('a save from an older text that writes over a value it had not seen is kept with both values', async () => {
  const { project } = createTestProject()
  const id = await project.transact(byAlice, (tx) => tx.create(task, { title: 'A', assignee: 'alice' }))
  await project.transact(byClaude, (tx) => tx.update(task, id, { set: { assignee: 'claude' } }))
  await project.transact(byAlice, (tx) => tx.update(task, id, { set: { assignee: 'bob' } }), {
    also: () => project.conflicts.overrode(id, 'assignee'),
  })
  const [conflict] = project.conflicts.list({ limit: 10 })
  expect(conflict).toMatchObject({
    source: 'stale',
    winner: { value: 'bob', actor: 'alice', change: `${project.replica}:3` },
    loser: { value: 'claude', actor: 'claude', change: `${project.replica}:2` },
  })
  await project.transact(byAlice, (tx) => project.conflicts.take(tx, conflict?.id ?? '', 'alice'))
  expect(project.read(task, id)?.values.assignee).toBe('claude')
})
