/**
 * Takes a secret that leaked into the project out of everything of it that is here. How it works, and why it is done while
 * no daemon runs: docs/decisions/0008-purge.md.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Keyring } from '../base/keys.ts'
import type { Logger } from '../base/log.ts'
import type { PrivatePaths } from '../base/repository.ts'
import { withoutOuterNewlines } from '../base/trim.ts'
import { FILLER } from '../doc/purge-places.ts'
import {
  assertNotCheckedOut,
  type HistoryPurge,
  previewHistoryPurge,
  purgeHistory,
  refsThatReach,
} from '../git/purge-history.ts'
import type { Env } from '../git/run-git.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { PurgeReport } from '../model/purge-report.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { createJournal, type Journal } from '../store/journal.ts'
import { openMirrorPlaces } from '../store/mirror-places.ts'
import { purgeDatabase, shredFreed } from '../store/purge-database.ts'
import {
  allPurges,
  coveredHead,
  coveredRow,
  coversOf,
  encodePurge,
  findSecret,
  lastPurge,
  PURGE_DOC,
  type Purge,
  readSecrets,
} from '../store/purges.ts'
import type { Row } from '../store/row.ts'
import { createMeta } from '../store/schema.ts'
import { formsOf, MIN_SECRET, needleOf, type Replacement, replaced } from '../store/secret-forms.ts'
import { keptDatabases } from './kept-databases.ts'
import { filesHolding, rewriteFiles } from './purge-files.ts'
import { dropPlan, keepPlan, PLAN_FILE, readPlan } from './purge-plan.ts'
import { DONE, noteDone, noteMoving, refsLeft, settleMoving } from './purged-history.ts'

export interface PurgeParts {
  readonly db: Database
  /** Of the databases that are kept beside it. */
  readonly keyring: Keyring
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

export type PurgeStep =
  | 'noted'
  | 'history'
  | 'moving'
  | 'moved'
  | 'files'
  | 'joined'
  | 'plan'
  | 'rows'
  | 'loads'
  | 'shred'
  | 'end'

/** Says where a secret is. Writes nothing. Throws `invalid_input` for one that is too short or not to be told apart. */
export async function previewPurge(parts: PurgeParts, given: string): Promise<PurgeReport> {
  const secret = checkSecret(given)
  const found = findSecret(parts.db, needleOf(secret))
  const replacements = formsOf([secret])
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
  // Files of a checkout are somebody's work tree, which would look like changes on a branch that has moved.
  if (preview.commitsHit > 0) await assertNotCheckedOut({ ...parts, ref: refOf(parts) })
  const secret = checkSecret(given)
  const journal = createJournal(parts.db)
  const { purge } = findSecret(parts.db, needleOf(secret))
  parts.db.transaction(() => journal.append(purgeRow(journal, purge, by)))
  const settled = await settlePurges(parts, secret)
  return { ...preview, left: settled?.left ?? [] }
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

/** What is left of a purge that was done. */
export interface PurgeSettled {
  /** What still holds the secret, and could not be reached: refs, files. */
  readonly left: readonly string[]
}

/**
 * Takes out what purges name that came since the last time; undefined where none did. Every step may be done again; rows
 * are covered after all that has to be changed by text, because until then they tell what the text is; what is only looked
 * through after that is in a plan. Only before the
 * project is opened.
 */
export async function settlePurges(parts: PurgeParts, known?: string): Promise<PurgeSettled | undefined> {
  const { db, kinds, paths, log, onStep = () => undefined } = parts
  const last = lastPurge(db)
  const meta = createMeta(db)
  if (last <= Number(meta.get(DONE) ?? 0)) {
    dropPlan(paths.dir)
    return undefined
  }
  onStep('noted')
  const journal = createJournal(db)
  const purges = allPurges(journal)
  const plan = readPlan(paths.dir, last)
  const secrets = new Set([
    ...readSecrets(journal, purges),
    ...(plan?.secrets ?? []),
    ...(known === undefined ? [] : [known]),
  ])
  const replacements = formsOf(secrets)
  onStep('history')
  const moving = { ...parts, ref: refOf(parts) }
  await settleMoving(moving)
  const history = await purgeHistory(historyOf(parts, purges, replacements))
  onStep('moved')
  await settleMoving(moving)
  onStep('files')
  const rewrite = (text: string): string => replaced(text, replacements)
  const failed = [...foldersOf(parts), paths.dir].flatMap((dir) => rewriteFiles(dir, rewrite, isLeftAlone).failed)
  if (failed.length > 0) {
    // The rows stay as they are: without them nobody here would know any more what to look for.
    throw new OrchError('purge_failed', { reason: `cannot rewrite ${rewrite(failed.join(', '))}` })
  }
  onStep('joined')
  for (const file of keptDatabases(paths.dir)) purgeKept(openDatabase(file, parts.keyring), kinds, secrets)
  onStep('plan')
  keepPlan(paths.dir, { last, secrets: [...secrets] })
  onStep('rows')
  const { rows } = db.transaction(() => {
    meta.set(COVERED, String(last))
    return purgeDatabase(db, { journal, kinds, purges, replacements })
  })
  onStep('loads')
  rmSync(join(paths.dir, 'load'), { recursive: true, force: true })
  onStep('shred')
  shredFreed(db)
  onStep('end')
  const left = [...(await refsLeft(moving)), ...holding(parts, replacements)]
  noteDone(db, last)
  dropPlan(paths.dir)
  log.info('a secret was taken out', { rows, commits: history.hits > 0 ? history.commits : 0, left: left.length })
  return { left }
}

/** The same, for a daemon that starts: what cannot be done now is told and tried at the next start. */
export async function settlePurgesAtStart(
  parts: PurgeParts,
): Promise<{ readonly failure?: string; readonly left: readonly string[] }> {
  const last = lastPurge(parts.db)
  const isCovered = last > 0 && Number(createMeta(parts.db).get(COVERED) ?? 0) === last
  const isBlind = isCovered && readPlan(parts.paths.dir, last) === undefined
  try {
    const settled = await settlePurges(parts)
    if (!settled) return { left: [] }
    // What is in no row and in no plan any more cannot be looked for.
    return { left: isBlind ? [...settled.left, NOT_LOOKED_FOR] : settled.left }
  } catch (error) {
    parts.log.error('a purge is not finished', { error })
    return { failure: reasonOf(error), left: [] }
  }
}

/** The last purge whose rows are covered. */
const COVERED = 'purge_covered'
const NOT_LOOKED_FOR =
  'whatever was not reached before the purge was cut short: what it took out is not known here any more'

/** Of a database that is kept and belongs to no replica any more: its places are its own. */
function purgeKept(db: Database, kinds: Kinds, secrets: ReadonlySet<string>): void {
  try {
    const purges = [...secrets].map((secret) => findSecret(db, needleOf(secret)).purge)
    const replacements = formsOf(secrets)
    db.transaction(() => purgeDatabase(db, { journal: createJournal(db), kinds, purges, replacements }))
    shredFreed(db)
  } finally {
    db.close()
  }
}

function historyOf(parts: PurgeParts, purges: readonly Purge[], replacements: readonly Replacement[]): HistoryPurge {
  const covers = coversOf(purges)
  return {
    commonDir: parts.commonDir,
    env: parts.env,
    ref: refOf(parts),
    keys: parts.keyring.keys,
    scratch: parts.paths.dir,
    onMoving(moving) {
      noteMoving(parts.db, moving)
      parts.onStep?.('moving')
    },
    row: (row) => coveredHead(coveredRow(covers.get(row.doc), row), replacements),
    text: (text) => clipped(replaced(text, replacements), replacements),
  }
}

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
    .filter((path) => path !== join(parts.paths.dir, PLAN_FILE))
    .map((path) => replaced(path, replacements))
}

const isLeftAlone = (name: string): boolean => /\.(db|db-wal|db-shm|bin)$/.test(name) || name === PLAN_FILE

function checkSecret(given: string): string {
  const secret = withoutOuterNewlines(given.replace(/\r\n/g, '\n'))
  const reason =
    secret.length < MIN_SECRET
      ? `must be at least ${MIN_SECRET} characters long: less would be found in what is none`
      : secret.includes(FILLER)
        ? `must not hold ${FILLER}, which stands for what was taken out`
        : undefined
  if (reason !== undefined) throw new OrchError('invalid_input', { field: 'secret', reason })
  return secret
}
