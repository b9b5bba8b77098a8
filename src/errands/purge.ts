/**
 * Takes a secret that leaked into the project out of everything of it that is here. How it works, and why it is done while
 * no daemon runs: docs/decisions/0008-purge.md.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { PrivatePaths } from '../base/repository.ts'
import { FILLER } from '../doc/purge.ts'
import type { GitRepo, Oid } from '../git/git-repo.ts'
import { type HistoryPurge, headOf, previewHistoryPurge, purgeHistory, refsThatReach } from '../git/purge-history.ts'
import type { Env } from '../git/run-git.ts'
import type { Kinds } from '../model/kind-set.ts'
import { slug } from '../model/layout.ts'
import type { Database } from '../store/database.ts'
import { createJournal, type Journal } from '../store/journal.ts'
import { openMirrorPlaces } from '../store/mirror-places.ts'
import {
  allPurges,
  coversOf,
  encodePurge,
  findSecret,
  formsOf,
  lastPurge,
  MIN_SECRET,
  PURGE_DOC,
  type Purge,
  purgeDatabase,
  type Replacement,
  readSecrets,
  replaced,
  shredFreed,
} from '../store/purges.ts'
import type { Row } from '../store/row.ts'
import { createMeta } from '../store/schema.ts'
import { filesHolding, rewriteFiles } from './purge-files.ts'

export interface PurgeParts {
  readonly db: Database
  readonly kinds: Kinds
  readonly paths: Pick<PrivatePaths, 'dir' | 'database'>
  /** The main mirror's folder; those of linked worktrees are known to the database. */
  readonly mirrorDir: string
  readonly commonDir: string
  readonly env: Env
  /** Where the history goes while the database does not know it. */
  readonly ref: string
  readonly log: Logger
  /** Called before each step, which a test makes the last one. */
  readonly onStep?: (step: PurgeStep) => void
}

export type PurgeStep = 'history' | 'files' | 'rows' | 'loads' | 'shred' | 'end'

/** What a purge will find, or has found. It holds nothing of the secret. */
export interface PurgeReport {
  readonly places: number
  readonly rows: number
  readonly records: readonly string[]
  readonly files: readonly string[]
  readonly commits: number
  readonly commitsHit: number
  /** Refs that are not ours and reach the old commits. */
  readonly refs: readonly string[]
  /** After it: what still holds the secret, and could not be reached. */
  readonly left: readonly string[]
}

/** Says where a secret is. Writes nothing. Throws `invalid_input` for one that is too short or not to be told apart. */
export async function previewPurge(parts: PurgeParts, given: string): Promise<PurgeReport> {
  const secret = checkSecret(given)
  const found = findSecret(createJournal(parts.db), { secret, inNames: inNames(secret) })
  const replacements = formsOf([secret], inNames)
  const history = await previewHistoryPurge(historyOf(parts, [found.purge], replacements))
  const refs =
    history.hits > 0 && history.before !== undefined
      ? await refsThatReach({ ...parts, ref: refOf(parts) }, history.before)
      : []
  return {
    places: found.places,
    rows: found.rows,
    records: found.keys,
    files: holding(parts, replacements),
    commits: history.commits,
    commitsHit: history.hits,
    refs,
    left: [],
  }
}

/**
 * Notes what is to be taken out as a row, which every replica gets, and takes it out here. From the row on it is finished
 * by whoever opens the project next, if it is cut short. Only while holding the lock.
 */
export async function performPurge(
  parts: PurgeParts,
  given: string,
  by: { readonly replica: string; readonly actor: string; readonly at: number },
): Promise<PurgeReport> {
  const preview = await previewPurge(parts, given)
  const secret = checkSecret(given)
  const journal = createJournal(parts.db)
  const { purge } = findSecret(journal, { secret, inNames: inNames(secret) })
  parts.db.transaction(() => journal.append(purgeRow(journal, purge, by)))
  await settlePurges(parts, secret)
  return { ...preview, left: [...preview.refs, ...holding(parts, formsOf([secret], inNames))] }
}

function purgeRow(
  journal: Journal,
  purge: Purge,
  { replica, actor, at }: { readonly replica: string; readonly actor: string; readonly at: number },
): Row {
  const { [replica]: own = 0, ...seen } = journal.have()
  const update = encodePurge(purge)
  return {
    replica,
    seq: own + 1,
    doc: PURGE_DOC,
    at,
    actor,
    source: 'api',
    verified: false,
    session: '',
    seen,
    touched: [],
    update,
  }
}

const DONE = 'purged'

/**
 * Takes out what purges name that came since the last time. Every step may be done again; rows are covered after all that
 * has to be searched by text, because until then they tell what the text is. Only before the project is opened.
 */
export async function settlePurges(parts: PurgeParts, known?: string): Promise<boolean> {
  const { db, kinds, paths, log, onStep = () => undefined } = parts
  const last = lastPurge(db)
  const meta = createMeta(db)
  const done = Number(meta.get(DONE) ?? 0)
  if (last <= done) return false
  const journal = createJournal(db)
  const purges = allPurges(journal)
  const secrets = new Set([...readSecrets(journal, purges), ...(known === undefined ? [] : [known])])
  const replacements = formsOf(secrets, inNames)
  onStep('history')
  await settleMoving(parts)
  const history = await purgeHistory(historyOf(parts, purges, replacements))
  await settleMoving(parts)
  onStep('files')
  const rewrite = (text: string): string => replaced(text, replacements)
  const folders = foldersOf(parts)
  const failed = folders.flatMap((dir) => rewriteFiles(dir, rewrite).failed)
  failed.push(...rewriteFiles(paths.dir, rewrite, isDatabase).failed)
  if (failed.length > 0) {
    // The rows stay as they are: without them nobody here would know any more what to look for.
    throw new OrchError('purge_failed', { reason: `cannot rewrite ${rewrite(failed.join(', '))}` })
  }
  onStep('rows')
  const { rows } = db.transaction(() => purgeDatabase(db, { journal, kinds, purges, replacements }))
  onStep('loads')
  rmSync(join(paths.dir, 'load'), { recursive: true, force: true })
  onStep('shred')
  shredFreed(db)
  onStep('end')
  meta.set(DONE, String(last))
  log.info('a secret was taken out', { rows, commits: history.hits > 0 ? history.commits : 0 })
  return true
}

/** The same, for a daemon that starts: what cannot be done now is told and tried at the next start. */
export async function settlePurgesAtStart(parts: PurgeParts): Promise<string | undefined> {
  try {
    await settlePurges(parts)
    return undefined
  } catch (error) {
    parts.log.error('a purge is not finished', { error })
    return reasonOf(error)
  }
}

function historyOf(parts: PurgeParts, purges: readonly Purge[], replacements: readonly Replacement[]): HistoryPurge {
  const covers = coversOf(purges)
  return {
    commonDir: parts.commonDir,
    env: parts.env,
    ref: refOf(parts),
    scratch: parts.paths.dir,
    onMoving: ({ after, commitOf, gone }) => noteMoving(parts.db, after, commitOf, gone),
    row(row) {
      const update = covers.get(row.doc)?.cover(row.update) ?? row.update
      return update === row.update ? row : { ...row, update }
    },
    text: (text) => clipped(replaced(text, replacements), replacements),
  }
}

/** What is to be noted of the branch once it has moved: `after` is its commit then, `last` our last snapshot in it. */
const MOVING = 'purge_moving'
const GONE = 'purge_gone'

function noteMoving(db: Database, after: Oid, commitOf: (old: Oid) => Oid | undefined, gone: readonly Oid[]): void {
  const meta = createMeta(db)
  const last = lastSnapshot(db)
  db.transaction(() => {
    meta.set(MOVING, JSON.stringify({ after, last: last === undefined ? undefined : commitOf(last) }))
    meta.set(GONE, JSON.stringify([...goneCommits(db), ...gone]))
  })
}

/** Names our last snapshot as it is called now; else the whole branch would be taken in as somebody else's. */
async function settleMoving(parts: PurgeParts): Promise<void> {
  const { db } = parts
  const noted = createMeta(db).get(MOVING)
  if (noted === undefined) return
  const { after, last } = JSON.parse(noted) as { readonly after: Oid; readonly last?: Oid }
  const head = await headOf({ ...parts, ref: refOf(parts) })
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
export function goneCommits(db: Database): readonly Oid[] {
  return JSON.parse(createMeta(db).get(GONE) ?? '[]') as readonly Oid[]
}

/** Whether a purge has come that is not done here: until then nothing of here may be given to a remote. */
export function isPurgePending(db: Database): boolean {
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
const CUT = '\u2026'

/** Subjects of commits hold the beginning of a long title: what is left of a secret there goes, too. */
function clipped(text: string, replacements: readonly Replacement[]): string {
  if (!text.includes(CUT)) return text
  let now = text
  for (const { text: secret } of replacements) {
    for (let length = secret.length - 1; length >= MIN_SECRET; length--) {
      now = now.replaceAll(secret.slice(0, length) + CUT, FILLER.repeat(length) + CUT)
    }
  }
  return now
}

function refOf({ db, ref }: PurgeParts): string {
  return createMeta(db).get('history_ref') ?? ref
}

function foldersOf({ db, mirrorDir }: PurgeParts): readonly string[] {
  const linked = db.get("SELECT 1 FROM sqlite_master WHERE name = 'linked_mirrors'")
  return [
    mirrorDir,
    ...(linked ? openMirrorPlaces(db).list() : []).map((one) => (typeof one === 'string' ? one : one.dir)),
  ]
}

/** Files of the mirror and of the private folder that hold the secret. */
function holding(parts: PurgeParts, replacements: readonly Replacement[]): readonly string[] {
  const texts = replacements.map(({ text }) => text)
  // Its name may hold it, too.
  return [...foldersOf(parts), parts.paths.dir]
    .flatMap((dir) => filesHolding(dir, texts))
    .map((path) => replaced(path, replacements))
}

const isDatabase = (name: string): boolean => /\.(db|db-wal|db-shm|bin)$/.test(name)

/** How a file's name has it; undefined where that says too little. */
function inNames(secret: string): string | undefined {
  const name = slug(secret)
  return name.length >= Math.max(MIN_SECRET, secret.length / 2) && name !== secret ? name : undefined
}

function checkSecret(given: string): string {
  const secret = given.replace(/\r\n/g, '\n').replace(/^\n+|\n+$/g, '')
  const reason =
    secret.length < MIN_SECRET
      ? `must be at least ${MIN_SECRET} characters long: less would be found in what is none`
      : secret.includes(FILLER)
        ? `must not hold ${FILLER}, which stands for what was taken out`
        : undefined
  if (reason !== undefined) throw new OrchError('invalid_input', { field: 'secret', reason })
  return secret
}
