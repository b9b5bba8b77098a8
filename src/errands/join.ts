import { mkdirSync, writeFileSync } from 'node:fs'
import { importProject, type ProjectPlan, planProject } from '../api/import/project.ts'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { Keyring } from '../base/keys.ts'
import type { Logger } from '../base/log.ts'
import type { PrivatePaths } from '../base/repository.ts'
import { leaseFacts } from '../config/host.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { GitRepo } from '../git/git-repo.ts'
import { projectOf, rowsFromTree } from '../git/history-tree.ts'
import { planRetirement, type Retirement } from '../git/retire.ts'
import type { Actor } from '../model/actor.ts'
import { type Random, type RecordId, randomText } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import { createPeering } from '../peers/peering.ts'
import { visitPeer } from '../peers/visit.ts'
import type { Dial } from '../peers/wire.ts'
import { copyMirror } from '../store/copy-mirror.ts'
import { closeWhole, type Database, openDatabase, openDatabaseReadOnly } from '../store/database.ts'
import { type JoinMark, joinMarks, putJoinMark } from '../store/join-marks.ts'
import type { Generations } from '../store/lease.ts'
import { openMirrorBases } from '../store/mirror-bases.ts'
import { type OpenProject, openProject } from '../store/open-project.ts'
import { createPeerStore } from '../store/peer-store.ts'
import { openReader, type ProjectReader } from '../store/reader.ts'
import { createMeta } from '../store/schema.ts'
import { decideJoin, finishJoin, type JoinStep, joinPlaces } from './join-swap.ts'
import { JOINED, joinedHere, type Named } from './joined.ts'
import { keptName } from './kept-databases.ts'

export interface JoinParts {
  readonly paths: PrivatePaths
  readonly keyring: Keyring
  readonly kinds: Kinds
  readonly repo: GitRepo
  /** Where this project's history goes, while its database does not know it: `refs/heads/orch-history`. */
  readonly ref: string
  readonly generations: Generations
  readonly person: Actor
  /** Whether the project has moved already, and this replica goes along without importing anything. */
  readonly follow?: boolean
  readonly dial: Dial
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Called before each step, which a test makes the last one. */
  readonly onStep?: (step: JoinStep | 'claim' | 'import' | 'decide') => void
}

/** Where the other project is: at a peer, or in a history that came with a fetch. */
export type JoinSource =
  | { readonly type: 'peer'; readonly url: string; readonly token: string; readonly pin?: string | undefined }
  | { readonly type: 'git'; readonly ref: string }

/** What a join will make, or has made. */
export interface JoinReport {
  readonly from: Named
  readonly into: Named
  /** Records and log entries that move, by the plural of their kind. */
  readonly counts: Readonly<Record<string, number>>
  /** Those that the other project has, the same way. */
  readonly there: Readonly<Record<string, number>>
  /** Deleted records, which stay behind. */
  readonly deleted: number
  /** Ids that both have -> the new one, once it is made. */
  readonly renamed: readonly { readonly id: string; readonly to: string | undefined }[]
  /** Keys of the state that say something else there -> the key that this project's value gets, if any. */
  readonly keys: readonly { readonly key: string; readonly as: string | undefined }[]
  /** The file that keeps the old database, and the branch that keeps the old history. */
  readonly database: string
  readonly branch: string | undefined
}

/** Says what joining will make. Writes nothing. Throws `already_joined`, `join_failed`. */
export async function previewJoin(parts: JoinParts, source: JoinSource): Promise<JoinReport> {
  const old = openDatabaseReadOnly(parts.paths.database, parts.keyring)
  const db = openDatabase(':memory:')
  try {
    const from = openReader(old, parts.kinds)
    const into = openTarget(parts, db, 'memory')
    return await meet(parts, source, into, async () => {
      checkMarks(parts, from, into)
      const plan = parts.follow ? planFollow(from, into) : planProject(from, into, parts.random)
      const branch = await planRetirement(parts.repo, refOf(parts, old), from)
      const renamed = [...plan.renamed.keys()].map((id) => ({ id, to: undefined }))
      return reportOf(from, into, { plan: { ...plan, renamed }, there: countsOf(into), branch })
    })
  } finally {
    db.close()
    old.close()
  }
}

/**
 * Moves this project into another one. Only while holding the lock. Until it is decided this project is as it was, and
 * the other holds nothing of it but the word that it is coming. Throws `already_joined`, `join_failed`.
 */
export async function performJoin(parts: JoinParts, source: JoinSource): Promise<JoinReport> {
  const { paths, keyring, repo, log, onStep = () => undefined } = parts
  const finish = { paths, keyring, repo, log, onStep }
  await finishJoin(finish)
  const places = joinPlaces(paths)
  mkdirSync(places.dir, { mode: 0o700 })
  const old = openDatabase(paths.database, keyring)
  let db: Database | undefined
  let report: JoinReport
  let retirement: Retirement | undefined
  try {
    const from = openReader(old, parts.kinds)
    const ref = refOf(parts, old)
    const branch = await planRetirement(repo, ref, from)
    writeFileSync(places.database, '', { mode: 0o600 })
    db = openDatabase(places.database, keyring)
    report = { ...(await build(parts, source, { from, old, db, file: places.database })), branch }
    const project = { id: from.id, name: from.name, movedTo: report.into }
    retirement = branch === undefined ? undefined : { ref, to: branch, project, replica: from.replica }
  } finally {
    closeWhole(old)
    if (db) closeWhole(db)
  }
  onStep('decide')
  decideJoin(paths, { keep: report.database, retirement })
  await finishJoin(finish)
  return report
}

interface Building {
  readonly from: ProjectReader
  readonly old: Database
  readonly db: Database
  readonly file: string
}

/** Makes the joined database: all of the other project, and this one's records in it. */
async function build(parts: JoinParts, source: JoinSource, { from, old, db, file }: Building): Promise<JoinReport> {
  const { person, random, follow, onStep = () => undefined } = parts
  const origin: WriteOrigin = { source: 'import', actor: person }
  const into = openTarget(parts, db, file)
  const { id, name, replica: by } = from
  const claim: JoinMark = { id, name, by, records: undefined, renamed: new Map() }
  await meet(parts, source, into, async (settled) => {
    checkMarks(parts, from, into)
    if (follow) return
    onStep('claim')
    await into.transact(origin, (tx) => putJoinMark(tx, claim))
    await settled()
    // Another replica may have said the same in the same moment: one word stands.
    checkMarks(parts, from, into)
  })
  onStep('import')
  const there = countsOf(into)
  const plan = follow ? planFollow(from, into) : planProject(from, into, random)
  if (!follow) {
    const records = await importProject({ from, into, plan, origin })
    await into.transact(origin, (tx) => putJoinMark(tx, { ...claim, records, renamed: plan.renamed }))
    check(into, there, plan.counts)
  }
  copyMirror(openMirrorBases(old), openMirrorBases(db), ({ kind: kindName, id: one }) => {
    const kind = into.kinds.record(kindName)
    const moved = plan.renamed.get(one as RecordId) ?? (one as RecordId)
    return !kind || one === '' || into.read(kind, moved) ? moved : undefined
  })
  carryOver(old, db, from, into, source)
  const renamed = [...plan.renamed].map(([one, to]) => ({ id: one, to }))
  return reportOf(from, into, { plan: { ...plan, renamed }, there, branch: undefined })
}

/** Connects with the other project, takes all of it, and does `work` while it is connected. */
async function meet<T>(
  { repo, keyring, dial, clock, random, log }: JoinParts,
  source: JoinSource,
  into: OpenProject,
  work: (settled: () => Promise<void>) => Promise<T>,
): Promise<T> {
  if (source.type === 'git') {
    const project = await projectOf(repo, source.ref)
    if (!project) throw new OrchError('join_failed', { reason: `${source.ref} is not a history of orch` })
    if (project.movedTo) {
      const { name, id } = project.movedTo
      throw new OrchError('join_failed', { reason: `that project has itself moved into "${name}" (${id})` })
    }
    into.adopt({ id: project.id, name: project.name })
    await into.applyRows(await rowsFromTree(repo, source.ref, {}, keyring.keys), { source: 'git', commit: source.ref })
    return await work(() => Promise.resolve())
  }
  const peering = createPeering({
    project: into,
    instance: randomText(random, 16),
    pristine: () => into.rowCount() === 0,
    adopt: (other) => into.adopt(other),
    onTwin: () => undefined,
    log,
  })
  return await visitPeer({ peering, dial, clock, log }, source, async ({ peer, settled }) => {
    if (peer.pristine) {
      const reason = 'there is nothing in that project yet; `orch peer add` here makes it take over this one'
      throw new OrchError('join_failed', { reason })
    }
    await settled()
    return await work(settled)
  })
}

/** What a replica that follows its project takes along: records that only it has, as files that are new there. */
function planFollow(from: ProjectReader, into: ProjectReader): ProjectPlan {
  const renamed = joinMarks(into).find(({ id }) => id === from.id)?.renamed ?? new Map<RecordId, RecordId>()
  const counts = from.kinds.records.map((kind) => {
    const missing = from.ids(kind).filter((id) => !into.read(kind, renamed.get(id) ?? id))
    return [kind.plural, missing.length] as const
  })
  return { renamed, counts: Object.fromEntries(counts), deleted: 0, keys: [] }
}

/** Throws when the two are one project, or when one has joined the other and this replica does not follow. */
function checkMarks({ follow = false }: JoinParts, from: ProjectReader, into: ProjectReader): void {
  if (from.id === into.id) throw new OrchError('join_failed', { reason: 'both are one project already' })
  if (joinMarks(from).some(({ id }) => id === into.id)) {
    throw new OrchError('join_failed', { reason: `"${into.name}" has joined this project` })
  }
  const mark = joinMarks(into).find(({ id }) => id === from.id)
  if (follow) {
    if (mark?.records !== undefined) return
    const reason = `"${from.name}" has not joined "${into.name}": there is nothing to follow`
    throw new OrchError('join_failed', { reason })
  }
  if (!mark || (mark.records === undefined && mark.by === from.replica)) return
  throw new OrchError('already_joined', {
    name: from.name,
    what: mark.records === undefined ? 'is about to join' : 'has joined',
    into: into.name,
    by: mark.by,
    key: `joined.${from.id}`,
  })
}

/** Checks the joined database as a doctor does. Throws `join_failed`. */
function check(into: OpenProject, there: JoinReport['there'], counts: JoinReport['counts']): void {
  const now = countsOf(into)
  const short = Object.keys(now).find((plural) => now[plural] !== (there[plural] ?? 0) + (counts[plural] ?? 0))
  const [wrong] = into.checkIndex(openDatabase(':memory:'))
  if (short) throw new OrchError('join_failed', { reason: `${short} are missing after the import` })
  if (wrong !== undefined) throw new OrchError('join_failed', { reason: wrong })
}

/** What is this repository's and not the project's: its address, its peers, what it has joined before. */
function carryOver(old: Database, db: Database, from: ProjectReader, into: Named, source: JoinSource): void {
  const [before, after] = [createMeta(old), createMeta(db)]
  const joined = [...joinedHere(old), { id: from.id, name: from.name }]
  db.transaction(() => {
    const port = before.get('port')
    if (port !== undefined) after.set('port', port)
    after.set(JOINED, JSON.stringify(joined))
    const peers = createPeerStore(old).all()
    const store = createPeerStore(db)
    for (const peer of peers) store.put(peer)
    if (source.type === 'git' || peers.some(({ url }) => url === source.url)) return
    const name = into.name.replace(/[^\w.-]+/g, '-').slice(0, 60)
    const isTaken = peers.some((peer) => peer.name === name)
    store.put({ name: isTaken ? into.id : name, url: source.url, token: source.token, pin: source.pin })
  })
}

/** Opens the database that is to take the place of the present one, as the replica that it will then be. */
function openTarget(
  { paths, kinds, generations, clock, random, log }: JoinParts,
  db: Database,
  file: string,
): OpenProject {
  const isKept = file !== 'memory'
  return openProject({
    db,
    kinds,
    clock,
    random,
    log,
    lease: { ...leaseFacts(isKept ? file : paths.database), path: paths.database },
    generations: isKept ? generations : { get: () => undefined, set: () => undefined },
    loads: { newest: () => undefined, make: () => Promise.resolve() },
    name: '',
  })
}

function refOf({ ref }: JoinParts, db: Database): string {
  return createMeta(db).get('history_ref') ?? ref
}

function countsOf(project: Pick<ProjectReader, 'kinds' | 'ids' | 'logCount'>): Readonly<Record<string, number>> {
  const records = project.kinds.records.map((kind) => [kind.plural, project.ids(kind).length] as const)
  return Object.fromEntries([...records, [project.kinds.log.plural, project.logCount('')]])
}

function reportOf(
  from: ProjectReader,
  into: Named,
  {
    plan,
    there,
    branch,
  }: {
    readonly plan: Pick<JoinReport, 'counts' | 'deleted' | 'renamed' | 'keys'>
    readonly there: JoinReport['there']
    readonly branch: string | undefined
  },
): JoinReport {
  const { counts, deleted, renamed, keys } = plan
  return {
    from: { id: from.id, name: from.name },
    into: { id: into.id, name: into.name },
    counts,
    there,
    deleted,
    renamed,
    keys: keys.filter(({ key, as }) => key !== as).map(({ key, as }) => ({ key, as })),
    database: keptName(from.id),
    branch,
  }
}
