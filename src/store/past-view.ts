import type { Clock } from '../base/clock.ts'
import { createTurns } from '../base/turns.ts'
import type { ProjectDoc } from '../doc/project-doc.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Database } from './database.ts'
import { indexTables } from './index-tables.ts'
import type { Past } from './past.ts'
import { createQueries, type Queries } from './queries.ts'
import { createRecordIndex } from './record-index.ts'
import type { Vector } from './row.ts'
import { createWorkGraph } from './work-graph.ts'
import { createWorkQueries, type WorkQueries } from './work-queries.ts'

/** A project as it was at a moment, for reading. The work log is not in it: its entries have their times. */
export interface PastProject extends Queries, WorkQueries {
  readonly moment: Vector
}

export interface PastViewsParts {
  readonly db: Database
  readonly kinds: Kinds
  readonly clock: Pick<Clock, 'monotonic'>
  readonly doc: () => ProjectDoc
  readonly have: () => Vector
  readonly past: Pick<Past, 'traces' | 'keysBetween' | 'assertKnown'>
  /** Makes an empty database in memory. */
  readonly scratch: () => Database
}

/** So many are kept: each is an index in memory of about the size of the present one. */
const KEPT = 2
const PUTS_PER_COMMIT = 100

export interface PastViews {
  /** Gives the project as it was to `use`, whose result it resolves to; it must not be used any more afterwards. */
  view<T>(moment: Vector, use: (project: PastProject) => T | Promise<T>): Promise<T>
}

interface Kept {
  readonly scratch: Database
  readonly made: Promise<PastProject>
  users: number
}

/** Makes views of the past: an index in memory, in which what was changed since is as it was. */
export function createPastViews(parts: PastViewsParts): PastViews {
  /** Those used last come last. */
  const known = new Map<string, Kept>()
  /** Closes what is kept no longer, once nobody reads it. */
  const tidy = (): void => {
    for (const [name, { scratch, users }] of [...known].slice(0, -KEPT)) {
      if (users > 0) continue
      known.delete(name)
      scratch.close()
    }
  }
  const make = (moment: Vector): Kept => {
    const scratch = parts.scratch()
    return { scratch, made: makeView(parts, scratch, moment), users: 0 }
  }
  return {
    async view(moment, use) {
      parts.past.assertKnown(moment)
      const name = JSON.stringify(Object.entries(moment).sort())
      const kept = known.get(name) ?? make(moment)
      known.delete(name)
      known.set(name, kept)
      kept.users++
      try {
        const made = await kept.made.catch((error: unknown) => {
          // Tried anew by the next; who waits for this one is told.
          if (known.get(name) === kept) {
            known.delete(name)
            kept.scratch.close()
          }
          throw error
        })
        return await use(made)
      } finally {
        kept.users--
        tidy()
      }
    },
  }
}

async function makeView(
  { db, kinds, clock, doc, have, past }: PastViewsParts,
  scratch: Database,
  moment: Vector,
): Promise<PastProject> {
  for (const sql of indexTables(kinds)) scratch.exec(sql)
  const index = createRecordIndex(scratch)
  const turns = createTurns(clock)
  const done = new Set<string>()
  let looked = moment
  const changed = new Set<string>()
  /** Takes what was changed up to this very turn: looking takes turns of its own. */
  const look = async (): Promise<void> => {
    for (let now = have(); !isSame(looked, now); now = have()) {
      for (const key of await past.keysBetween(looked, now)) changed.add(key)
      looked = now
    }
  }
  await look()

  let put = 0
  /** Ends a transaction now and then: what the full text index has gathered is written when it ends, in one turn. */
  const commit = (): void => {
    if (++put % PUTS_PER_COMMIT === 0) scratch.exec('COMMIT; BEGIN')
  }
  const rest = async (): Promise<void> => {
    await turns.next()
    await look()
  }
  const touch = (key: string, rows: readonly Touching[]): void => {
    for (const row of rows) index.touch([key], row)
  }
  const touchesNow = (key: string): readonly Touching[] =>
    db.all<Touching>('SELECT replica, seq, at, actor FROM touches WHERE key = ?', key)

  scratch.exec('BEGIN')
  for (const kind of [...kinds.records, ...kinds.keyed]) {
    for (const id of idsOf(db, kind)) {
      const key = kind.shape === 'keys' ? `${kind.name}/${id}` : id
      if (turns.isOver()) await rest()
      if (changed.has(key)) continue
      touch(key, touchesNow(key))
      putNow(index, kind, id, doc())
      commit()
      done.add(key)
    }
  }
  // What is changed from now on is in there already, as it was.
  for (const key of changed) {
    if (done.has(key)) continue
    const { target, trace, rows } = await past.traces.follow(key, { have: moment }, turns)
    touch(
      key,
      rows.filter(({ edits }) => edits),
    )
    if (target.shape === 'records') {
      const record = trace.record(target.kind, target.id)
      if (record) index.put(target.kind, record)
    } else index.putKey(target.kind, target.id, trace.key(target.kind, target.id))
    trace.destroy()
    commit()
    if (turns.isOver()) await turns.next()
  }
  scratch.exec('COMMIT')
  const queries = createQueries(scratch, kinds)
  const work = createWorkQueries(createWorkGraph(scratch, kinds), queries, clock)
  // Who held which task then is in no row.
  return { moment, ...queries, ...work, ready: (query) => work.ready({ ...query, claimed: new Set() }) }
}

function isSame(a: Vector, b: Vector): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((replica) => a[replica] === b[replica])
}

interface Touching {
  readonly replica: string
  readonly seq: number
  readonly at: number
  readonly actor: string
}

const IDS_PER_READ = 500

/** Page by page, as they are then: what was made since the view was begun is taken as changed. */
function* idsOf(db: Database, kind: RecordKind | KeyedKind): Generator<string> {
  for (let from = ''; ; ) {
    const page =
      kind.shape === 'records'
        ? db.all<{ id: string }>(
            'SELECT id FROM ids WHERE id > ? AND kind = ? ORDER BY id LIMIT ?',
            from,
            kind.name,
            IDS_PER_READ,
          )
        : db.all<{ id: string }>(
            `SELECT key AS id FROM ${kind.table} WHERE key > ? ORDER BY key LIMIT ?`,
            from,
            IDS_PER_READ,
          )
    for (const { id } of page) yield id
    const last = page.at(-1)
    if (!last) return
    from = last.id
  }
}

function putNow(
  index: ReturnType<typeof createRecordIndex>,
  kind: RecordKind | KeyedKind,
  id: string,
  doc: ProjectDoc,
): void {
  if (kind.shape === 'keys') {
    index.putKey(kind, id, doc.key(kind, id))
    return
  }
  const record = doc.read(kind, id as Parameters<ProjectDoc['read']>[1])
  if (record) index.put(kind, record)
}
