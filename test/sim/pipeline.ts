import fc from 'fast-check'
import { toOrchError } from '../../src/base/error.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import type { Row, Vector } from '../../src/store/row.ts'
import { createTestClock } from '../helpers/clock.ts'
import { createTestProject, type TestProject } from '../helpers/project.ts'
import { createMemoryDatabase } from '../memory/database.ts'

/**
 * A randomised run of the pipeline: several actors on several replicas write, crash, exchange rows in any order and have
 * their commits fail, beside a plain model that only remembers which acknowledged row had seen which.
 */

const REPLICAS = 3
const ACTORS = ['ada', 'bob', 'claude'] as const
const STATUSES = ['todo', 'in_progress', 'completed'] as const
const LABELS = ['x', 'y', 'z'] as const
const KEYS = ['phase', 'goal'] as const

type Edit =
  | { readonly type: 'status'; readonly value: string }
  | { readonly type: 'label'; readonly add: boolean; readonly label: string }
  | { readonly type: 'hours'; readonly by: number }
  | { readonly type: 'text'; readonly at: number }
  | { readonly type: 'comment' }
  | { readonly type: 'delete' }
  | { readonly type: 'restore' }

export type Step =
  | { readonly type: 'create'; readonly on: number; readonly by: number }
  | { readonly type: 'edit'; readonly on: number; readonly by: number; readonly record: number; readonly edit: Edit }
  | { readonly type: 'key'; readonly on: number; readonly by: number; readonly key: string; readonly remove: boolean }
  /** Rows from one replica to another: only `part` of what it lacks, in any order that causes allow, some twice. */
  | {
      readonly type: 'give'
      readonly from: number
      readonly to: number
      readonly part: number
      readonly shuffle: number
    }
  | { readonly type: 'crash'; readonly on: number }
  /** The `at`-th call of the database from now on fails, and `times` more. */
  | { readonly type: 'fault'; readonly on: number; readonly at: number; readonly times: number; readonly read: boolean }

const on = fc.nat(REPLICAS - 1)
const by = fc.nat(ACTORS.length - 1)
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ type: fc.constant('status' as const), value: fc.constantFrom(...STATUSES) }),
  fc.record({ type: fc.constant('label' as const), add: fc.boolean(), label: fc.constantFrom(...LABELS) }),
  fc.record({ type: fc.constant('hours' as const), by: fc.integer({ min: -8, max: 8 }) }),
  fc.record({ type: fc.constant('text' as const), at: fc.nat(1000) }),
  fc.record({ type: fc.constant('comment' as const) }),
  fc.record({ type: fc.constant('delete' as const) }),
  fc.record({ type: fc.constant('restore' as const) }),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('create' as const), on, by }) },
  { weight: 9, arbitrary: fc.record({ type: fc.constant('edit' as const), on, by, record: fc.nat(20), edit: edits }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('key' as const),
      on,
      by,
      key: fc.constantFrom(...KEYS),
      remove: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('give' as const),
      from: on,
      to: on,
      part: fc.integer({ min: 1, max: 12 }),
      shuffle: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const), on }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('fault' as const),
      on,
      at: fc.integer({ min: 1, max: 12 }),
      times: fc.integer({ min: 1, max: 4 }),
      read: fc.boolean(),
    }),
  },
)
export const runs = fc.array(step, { minLength: 10, maxLength: 60 })

/** An acknowledged write, as the model remembers it: its row, and what that had seen. */
interface Write {
  readonly replica: string
  readonly seq: number
  readonly record: string
  readonly edit: Edit | { readonly type: 'create' } | { readonly type: 'key'; readonly value: string | undefined }
  readonly seen: Vector
}

/** Runs the steps, lets all replicas meet, and gives what does not hold at the end. */
export async function simulate(steps: readonly Step[]): Promise<readonly string[]> {
  const clock = createTestClock()
  const replicas: TestProject[] = Array.from({ length: REPLICAS }, (_, i) => createTestProject({ clock, seed: i + 1 }))
  const first = must(replicas[0]).project
  for (const { project } of replicas.slice(1)) project.adopt({ id: first.id, name: first.name })
  const writes: Write[] = []
  const records: RecordId[] = []
  const wrong: string[] = []

  /** Runs one write; what is acknowledged goes into the model, and a refusal must have changed nothing. */
  const write = async (
    n: number,
    actor: number,
    work: (
      project: OpenProject,
      origin: Parameters<OpenProject['transact']>[0],
    ) => Promise<Pick<Write, 'record' | 'edit'>>,
  ): Promise<void> => {
    const { project } = must(replicas[n])
    const name = must(ACTORS[actor])
    try {
      const before = project.rowCount()
      const done = await work(project, { source: 'api', actor: { name, type: 'agent', verified: false } })
      // A write that changes nothing makes no row, and promises nothing.
      if (project.rowCount() === before) return
      const { replica } = project
      const { [replica]: seq = 0, ...others } = project.have()
      writes.push({ ...done, replica, seq, seen: { ...others, [replica]: seq - 1 } })
    } catch (error) {
      if (!['storage_failed', 'record_deleted', 'record_not_found'].includes(toOrchError(error).code)) throw error
    }
  }

  const editOf = (
    project: OpenProject,
    id: RecordId,
    edit: Edit,
    word: string,
    tx: Parameters<Parameters<OpenProject['transact']>[1]>[0],
  ): void => {
    switch (edit.type) {
      case 'status':
        tx.update(task, id, { set: { status: edit.value } })
        break
      case 'label':
        tx.update(task, id, edit.add ? { add: { labels: [edit.label] } } : { remove: { labels: [edit.label] } })
        break
      case 'hours':
        tx.update(task, id, { increment: { spentHours: edit.by } })
        break
      case 'text': {
        const body = String(project.read(task, id)?.values.body ?? '')
        const gaps = [0, ...[...body.matchAll(/ /g)].map(({ index }) => index + 1)]
        const at = must(gaps[edit.at % gaps.length])
        tx.update(task, id, { edit: { body: [{ at, delete: 0, insert: `${word} ` }] } })
        break
      }
      case 'comment':
        tx.update(task, id, { append: { comments: [{ text: word }] } })
        break
      case 'delete':
        tx.delete(task, id)
        break
      case 'restore':
        tx.restore(task, id)
        break
    }
  }

  const give = async (from: number, to: number, part: number, shuffle: number): Promise<void> => {
    const [giver, taker] = [must(replicas[from]).project, must(replicas[to]).project]
    let rows: readonly Row[]
    try {
      rows = mixed(giver.rowsSince(taker.have(), part), shuffle)
      for (const row of rows) await taker.applyRows([row], { source: 'peer', peer: giver.replica })
    } catch (error) {
      if (!['rows_missing', 'storage_failed'].includes(toOrchError(error).code)) throw error
    }
  }

  let words = 0
  for (const one of steps) {
    await clock.advance(10)
    switch (one.type) {
      case 'create':
        await write(one.on, one.by, async (project, origin) => {
          const id = await project.transact(origin, (tx) => tx.create(task, { title: 'T' }))
          records.push(id)
          return { record: id, edit: { type: 'create' } }
        })
        break
      case 'edit': {
        const id = records[one.record % Math.max(1, records.length)]
        if (id === undefined) break
        const word = `w${words++}e`
        await write(one.on, one.by, async (project, origin) => {
          await project.transact(origin, (tx) => editOf(project, id, one.edit, word, tx))
          return { record: ['text', 'comment'].includes(one.edit.type) ? `${id} ${word}` : id, edit: one.edit }
        })
        break
      }
      case 'key': {
        const value = one.remove ? undefined : `v${words++}`
        await write(one.on, one.by, async (project, origin) => {
          await project.transact(origin, (tx) => tx.setKey('state', one.key, value))
          return { record: one.key, edit: { type: 'key', value } }
        })
        break
      }
      case 'give':
        if (one.from !== one.to) await give(one.from, one.to, one.part, one.shuffle)
        break
      case 'crash': {
        const { database } = must(replicas[one.on])
        database.heal()
        replicas[one.on] = must(replicas[one.on]).reopen()
        break
      }
      case 'fault':
        must(replicas[one.on]).database.failAt(one.at, one.times, one.read ? 'reads' : 'writes')
        break
    }
  }

  for (const { database } of replicas) database.heal()
  for (let round = 0; round < 2; round++) {
    for (let a = 0; a < REPLICAS; a++) {
      for (let b = 0; b < REPLICAS; b++) if (a !== b) await give(a, b, 100_000, 0)
    }
  }
  wrong.push(...differences(replicas.map(({ project }) => project)))
  wrong.push(...againstModel(must(replicas[0]).project, writes))
  return wrong
}

/** Some rows twice, and the order turned: a taker must refuse what comes before its cause, and change nothing. */
function mixed(rows: readonly Row[], shuffle: number): readonly Row[] {
  const kinds = shuffle % 3
  if (kinds === 0) return rows
  return kinds === 1 ? [...rows, ...rows.slice(0, 3)] : [...rows].reverse()
}

/** [P3]: when all is quiet, replicas and their indexes are equal. */
function differences(projects: readonly OpenProject[]): readonly string[] {
  const [one, ...others] = projects.map(shown)
  return [
    ...others.flatMap((other, i) => (other === one ? [] : [`replica ${i + 1} differs:\n${one}\n${other}`])),
    ...projects.flatMap((project, i) => project.checkIndex(createMemoryDatabase()).map((line) => `${i}: ${line}`)),
  ]
}

function shown(project: OpenProject): string {
  const ids = project.ids(task, { deleted: true })
  const records = ids.map((id) => project.read(task, id))
  return JSON.stringify([sorted(project.have()), records, [...project.readKeys('state')].sort()], null, 1)
}

const sorted = (vector: Readonly<Record<string, number>>) => Object.entries(vector).sort()

/** [P1], [P2]: what the acknowledged writes promise, from nothing but what each of them had seen. */
function againstModel(project: OpenProject, writes: readonly Write[]): readonly string[] {
  const wrong: string[] = []
  const have = project.have()
  for (const { replica, seq } of writes) {
    if ((have[replica] ?? 0) < seq) wrong.push(`the acknowledged row ${replica}:${seq} is lost`)
  }
  /** Writes that nothing later, which had seen them, decided again: the ones that may be visible. */
  const heads = (list: readonly Write[]) => list.filter((one) => !list.some((other) => hasSeen(other, one)))

  for (const { record } of writes.filter(({ edit }) => edit.type === 'create')) {
    const found = project.read(task, record as RecordId)
    if (!found) {
      wrong.push(`${record} is gone`)
      continue
    }
    const mine = writes.filter((write) => write.record.split(' ')[0] === record)
    const of = <T extends Write['edit']['type']>(type: T) => mine.filter(({ edit }) => edit.type === type)

    const body = String(found.values.body)
    for (const { record: marked } of of('text')) {
      const word = marked.split(' ')[1] ?? ''
      if (body.split(word).length !== 2)
        wrong.push(`${word} is ${body.split(word).length - 1} times in ${record}: ${body}`)
    }
    const comments = (found.values.comments as readonly { readonly text: string }[]).map(({ text }) => text)
    const said = of('comment').map(({ record: marked }) => marked.split(' ')[1] ?? '')
    if ([...comments].sort().join() !== said.sort().join())
      wrong.push(`${record} has the comments ${comments}, not ${said}`)
    const hours = of('hours').reduce((sum, { edit }) => sum + (edit.type === 'hours' ? edit.by : 0), 0)
    if (found.values.spentHours !== hours) wrong.push(`${record} has ${found.values.spentHours} hours, not ${hours}`)

    const statuses = heads(of('status')).map(({ edit }) => (edit.type === 'status' ? edit.value : ''))
    if (!(statuses.length === 0 ? ['todo'] : statuses).includes(String(found.values.status))) {
      wrong.push(`${record} is ${found.values.status}, not one of ${statuses}`)
    }
    for (const label of LABELS) {
      const last = heads(of('label').filter(({ edit }) => edit.type === 'label' && edit.label === label))
      const may = new Set(last.map(({ edit }) => edit.type === 'label' && edit.add))
      if (last.length === 0) may.add(false)
      const is = (found.values.labels as readonly string[]).includes(label)
      if (!may.has(is)) wrong.push(`${record} ${is ? 'has' : 'lacks'} the label ${label}`)
    }
    wrong.push(...lifeOf(record, found.deletedAt !== undefined, mine))
  }
  for (const key of KEYS) {
    const last = heads(writes.filter(({ record, edit }) => edit.type === 'key' && record === key))
    const may = new Set(last.map(({ edit }) => (edit.type === 'key' ? edit.value : undefined)))
    if (last.length === 0) may.add(undefined)
    const is = project.readKeys('state').get(key)?.value as string | undefined
    if (!may.has(is)) wrong.push(`the key ${key} is ${is}, not one of ${[...may]}`)
  }
  return wrong
}

const hasSeen = ({ seen }: Write, { replica, seq }: Write): boolean => (seen[replica] ?? 0) >= seq

/** An edit that no deletion had seen keeps a record; a deletion that had seen everything holds. */
function lifeOf(record: string, isDeleted: boolean, mine: readonly Write[]): readonly string[] {
  const deletions = mine.filter(({ edit }) => edit.type === 'delete')
  const others = mine.filter(({ edit }) => edit.type !== 'delete')
  const covers = (deletion: Write): boolean => others.every((other) => hasSeen(deletion, other))
  const isUnseen = others.some((other) => !deletions.some((deletion) => hasSeen(deletion, other)))
  if (isDeleted && (deletions.length === 0 || isUnseen)) return [`${record} is deleted over an edit nobody had seen`]
  if (!isDeleted && deletions.some(covers)) return [`${record} lives although a deletion had seen all of it`]
  return []
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing')
  return value
}
