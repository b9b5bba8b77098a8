import type { FileChange, Oid } from './git-repo.ts'
import { type ChunkName, chunksOf } from './history-tree.ts'

type Tree = ReadonlyMap<string, Oid>

/** The chunks of one tree that hold a row which no chunk of another does: two trees are merged by taking both. */
export function newChunks(tree: Tree, other: Tree): readonly FileChange[] {
  const covered = coverOf(chunksOf(tree.keys()))
  return chunksOf(other.keys()).flatMap((chunk) => {
    const oid = other.get(chunk.path)
    const isThere = tree.get(chunk.path) === oid || isCovered(covered, chunk)
    return isThere || oid === undefined ? [] : [{ path: chunk.path, oid }]
  })
}

/** Replica -> the stretches of its rows that are there, in order, none touching the next. */
type Cover = ReadonlyMap<string, readonly { readonly first: number; readonly last: number }[]>

function coverOf(chunks: readonly ChunkName[]): Cover {
  const cover = new Map<string, { first: number; last: number }[]>()
  for (const { replica, first, last } of [...chunks].sort((a, b) => a.first - b.first)) {
    const stretches = cover.get(replica) ?? []
    cover.set(replica, stretches)
    const open = stretches.at(-1)
    if (open && first <= open.last + 1) open.last = Math.max(open.last, last)
    else stretches.push({ first, last })
  }
  return cover
}

function isCovered(cover: Cover, { replica, first, last }: ChunkName): boolean {
  return (cover.get(replica) ?? []).some((stretch) => stretch.first <= first && last <= stretch.last)
}
