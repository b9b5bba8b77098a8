import { OrchError } from '../base/error.ts'
import type { Project } from '../store/project.ts'
import type { Vector } from '../store/row.ts'
import { newChunks } from './chunk-cover.ts'
import type { FileChange, GitRepo, Head, Oid } from './git-repo.ts'
import { CHUNKS, PROJECT_FILE, type ProjectName, projectIn, vectorOf } from './history-tree.ts'
import type { LastSnapshot } from './snapshot-ledger.ts'
import { type TakeInParts, takeIn } from './take-in.ts'
import { isRendered } from './tree-changes.ts'
import { createTrees, type Tree } from './trees.ts'

/** What the next snapshot is built on. */
export interface Ground {
  /** Undefined for the first commit of a history. */
  readonly parent: Pick<Head, 'oid' | 'at'> | undefined
  /** What else it continues: the branch of a remote that went another way. */
  readonly merged?: Pick<Head, 'oid' | 'at'>
  /** The rows they hold. */
  readonly have: Vector
  /** The parent's files, when it is not our last snapshot: every file must then be compared. Undefined when it is. */
  readonly tree: ReadonlyMap<string, Oid> | undefined
  /** What the parent says of the project, where its files must be compared. */
  readonly project?: ProjectName
  /** The parent's files, where those that changed here must be compared with them, and no others can differ. */
  readonly partly?: ReadonlyMap<string, Oid>
  /** The names of the keys that the rows of the parents are encrypted with, '' for none. */
  readonly keys: readonly string[]
  /** What the other branch has beside the files of the records. */
  readonly beside: readonly FileChange[]
}

export interface GroundParts extends Omit<TakeInParts, 'project' | 'trees'> {
  readonly ref: string
  readonly base: Oid | undefined
  readonly project: Pick<Project, 'id' | 'kinds' | 'have' | 'applyRows'>
}

/** The branch of a remote, as it was fetched. */
export interface Theirs {
  readonly oid: Oid
  /** How it is called: `origin/orch-history`. */
  readonly name: string
}

/**
 * Finds out what the branch holds, and what a remote's does. Where that is not what our last snapshot left, the rows they
 * carry and the edits people made there are taken in first, so that the next snapshot lacks nothing of theirs. Throws
 * `git_refused` when a branch is somebody else's or damaged, `different_project` when it is another project's.
 */
export async function findGround(
  given: GroundParts,
  head: Head | undefined,
  last: LastSnapshot | undefined,
  theirs?: Theirs,
): Promise<Ground> {
  const { repo, ref, base } = given
  const parts = { ...given, trees: createTrees(repo) }
  const ours = head ?? (await lostHead(repo, last?.commit ?? base))
  if (theirs && theirs.oid !== ours?.oid) return await groundOfBoth(parts, ours, last, theirs)
  if (!ours) return { parent: undefined, have: {}, tree: new Map(), keys: [], beside: [] }
  if (last && ours.oid === last.commit && !last.isStale)
    return { parent: ours, have: last.have, tree: undefined, keys: [last.key ?? ''], beside: [] }
  const tree = await parts.trees(ours.oid)
  const project = await ownProject(parts, tree, ref)
  await takeIn(parts, { oid: ours.oid, name: ref }, last ? [last.commit] : [])
  return { parent: ours, have: vectorOf(tree.keys()), tree, project, keys: [keyOf(project)], beside: [] }
}

async function groundOfBoth(
  parts: GroundParts & Pick<TakeInParts, 'trees'>,
  ours: Pick<Head, 'oid' | 'at'> | undefined,
  last: LastSnapshot | undefined,
  theirs: Theirs,
): Promise<Ground> {
  const { repo, trees, ref } = parts
  const theirTree = await trees(theirs.oid)
  const project = await ownProject(parts, theirTree, theirs.name)
  const known = [...new Set([...(ours ? [ours.oid] : []), ...(last ? [last.commit] : [])])]
  const isOurLast = ours !== undefined && last?.commit === ours.oid && !last.isStale
  const ourTree = ours && (await trees(ours.oid))
  const keys = [isOurLast ? (last.key ?? '') : '', keyOf(project)]
  if (ours && ourTree && !isOurLast) {
    keys[0] = keyOf(await ownProject(parts, ourTree, ref))
    await takeIn(parts, { oid: ours.oid, name: ref }, last ? [last.commit] : [])
  }
  const { commits, byHand } = await takeIn(parts, theirs, known)
  const [tip] = commits.length > 0 ? commits.slice(-1) : await repo.log(theirs.oid, { limit: 1 })
  const other = { oid: theirs.oid, at: tip?.committer.at ?? 0 }
  if (!ours || !ourTree || (await repo.log(ours.oid, { limit: 1, without: [theirs.oid] })).length === 0) {
    const ahead = { parent: other, have: vectorOf(theirTree.keys()), project, keys: keys.slice(1), beside: [] }
    return isOurLast && !byHand ? { ...ahead, tree: undefined, partly: theirTree } : { ...ahead, tree: theirTree }
  }
  const isContained =
    known.length === 1
      ? commits.length === 0
      : (await repo.log(theirs.oid, { limit: 1, without: [ours.oid] })).length === 0
  if (isContained)
    return {
      parent: ours,
      have: vectorOf(ourTree.keys()),
      tree: isOurLast ? undefined : ourTree,
      project,
      keys: keys.slice(0, 1),
      beside: [],
    }
  const have = vectorOf([...ourTree.keys(), ...theirTree.keys()])
  const beside = [
    ...newChunks(ourTree, theirTree),
    ...[...theirTree]
      .filter(([path, oid]) => ourTree.get(path) !== oid && !path.startsWith(CHUNKS) && path !== PROJECT_FILE)
      .filter(([path]) => !isRendered(parts.project.kinds, path))
      .map(([path, oid]) => ({ path, oid })),
  ]
  return { parent: ours, merged: other, have, tree: isOurLast ? undefined : ourTree, project, keys, beside }
}

const keyOf = ({ key = '' }: ProjectName): string => key

/** What a tree says that it is the history of, if that is this project. */
async function ownProject({ repo, project }: GroundParts, tree: Tree, name: string): Promise<ProjectName> {
  const found = await projectIn(repo, tree, name)
  if (!found) throw new OrchError('git_refused', { reason: `${name} is not a history of orch; give it another name` })
  if (found.id !== project.id) throw new OrchError('different_project', { theirs: found.id, ours: project.id })
  return found
}

/** The commit that an absent branch goes on with: it was deleted, or is still to be made. Git may have dropped it. */
async function lostHead(repo: GitRepo, oid: Oid | undefined): Promise<Pick<Head, 'oid' | 'at'> | undefined> {
  const [commit] = oid === undefined ? [] : await repo.log(oid, { limit: 1 })
  return commit && { oid: commit.oid, at: commit.author.at }
}
