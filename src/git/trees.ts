import type { GitRepo, Oid } from './git-repo.ts'

/** The files of a commit: path -> id of its bytes. */
export type Tree = ReadonlyMap<string, Oid>

/** Trees of commits, read once however often they are asked for. */
export type Trees = (oid: Oid) => Promise<Tree>

/** A history of thousands of files is not kept in memory many times over. */
const TREES_KEPT = 6

export function createTrees(repo: GitRepo): Trees {
  const kept = new Map<Oid, Promise<Tree>>()
  return (oid) => {
    const tree = kept.get(oid) ?? repo.readTree(oid)
    kept.delete(oid)
    kept.set(oid, tree)
    const [oldest] = kept.keys()
    if (kept.size > TREES_KEPT && oldest !== undefined) kept.delete(oldest)
    return tree
  }
}
