import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { atOnce, createTurns, inTurns, type Steps, type Turns } from '../base/turns.ts'
import { type Kept, marksOf, type RecordUndo, undoKey, undoRecord } from '../doc/undo.ts'
import { unitsOf } from '../doc/units.ts'
import { log } from '../model/kinds/log.ts'
import type { Database, SqlValue } from './database.ts'
import { MAIN_DOC } from './journal.ts'
import { holdingMark } from './life.ts'
import type { Planned } from './planned.ts'
import type { StoredRecord } from './project.ts'
import { patched } from './towards.ts'
import type { Followed, KeyTarget, Traced, TracedRow, Traces } from './traces.ts'
import type { RecordPatch, Tx } from './tx.ts'

/** Which changes to take back; all that is given must hold. */
export interface UndoSelection {
  readonly session?: string | undefined
  readonly actor?: string | undefined
  /** Only what was made since: milliseconds since 1970. */
  readonly since?: number | undefined
  /** `<replica>:<seq>` each. */
  readonly changes?: readonly string[] | undefined
}

export interface UndoPlan {
  readonly planned: readonly Planned[]
  /** How many changes are taken back. */
  readonly rows: number
  /** What of them stays that is no part of a record. */
  readonly notes: readonly string[]
}

/** More than these are no slip to take back: look at `orch restore`. */
const MAX_ROWS = 20_000
/** Looked through in one step. */
const ROWS_PER_READ = 2_000

/**
 * Plans to take back what some rows did, and only that: every record and key they touch is to be what the other rows
 * alone would have made of it. Reads those records' rows, and no others.
 */
export async function planUndo(
  db: Database,
  traces: Traces,
  clock: Pick<Clock, 'monotonic'>,
  selection: UndoSelection,
): Promise<UndoPlan> {
  const turns = createTurns(clock)
  const { numbers, entries } = await rowsOf(db, selection, turns)
  const isUndone = (row: TracedRow): boolean => numbers.has(row.n)
  const planned: Planned[] = []
  for (const key of await keysOf(db, numbers, turns)) {
    if (!traces.targetOf(key)) continue
    const followed = await traces.follow(key, {}, turns)
    const work = await inTurns(workOf(followed, isUndone), turns)
    followed.trace.destroy()
    if (work.changes || work.notes.length > 0) planned.push(planKey(db, traces, key, { followed, work, isUndone }))
    if (turns.isOver()) await turns.next()
  }
  const notes = entries > 0 ? [`${entries} changes of the ${log.plural} stay: its entries are only ever added`] : []
  return { planned, rows: numbers.size, notes }
}

function planKey(
  db: Database,
  traces: Traces,
  key: string,
  {
    followed,
    work,
    isUndone,
  }: { readonly followed: Followed; readonly work: Work; readonly isUndone: (row: TracedRow) => boolean },
): Planned {
  const now = followed.read()
  const seen = followed.rows.at(-1)?.n
  return {
    key,
    now,
    next: work.changes ? work.next : now,
    notes: work.notes,
    apply(tx, check) {
      // Somebody may have gone on meanwhile: then it is thought through again, with what they did.
      const isSame = lastRowOf(db, key) === seen
      const fresh = isSame ? followed : traces.followNow(key)
      const todo = isSame ? work : atOnce(workOf(fresh, isUndone))
      if (!isSame) fresh.trace.destroy()
      if (todo.changes) todo.write(tx, check)
    },
  }
}

interface Work {
  readonly changes: boolean
  readonly next: Traced
  readonly notes: readonly string[]
  readonly write: (tx: Tx, check: Parameters<Planned['apply']>[1]) => void
}

function* workOf(followed: Followed, isUndone: (row: TracedRow) => boolean): Steps<Work> {
  const { target } = followed
  if (target.shape === 'keys') return keyWork(followed, target, isUndone)
  return yield* recordWork(followed, target, isUndone)
}

function keyWork(
  { trace, read }: Followed,
  { kind, id }: Extract<KeyTarget, { shape: 'keys' }>,
  isUndone: (row: TracedRow) => boolean,
): Work {
  const { changed, value, kept } = undoKey(trace, kind, id, isUndone)
  const now = read()
  const next = value === undefined ? undefined : { key: id, value, updatedAt: 0, updatedBy: '' }
  return {
    changes: changed,
    next: changed ? next : now,
    notes: kept.map(keptText),
    write: (tx) => tx.setKey(kind.name, id, value),
  }
}

function* recordWork(
  followed: Followed,
  { kind, id }: Extract<KeyTarget, { shape: 'records' }>,
  isUndone: (row: TracedRow) => boolean,
): Steps<Work> {
  const { trace, rows, read } = followed
  const now = must(read() as StoredRecord | undefined, `no record ${id}`)
  const makers = new Set(unitsOf(trace, trace.doc.getMap(kind.plural), id)[0]?.rows ?? [])
  const isMade = makers.size > 0 && [...makers].every(isUndone)
  const builders = rows.filter((row) => row.edits && !isUndone(row))
  const isDeleted = now.deletedAt !== undefined
  if (isMade && builders.length === 0) {
    return {
      changes: !isDeleted,
      next: { ...now, deletedAt: 0, deletedBy: '' },
      notes: [],
      write: (tx) => tx.delete(kind, id),
    }
  }
  // The row that made a record stays where others built on it: without its types their work would have no place.
  const isTakenBack = (row: TracedRow): boolean => isUndone(row) && !makers.has(row)
  const undo = yield* undoRecord(trace, kind, id, isTakenBack)
  const patch = patchOf(undo)
  const marks = marksOf(trace, kind, id).filter(({ rows: by }) => !(by.length > 0 && by.every(isUndone)))
  const touches = rows.filter((row) => row.edits && !isTakenBack(row))
  const mark = holdingMark(
    marks.map((one) => one.mark),
    touches,
  )
  const staysDeleted = isDeleted && mark !== undefined
  const edits = Object.keys(patch).length > 0
  const notes = [
    ...(isMade ? [`stays: ${namesOf(builders)} built on it`] : []),
    ...undo.kept.map(keptText),
    ...(staysDeleted && edits ? [`is deleted, by ${now.deletedBy}; what was changed in it stays`] : []),
  ]
  const { deletedAt: _, deletedBy: __, ...living } = patched(now, staysDeleted ? {} : patch)
  const becomesDeleted = !isDeleted && mark !== undefined
  return {
    changes: isDeleted ? !staysDeleted : edits || becomesDeleted,
    next: mark ? { ...living, deletedAt: mark.at, deletedBy: mark.by } : living,
    notes,
    write(tx, check) {
      check(tx, kind, now, patch)
      if (isDeleted) tx.restore(kind, id)
      if (edits) tx.update(kind, id, patch)
      if (becomesDeleted) tx.delete(kind, id)
    },
  }
}

function patchOf({ set, add, remove, increment, edit, front, extra, file }: RecordUndo<TracedRow>): RecordPatch {
  const has = (object: object): boolean => Object.keys(object).length > 0
  return {
    ...(has(set) && { set }),
    ...(has(add) && { add }),
    ...(has(remove) && { remove }),
    ...(has(increment) && { increment }),
    ...(has(edit) && { edit }),
    ...(front.length > 0 && { front }),
    ...(has(extra) && { extra }),
    ...(file !== undefined && { file }),
  }
}

function keptText({ field, reason, rows }: Kept<TracedRow>): string {
  switch (reason) {
    case 'overwritten':
      return `${field} stays as it is: ${namesOf(rows)} set it after that`
    case 'built-on':
      return `${field}: what ${namesOf(rows)} wrote in what is taken back stays`
    case 'added-only':
      return `${field} stay: they are only ever added`
  }
}

function namesOf(rows: readonly TracedRow[]): string {
  return [...new Set(rows.map(({ actor }) => actor))].sort().join(', ')
}

function lastRowOf(db: Database, key: string): number | undefined {
  return db.get<{ n: number | null }>('SELECT max(n) AS n FROM row_keys WHERE key = ?', key)?.n ?? undefined
}

/** The rows that are selected, and how many more are of the work log. Throws `invalid_input`. */
async function rowsOf(
  db: Database,
  selection: UndoSelection,
  turns: Turns,
): Promise<{ readonly numbers: ReadonlySet<number>; readonly entries: number }> {
  const { session, actor, since, changes } = selection
  if (session === undefined && actor === undefined && changes === undefined) {
    throw new OrchError('usage', { reason: 'Say what to take back: a session, an actor or a change' })
  }
  const conditions: string[] = []
  const params: SqlValue[] = []
  const where = (sql: string, ...values: readonly SqlValue[]): void => {
    conditions.push(sql)
    params.push(...values)
  }
  if (session !== undefined) where("session = ? AND session <> ''", session)
  if (actor !== undefined) where('actor = ?', actor)
  if (since !== undefined) where('at >= ?', since)
  if (changes !== undefined) {
    const names = changes.map((name) => /^(.+):(\d{1,15})$/.exec(name) ?? [])
    const unknown = changes.find((_, i) => names[i]?.length === 0)
    if (unknown !== undefined) throw new OrchError('moment_unknown', { moment: unknown })
    where(
      `(${names.map(() => '(replica = ? AND seq = ?)').join(' OR ')})`,
      ...names.flatMap(([, replica = '', seq = '']) => [replica, Number(seq)]),
    )
  }
  const last = db.get<{ n: number | null }>('SELECT max(n) AS n FROM rows')?.n ?? 0
  const found: { readonly n: number; readonly doc: string }[] = []
  for (let from = 0; from < last && found.length <= MAX_ROWS; from += ROWS_PER_READ) {
    found.push(
      ...db.all<{ n: number; doc: string }>(
        `SELECT n, doc FROM rows WHERE n > ? AND n <= ? AND ${conditions.join(' AND ')} ORDER BY n`,
        from,
        from + ROWS_PER_READ,
        ...params,
      ),
    )
    if (turns.isOver()) await turns.next()
  }
  if (changes !== undefined && found.length < new Set(changes).size && found.length === 0) {
    throw new OrchError('moment_unknown', { moment: changes.join(', ') })
  }
  if (found.length > MAX_ROWS) {
    const reason = `more than ${MAX_ROWS} changes; take back a part of them, or restore what was before`
    throw new OrchError('invalid_input', { field: 'selection', reason })
  }
  const main = found.filter(({ doc }) => doc === MAIN_DOC)
  return { numbers: new Set(main.map(({ n }) => n)), entries: found.length - main.length }
}

async function keysOf(db: Database, numbers: ReadonlySet<number>, turns: Turns): Promise<readonly string[]> {
  const keys = new Set<string>()
  for (const n of numbers) {
    for (const { key } of db.all<{ key: string }>('SELECT key FROM row_keys WHERE n = ?', n)) keys.add(key)
    if (turns.isOver()) await turns.next()
  }
  return [...keys].sort()
}
