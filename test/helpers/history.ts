import fc from 'fast-check'
import { toOrchError } from '../../src/base/error.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import type { Row } from '../../src/store/row.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { createTestProject } from './project.ts'

/** What happens in a random history: three actors on two replicas write, and the replicas exchange rows. */
export interface HistoryStep {
  readonly what: 'create' | 'status' | 'label' | 'hours' | 'insert' | 'cut' | 'delete' | 'restore' | 'key' | 'give'
  readonly on: 0 | 1
  readonly by: number
  readonly record: number
  readonly pick: number
}

export const ACTORS = ['ada', 'bob', 'claude'] as const
export const STATUSES = ['todo', 'in_progress', 'review', 'completed'] as const
export const LABELS = ['x', 'y', 'z'] as const
export const KEYS = ['phase', 'goal'] as const

const what = fc.constantFrom<HistoryStep['what']>(
  'create',
  'status',
  'status',
  'label',
  'label',
  'hours',
  'insert',
  'insert',
  'insert',
  'cut',
  'cut',
  'delete',
  'restore',
  'key',
  'give',
  'give',
)
const step: fc.Arbitrary<HistoryStep> = fc.record({
  what,
  on: fc.constantFrom<0 | 1>(0, 1),
  by: fc.nat(ACTORS.length - 1),
  record: fc.nat(3),
  pick: fc.nat(10_000),
})
export const histories = fc.array(step, { minLength: 5, maxLength: 45 })

export interface HistoryWorld {
  readonly clock: TestClock
  readonly replicas: readonly [OpenProject, OpenProject]
  /** Ids in the order of creation. */
  readonly records: readonly RecordId[]
  /** Does one step; gives the row it made, if it made one. */
  run(step: HistoryStep): Promise<Row | undefined>
  /** Lets both replicas have everything. */
  meet(): Promise<void>
}

export function createHistoryWorld(): HistoryWorld {
  const clock = createTestClock()
  const [a, b] = [1, 2].map((seed) => createTestProject({ clock, seed }).project) as [OpenProject, OpenProject]
  b.adopt({ id: a.id, name: a.name })
  const replicas = [a, b] as const
  const records: RecordId[] = []
  let words = 0

  const give = async (from: OpenProject, to: OpenProject, part: number): Promise<void> => {
    await to.applyRows(from.rowsSince(to.have(), part), { source: 'peer', peer: from.replica })
  }

  return {
    clock,
    replicas,
    records,
    async run({ what, on, by, record, pick }) {
      const project = replicas[on]
      await clock.advance(1000)
      if (what === 'give') {
        await give(replicas[on], replicas[1 - on] as OpenProject, 1 + (pick % 12))
        return undefined
      }
      const name = ACTORS[by] as string
      const origin = { source: 'api', actor: { name, type: 'agent', verified: false }, session: `s-${name}` } as const
      const before = project.have()[project.replica] ?? 0
      const id = records[record % Math.max(1, records.length)]
      try {
        await project.transact(origin, (tx) => {
          if (what === 'key') {
            const key = KEYS[pick % KEYS.length] as string
            return tx.setKey('state', key, pick % 5 === 0 ? undefined : `v${words++}`)
          }
          if (what === 'create' || id === undefined) {
            records.push(tx.create(task, { title: `T${records.length}`, body: 'alpha beta gamma' }))
            return
          }
          const body = String(tx.read(task, id)?.values.body ?? '')
          const gaps = [0, ...[...body.matchAll(/ /g)].map(({ index }) => index + 1)]
          const at = gaps[pick % gaps.length] as number
          switch (what) {
            case 'status':
              return tx.update(task, id, { set: { status: STATUSES[pick % STATUSES.length] as string } })
            case 'label': {
              const labels = [LABELS[pick % LABELS.length] as string]
              return tx.update(task, id, pick % 2 ? { add: { labels } } : { remove: { labels } })
            }
            case 'hours':
              return tx.update(task, id, { increment: { spentHours: (pick % 9) - 4 } })
            case 'insert':
              return tx.update(task, id, { edit: { body: [{ at, delete: 0, insert: `w${words++}e ` }] } })
            case 'cut': {
              const end = body.indexOf(' ', at)
              return tx.update(task, id, {
                edit: { body: [{ at, delete: (end < 0 ? body.length : end + 1) - at, insert: '' }] },
              })
            }
            case 'delete':
              return tx.delete(task, id)
            default:
              return tx.restore(task, id)
          }
        })
      } catch (error) {
        if (!['record_deleted', 'record_not_found'].includes(toOrchError(error).code)) throw error
      }
      const after = project.have()[project.replica] ?? 0
      return after === before ? undefined : project.rowsSince({ ...project.have(), [project.replica]: before }, 1)[0]
    },
    async meet() {
      for (let round = 0; round < 2; round++) {
        await give(a, b, 100_000)
        await give(b, a, 100_000)
      }
    },
  }
}

/** Everything a project holds, as text. */
export function shown(project: Pick<OpenProject, 'ids' | 'read' | 'readKeys'>): string {
  const records = project.ids(task, { deleted: true }).map((id) => project.read(task, id))
  return JSON.stringify([records, [...project.readKeys('state')].sort()], null, 1)
}
