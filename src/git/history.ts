import type { Vector } from '../store/row.ts'
import type { GitRepo, LoggedCommit, Oid } from './git-repo.ts'
import { projectIn, vectorOf } from './history-tree.ts'
import { parseMessage } from './message.ts'

/** One snapshot as people read it. */
export interface SnapshotInfo {
  readonly commit: Oid
  /** ISO time of the last change in it. */
  readonly at: string
  readonly author: string
  readonly subject: string
  readonly body: string
  readonly actors: readonly string[]
  readonly sessions: readonly string[]
}

export interface HistoryParts {
  readonly repo: GitRepo
  readonly ref: string
  /** Where the history is as long as the ref is absent. */
  readonly base: Oid | undefined
  /** Where the file of a record is now. */
  readonly pathOf: (key: string) => string | undefined
}

/** Reads snapshots, newest first; with `id` those whose message names that record or that changed its file. */
export async function readHistory(
  { repo, ref, base, pathOf }: HistoryParts,
  { id, limit }: { readonly id: string | undefined; readonly limit: number },
): Promise<readonly SnapshotInfo[]> {
  const head = (await repo.head(ref))?.oid ?? base
  if (head === undefined) return []
  if (id === undefined) return (await repo.log(head, { limit })).map(infoOf)
  // The message of a very large snapshot does not name every record; its changes to files still tell.
  const isKey = id.includes('/')
  const path = isKey ? undefined : pathOf(id)
  const [naming, touching] = await Promise.all([
    repo.log(head, { limit, text: isKey ? `${id.replace('/', ' ')} (` : id }),
    path === undefined ? [] : repo.log(head, { limit, path }),
  ])
  const all = new Map([...naming, ...touching].map((commit) => [commit.oid, commit]))
  const newestFirst = [...all.values()].sort((a, b) => b.author.at - a.author.at)
  return newestFirst.slice(0, limit).map(infoOf)
}

/** A commit taken apart. */
export function infoOf({ oid, author, message }: LoggedCommit): SnapshotInfo {
  const { subject, body, trailers } = parseMessage(message)
  const valuesOf = (wanted: string): string[] => trailers.flatMap(([name, value]) => (name === wanted ? [value] : []))
  return {
    commit: oid,
    at: new Date(author.at).toISOString(),
    author: author.name,
    subject,
    body,
    actors: valuesOf('Orch-Actor'),
    sessions: valuesOf('Orch-Session'),
  }
}

/** The moment of a commit: of our history with the rows it holds, of any other with its time alone; undefined when there is none. */
export async function momentOfCommit(
  repo: GitRepo,
  project: { readonly id: string },
  revision: string,
): Promise<{ readonly commit: Oid; readonly at: number; readonly have?: Vector } | undefined> {
  const [commit] = await repo.log(revision, { limit: 1 })
  if (!commit) return undefined
  const moment = { commit: commit.oid, at: commit.author.at }
  const tree = await repo.readTree(commit.oid)
  const named = await projectIn(repo, tree, commit.oid)
  return named?.id === project.id ? { ...moment, have: vectorOf(tree.keys()) } : moment
}
