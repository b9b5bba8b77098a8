import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { type Keyring, noKeys } from '../base/keys.ts'
import type { Logger } from '../base/log.ts'
import { createTurns, type Turns } from '../base/turns.ts'
import type { Happened } from '../model/attention.ts'
import { dayOf } from '../model/log.ts'
import type { Project } from '../store/project.ts'
import type { Vector } from '../store/row.ts'
import { createChunkCompaction } from './compact-chunks.ts'
import { type Render, takeCut } from './cut.ts'
import type { FileChange, GitRepo, Head, LoggedCommit, Oid } from './git-repo.ts'
import { findGround, type Ground, type Theirs } from './ground.ts'
import { infoOf, type SnapshotInfo } from './history.ts'
import { createImporter, type Importer } from './import-edits.ts'
import { closedDays } from './log-days.ts'
import { formatMessage, orchAuthor, type SnapshotMessage, snapshotMessage } from './message.ts'
import { packRows } from './new-rows.ts'
import { anewTitle, rowsAnew, withKey } from './rows-anew.ts'
import { sealingFor } from './sealed-chunks.ts'
import type { SnapshotLedger } from './snapshot-ledger.ts'
import { changedAgainst, changedFiles, differingFiles, shownChanges } from './tree-changes.ts'

export interface TakerParts {
  readonly repo: GitRepo
  /** Full name of the branch: `refs/heads/orch-history`. */
  readonly ref: string
  /** The commit to continue on where the branch is not there yet: an adopted history. */
  readonly base: Oid | undefined
  readonly project: Pick<
    Project,
    | 'id'
    | 'name'
    | 'replica'
    | 'kinds'
    | 'read'
    | 'readKeys'
    | 'ids'
    | 'have'
    | 'rowsSince'
    | 'applyRows'
    | 'logDays'
    | 'logCount'
    | 'logOfDay'
  >
  readonly ledger: SnapshotLedger
  /** How rows are encrypted; by default not. */
  readonly keyring?: Keyring
  readonly render: Render
  readonly clock: Clock
  readonly log: Logger
  /** Keeps what happened once, for a person to see. */
  readonly happened: (happened: Happened) => void
  /** The address an actor is known by. */
  readonly mailOf?: (actor: string) => string | undefined
}

export interface SnapshotTaker {
  /** Whether the last snapshot holds everything there is. Asks no git. */
  isCurrent(): boolean
  /**
   * Takes one snapshot; undefined when there is nothing to take. With the branch of a remote, it continues both. Must not
   * be called while one is being taken.
   */
  take(title: string | undefined, theirs?: Theirs): Promise<SnapshotInfo | undefined>
}

const MOVED_TRIES = 4
const PATHS_A_TURN = 50

export function createSnapshotTaker(parts: TakerParts): SnapshotTaker {
  const { repo, ref, project, ledger, keyring = noKeys, clock, log, mailOf } = parts
  const compaction = createChunkCompaction(repo, keyring)

  const isCurrent = (): boolean => {
    const last = ledger.last()
    const today = dayOf(new Date(clock.now()).toISOString())
    return (
      last !== undefined &&
      !last.isStale &&
      ledger.wantedKey() === undefined &&
      ledger.isEmpty() &&
      ledger.days(today).length === 0 &&
      isSame(last.have, project.have())
    )
  }

  const groundOf = async (head: Head | undefined, theirs: Theirs | undefined): Promise<Ground> => {
    let importer: Importer | undefined
    try {
      return await findGround(
        { ...parts, keyring, importer: () => (importer ??= createImporter(project, clock)) },
        head,
        ledger.last(),
        theirs,
      )
    } finally {
      importer?.close()
    }
  }

  const takeOn = async (
    head: Head | undefined,
    title: string | undefined,
    theirs: Theirs | undefined,
  ): Promise<SnapshotInfo | undefined> => {
    const ground = await groundOf(head, theirs)
    const sealing = sealingFor(keyring, ground.keys, ledger.wantedKey(), `The history ${theirs?.name ?? ref}`)
    const { key } = sealing
    const turns = createTurns(clock)
    const cut = await takeCut({ ...parts, turns }, { everything: ground.tree !== undefined })
    const rows = await packRows(project, { from: ground.have, have: cut.have, key }, turns)
    const files = ground.tree
      ? await differingFiles(cut, ground.tree, withKey(ground.project ?? project, key), { kinds: project.kinds, turns })
      : ground.partly
        ? await changedAgainst(cut, ground.partly, turns)
        : await changedFiles(cut, turns)
    const days = await closedDays({ project, ledger, turns }, clock.now(), ground.tree ?? ground.partly)
    const chunks = sealing.isAnew
      ? await rowsAnew(parts, ground, { have: cut.have, key, turns })
      : [...ground.beside, ...rows.chunks]
    const paths = new Set(chunks.map(({ path }) => path))
    const added = [...files.filter(({ path }) => !paths.has(path)), ...days.files, ...chunks]
    const changes =
      added.length > 0 && ground.parent && !sealing.isAnew
        ? [...added, ...(await compaction.next(ground.parent.oid, added, key, turns))]
        : added
    if (turns.isOver()) await turns.next()
    const message = snapshotMessage({
      project: project.name,
      replica: project.replica,
      changes: shownChanges(cut, ground.parent && (ground.tree ?? ground.partly) ? files : undefined),
      actors: rows.actors,
      sessions: rows.sessions,
      rows: rows.upto,
      entries: rows.entries,
      title: title ?? (sealing.isAnew ? anewTitle(key) : ground.merged && theirs ? `Merge ${theirs.name}` : undefined),
      mailOf,
    })
    await turns.next()
    const commit =
      ground.parent && changes.length === 0 && !ground.merged
        ? undefined
        : await commitOn(ground, changes, message, Math.min(rows.lastAt ?? clock.now(), clock.now()))
    await keepPaths(cut.files, turns)
    const tip = must(commit ?? ground.parent, 'nothing changes only on a parent')
    // Theirs holds all that is here: then there is nothing to commit, and the branch goes on from there.
    if (!commit && theirs && tip.oid === theirs.oid && head?.oid !== tip.oid)
      await repo.moveRef(ref, tip.oid, head?.oid)
    ledger.done({ commit: tip.oid, have: cut.have, key: key?.id ?? '' }, cut.upto, days.noted)
    do await turns.next()
    while (ledger.tidy())
    if (!commit) return undefined
    log.info('snapshot taken', { commit: commit.oid, files: files.length, chunks: chunks.length })
    return infoOf(commit)
  }

  const commitOn = async (
    { parent, merged }: Ground,
    changes: readonly FileChange[],
    message: SnapshotMessage,
    lastAt: number,
  ): Promise<LoggedCommit> => {
    // History reads in order even where a clock was set back.
    const at = Math.max(lastAt, parent?.at ?? 0, merged?.at ?? 0)
    const author = { ...message.author, at }
    const text = formatMessage(message)
    const committer = { ...orchAuthor, at }
    const parents = [parent, merged].flatMap((one) => one?.oid ?? [])
    const oid = await repo.commit({
      ref,
      parent: parent?.oid,
      ...(merged && { merged: merged.oid }),
      changes,
      message: text,
      author,
      committer,
    })
    return { oid, parents, author, committer, message: text }
  }

  const keepPaths = async (
    files: ReadonlyMap<string, { readonly path: string } | undefined>,
    turns: Turns,
  ): Promise<void> => {
    const paths = [...files].map(([key, file]) => [key, file?.path] as const)
    for (let at = 0; at < paths.length; at += PATHS_A_TURN) {
      ledger.keepPaths(new Map(paths.slice(at, at + PATHS_A_TURN)))
      if (turns.isOver()) await turns.next()
    }
  }

  return {
    isCurrent,
    async take(title, theirs) {
      if (!theirs && isCurrent()) return undefined
      for (let attempt = 1; ; attempt++) {
        const head = await repo.head(ref)
        const known = ledger.last()?.commit
        if (theirs && theirs.oid === known && head?.oid === known && isCurrent()) return undefined
        if (head?.checkedOutIn !== undefined) {
          const reason = `${ref} is checked out in ${head.checkedOutIn}; switch to another branch there`
          throw new OrchError('git_refused', { reason })
        }
        try {
          return await takeOn(head, title, theirs)
        } catch (error) {
          // Somebody else may have moved the branch meanwhile: then look again, take in what they brought, build on it.
          const mayHaveMoved = error instanceof OrchError && error.code === 'git_refused' && attempt < MOVED_TRIES
          if (!mayHaveMoved || (await repo.head(ref))?.oid === head?.oid) throw error
        }
      }
    },
  }
}

function isSame(a: Vector, b: Vector): boolean {
  const replicas = Object.keys(b)
  return Object.keys(a).length === replicas.length && replicas.every((replica) => a[replica] === b[replica])
}
