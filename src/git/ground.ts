import { OrchError } from '../base/error.ts'
import type { Project } from '../store/project.ts'
import type { Vector } from '../store/row.ts'
import type { GitRepo, Head, Oid } from './git-repo.ts'
import { type ProjectName, projectIn, rowsFromTree, vectorOf } from './history-tree.ts'
import { parseMessage } from './message.ts'
import type { LastSnapshot } from './snapshot-ledger.ts'

/** What the next snapshot is built on. */
export interface Ground {
  /** Undefined for the first commit of a history. */
  readonly parent: Pick<Head, 'oid' | 'at'> | undefined
  /** The rows the parent holds. */
  readonly have: Vector
  /** The parent's files, when it is not our last snapshot: every file must then be compared. Undefined when it is. */
  readonly tree: ReadonlyMap<string, Oid> | undefined
  /** What the parent says of the project, where its files must be compared. */
  readonly project?: ProjectName
  /** The newest commit above our last snapshot that no orch made. */
  readonly foreign?: { readonly oid: Oid; readonly subject: string }
}

export interface GroundParts {
  readonly repo: GitRepo
  readonly ref: string
  readonly base: Oid | undefined
  readonly project: Pick<Project, 'id' | 'have' | 'applyRows'>
}

const LOOK_BACK = 50

/**
 * Finds out what the branch holds. Where it is not what our last snapshot left, the rows it carries are taken in first,
 * so that the next snapshot lacks nothing of theirs. Throws `git_refused` when the branch is somebody else's or
 * damaged, `different_project` when it is another project's.
 */
export async function findGround(
  { repo, ref, base, project }: GroundParts,
  head: Head | undefined,
  last: LastSnapshot | undefined,
): Promise<Ground> {
  const parent = head ?? (await lostHead(repo, last?.commit ?? base))
  if (!parent) return { parent: undefined, have: {}, tree: new Map() }
  if (last && parent.oid === last.commit && !last.isStale) return { parent, have: last.have, tree: undefined }
  const tree = await repo.readTree(parent.oid)
  const found = await projectIn(repo, tree, ref)
  if (!found) throw new OrchError('git_refused', { reason: `${ref} is not a history of orch; give it another name` })
  if (found.id !== project.id) throw new OrchError('different_project', { theirs: found.id, ours: project.id })
  const rows = await rowsFromTree(repo, parent.oid, project.have())
  if (rows.length > 0) await project.applyRows(rows, { source: 'git', commit: parent.oid })
  const foreign = await foreignCommit(repo, parent.oid, last)
  return { parent, have: vectorOf(tree.keys()), tree, project: found, ...(foreign ? { foreign } : {}) }
}

/** The commit that an absent branch goes on with: it was deleted, or is still to be made. Git may have dropped it. */
async function lostHead(repo: GitRepo, oid: Oid | undefined): Promise<Pick<Head, 'oid' | 'at'> | undefined> {
  const [commit] = oid === undefined ? [] : await repo.log(oid, { limit: 1 })
  return commit && { oid: commit.oid, at: commit.author.at }
}

async function foreignCommit(repo: GitRepo, head: Oid, last: LastSnapshot | undefined): Promise<Ground['foreign']> {
  for (const { oid, message } of await repo.log(head, { limit: LOOK_BACK })) {
    if (oid === last?.commit) return undefined
    const { subject, trailers } = parseMessage(message)
    if (!trailers.some(([name]) => name === 'Orch-Replica')) return { oid, subject }
  }
  return undefined
}
