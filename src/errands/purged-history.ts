import type { GitRepo, Oid } from '../git/git-repo.ts'
import { headOf, type Moving, refsThatReach } from '../git/purge-history.ts'
import type { Env } from '../git/run-git.ts'
import type { Database } from '../store/database.ts'
import { lastPurge } from '../store/purges.ts'
import { createMeta } from '../store/schema.ts'

/** The number of the last purge that is done here. */
export const DONE = 'purged'
/** What is to be noted of the branch once it has moved: `after` is its commit then, `last` our last snapshot in it. */
const MOVING = 'purge_moving'
const GONE = 'purge_gone'
const BEFORE = 'purge_before'

/** Notes it before the branch is moved. */
export function noteMoving(db: Database, { before, after, commitOf, gone }: Moving): void {
  const meta = createMeta(db)
  const last = lastSnapshot(db)
  db.transaction(() => {
    meta.set(MOVING, JSON.stringify({ after, last: last === undefined ? undefined : commitOf(last) }))
    meta.set(GONE, JSON.stringify([...goneCommits(db), ...gone]))
    meta.set(BEFORE, JSON.stringify([...movedFrom(db), before]))
  })
}

/** What the branch held before purges that are not done yet moved it. */
function movedFrom(db: Database): readonly Oid[] {
  return JSON.parse(createMeta(db).get(BEFORE) ?? '[]') as readonly Oid[]
}

/** Refs of the user's that reach what was replaced, also where the branch was moved before the purge was cut short. */
export async function refsLeft(parts: {
  readonly db: Database
  readonly commonDir: string
  readonly env: Env
  readonly ref: string
}): Promise<readonly string[]> {
  const refs = new Set<string>()
  for (const before of movedFrom(parts.db)) for (const ref of await refsThatReach(parts, before)) refs.add(ref)
  return [...refs]
}

/** Notes that a purge is done here. */
export function noteDone(db: Database, last: number): void {
  db.transaction(() => {
    createMeta(db).set(DONE, String(last))
    db.run('DELETE FROM meta WHERE key = ?', BEFORE)
  })
}

/** Names our last snapshot as it is called now; else the whole branch would be taken in as somebody else's. */
export async function settleMoving(parts: {
  readonly db: Database
  readonly commonDir: string
  readonly env: Env
  /** The history branch in full. */
  readonly ref: string
}): Promise<void> {
  const { db } = parts
  const noted = createMeta(db).get(MOVING)
  if (noted === undefined) return
  const { after, last } = JSON.parse(noted) as { readonly after: Oid; readonly last?: Oid }
  const head = await headOf(parts)
  db.transaction(() => {
    if (head === after && last !== undefined) db.run('UPDATE snapshot_last SET "commit" = ?', last)
    db.run('DELETE FROM meta WHERE key = ?', MOVING)
  })
}

function lastSnapshot(db: Database): Oid | undefined {
  if (!db.get("SELECT 1 FROM sqlite_master WHERE name = 'snapshot_last'")) return undefined
  return db.get<{ commit: Oid }>('SELECT "commit" FROM snapshot_last')?.commit
}

/** Commits that purges have replaced: a branch that holds one of them must not be merged. */
function goneCommits(db: Database): readonly Oid[] {
  return JSON.parse(createMeta(db).get(GONE) ?? '[]') as readonly Oid[]
}

/** Whether a purge has come that is not done here: until then nothing of here may be given to a remote. */
function isPurgePending(db: Database): boolean {
  return lastPurge(db) > Number(createMeta(db).get(DONE) ?? 0)
}

/** Why the branch of a remote must not be merged now; undefined when it may. */
export async function refusalOfRemote(
  db: Database,
  repo: Pick<GitRepo, 'log'>,
  theirs: Oid | undefined,
  ours: Oid | undefined,
): Promise<string | undefined> {
  if (isPurgePending(db)) return 'a purge has come, which is finished first'
  const gone = new Set(goneCommits(db))
  if (gone.size === 0 || theirs === undefined) return undefined
  const without = ours === undefined ? [] : [ours]
  const commits = await repo.log(theirs, { limit: MAX_COMMITS, without })
  return commits.some(({ oid }) => gone.has(oid)) ? 'it still holds a secret that was purged here' : undefined
}

const MAX_COMMITS = 100_000
