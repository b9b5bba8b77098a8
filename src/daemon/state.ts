import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Service } from '../base/service.ts'
import { declarationHash, ownCommands, ownCommandsStamp, projectKinds } from '../config/declared.ts'
import { createGenerations, leaseFacts } from '../config/host.ts'
import type { Config } from '../config/options.ts'
import { settlePurgesAtStart } from '../errands/purge.ts'
import { openSnapshotLedger, type SnapshotLedger } from '../git/snapshot-ledger.ts'
import type { Happened } from '../model/attention.ts'
import type { Kinds } from '../model/kind-set.ts'
import { type AttentionStore, openAttention } from '../store/attention.ts'
import { createCompaction } from '../store/compaction.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { createFileLoadSnapshots } from '../store/file-load-snapshots.ts'
import { type OpenProject, openProject } from '../store/open-project.ts'
import { createMeta, type Meta, prepareSchema } from '../store/schema.ts'
import { type ConflictAttention, createConflictAttention } from './conflict-attention.ts'
import { type CrashPoints, createCrashPoints, noCrashPoints } from './crash-points.ts'
import { type Host, logOf } from './host.ts'
import { keepOwnCommands } from './own-commands.ts'
import { createParkedAttention, type ParkedAttention } from './parked-attention.ts'

/** What is kept on this machine of the project: the database and what opens with it. */
export interface State {
  readonly db: Database
  readonly meta: Meta
  readonly kinds: Kinds
  readonly project: OpenProject
  readonly compaction: Service
  /** What is not in git yet. */
  readonly ledger: SnapshotLedger
  readonly attention: AttentionStore
  readonly conflicts: ConflictAttention
  readonly parked: ParkedAttention
  readonly crash: CrashPoints
  readonly mirrorDir: string
  /** Why a purge that was asked for could not be finished, where it could not. */
  readonly purgeFailure: string | undefined
}

/** Opens the database and loads the project. `name` is the project's when it is made now. */
export async function openState(config: Config, name: string, host: Host): Promise<State> {
  const { clock, env, paths } = host
  const crash = host.crashAt === undefined ? noCrashPoints : createCrashPoints(host.crashAt)
  const kinds = projectKinds(config, '.orchrc')
  const declaration = declarationHash(config)
  const stamp = { version: host.version, declaration: ownCommandsStamp(kinds, declaration) }
  keepOwnCommands(paths.ownCommands, stamp, () => ownCommands(kinds, '.orchrc'))
  const db = crash.database(openFile(paths.database, host))
  const meta = createMeta(db)
  const mirrorDir = join(host.mainWorktree, config['mirror.dir'])
  const purged = await settlePurgesAtStart({
    db,
    keyring: host.keyring,
    kinds,
    paths,
    mirrorDir,
    commonDir: host.commonDir,
    env,
    ref: `refs/heads/${config['git.branch']}`,
    log: logOf(host, 'purge'),
  })
  const ledger = crash.ledger(openSnapshotLedger(db, kinds))
  if ((meta.get('declaration') ?? '') !== declaration) {
    ledger.compareAll()
    meta.set('declaration', declaration)
  }
  const loads = createFileLoadSnapshots({
    dir: join(paths.dir, 'load'),
    databaseFile: paths.database,
    keyring: host.keyring,
    worker: host.loadWorker,
    crashAt: host.crashAt,
    log: logOf(host, 'load'),
  })
  const attention = openAttention(db)
  if (purged.left.length > 0) attention.keep(leftOfPurge(purged.left, paths.dir), clock.now())
  const conflicts = createConflictAttention(attention, () => project, clock.now)
  const parked = createParkedAttention(attention, () => project, clock.now)
  const project = crash.project(
    openProject({
      db,
      kinds,
      clock,
      random: host.random,
      log: logOf(host, 'store'),
      lease: leaseFacts(paths.database),
      generations: createGenerations(host.stateHome, (error) =>
        logOf(host, 'store').warn('generation not kept', { error }),
      ),
      loads,
      name,
      noteConflict: (conflict) => conflicts.note(conflict),
      noteParked: (summary) => parked.note(summary),
      note(changes) {
        ledger.note(changes)
        crash.noted()
      },
      noteEntries: (entries) => ledger.noteEntries(entries),
    }),
  )
  const compaction = createCompaction({ project, loads, log: logOf(host, 'load') })
  return {
    db,
    meta,
    kinds,
    project,
    compaction,
    ledger,
    attention,
    conflicts,
    parked,
    crash,
    mirrorDir,
    purgeFailure: purged.failure,
  }
}

function openFile(file: string, { keyring, assertOwned }: Pick<Host, 'keyring' | 'assertOwned'>): Database {
  try {
    // Made by us, so that it and the files SQLite puts beside it are readable by their owner only.
    if (!existsSync(file)) writeFileSync(file, '', { mode: 0o600 })
    const db = openDatabase(file, keyring, assertOwned)
    prepareSchema(db)
    return db
  } catch (error) {
    if (error instanceof OrchError) throw error
    const reason = reasonOf(error)
    const cannotWrite = /readonly|unable to open|permission|full|no space/i.test(reason)
    throw new OrchError(cannotWrite ? 'read_only' : 'database_damaged', { path: file, reason }, error)
  }
}

const SHOWN = 20

function leftOfPurge(left: readonly string[], where: string): Happened {
  const more = left.length - SHOWN
  return {
    kind: 'storage',
    key: 'purge',
    what: `A secret was purged, and what still holds it here is: ${left.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    where,
    fix: 'Take it out there by hand; treat the secret as known, and replace it where it is used.',
  }
}
