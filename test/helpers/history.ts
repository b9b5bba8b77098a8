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
export const FIRST_BODY = 'alpha beta gamma'
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

/** What a step did, as a plain model may note it. */
export interface Did {
  readonly row: Row
  readonly what: Exclude<HistoryStep['what'], 'give'>
  readonly by: string
  /** The record, or the key. */
  readonly on: string
  /** Where in the text, what was put in, how much was cut. */
  readonly at: number
  readonly insert: string
  readonly cut: number
  /** The status, the label, the hours or the key's value. */
  readonly value: string | number | undefined
  readonly add: boolean
}

export interface HistoryWorld {
  readonly clock: TestClock
  readonly replicas: readonly [OpenProject, OpenProject]
  /** Ids in the order of creation. */
  readonly records: readonly RecordId[]
  /** Does one step; gives what it did, if that made a row. */
  run(step: HistoryStep): Promise<Did | undefined>
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
      let did: Omit<Did, 'row'> = {
        what,
        by: name,
        on: id ?? '',
        at: 0,
        insert: '',
        cut: 0,
        value: undefined,
        add: false,
      }
      try {
        await project.transact(origin, (tx) => {
          if (what === 'key') {
            const key = KEYS[pick % KEYS.length] as string
            const value = pick % 5 === 0 ? undefined : `v${words++}`
            did = { ...did, on: key, value }
            return tx.setKey('state', key, value)
          }
          if (what === 'create' || id === undefined) {
            const made = tx.create(task, { title: `T${records.length}`, body: FIRST_BODY })
            records.push(made)
            did = { ...did, what: 'create', on: made }
            return
          }
          const body = String(tx.read(task, id)?.values.body ?? '')
          const gaps = [0, ...[...body.matchAll(/ /g)].map(({ index }) => index + 1)]
          const at = gaps[pick % gaps.length] as number
          switch (what) {
            case 'status': {
              const value = STATUSES[pick % STATUSES.length] as string
              did = { ...did, value }
              return tx.update(task, id, { set: { status: value } })
            }
            case 'label': {
              const value = LABELS[pick % LABELS.length] as string
              did = { ...did, value, add: pick % 2 === 1 }
              return tx.update(task, id, did.add ? { add: { labels: [value] } } : { remove: { labels: [value] } })
            }
            case 'hours':
              did = { ...did, value: (pick % 9) - 4 }
              return tx.update(task, id, { increment: { spentHours: (pick % 9) - 4 } })
            case 'insert':
              did = { ...did, at, insert: `w${words++}e ` }
              return tx.update(task, id, { edit: { body: [{ at, delete: 0, insert: did.insert }] } })
            case 'cut': {
              const end = body.indexOf(' ', at)
              did = { ...did, at, cut: (end < 0 ? body.length : end + 1) - at }
              return tx.update(task, id, { edit: { body: [{ at, delete: did.cut, insert: '' }] } })
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
      const [row] = project.rowsSince({ ...project.have(), [project.replica]: before }, 1)
      return row && { ...did, row }
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
