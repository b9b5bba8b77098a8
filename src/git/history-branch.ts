import { OrchError } from '../base/error.ts'
import type { GitRepo, Oid } from './git-repo.ts'
import { type ProjectName, projectOf } from './history-tree.ts'

export const DEFAULT_BRANCH = 'orch-history'

export interface HistoryBranch {
  /** Full name of the ref that snapshots go to: `refs/heads/orch-history`. */
  readonly ref: string
  /** A project that is there already, on the branch itself or on one that came with a fetch: take it over. */
  readonly adopt: Adoptable | undefined
  /** Why a plainer name was passed over, for a person to read. */
  readonly passedOver: readonly string[]
}

export interface Adoptable {
  /** Where it was found. */
  readonly ref: string
  readonly commit: Oid
  readonly project: ProjectName
}

export interface BranchWishes {
  readonly name?: string
  /** Whether something at the repository's root has this name: `git log NAME` would then be ambiguous. */
  readonly isTaken?: (name: string) => boolean
  /** The id of the project that is here: only its history counts. Without one, that of any project does. */
  readonly only?: string
}

const TRIES = 20

/**
 * Finds the branch for the history: the one named, or the next free name where that is somebody else's branch, a tag,
 * a folder of branches or a file. Throws `git_refused` when a newer orch wrote it, or no name is free.
 */
export async function resolveHistoryBranch(repo: GitRepo, wishes: BranchWishes = {}): Promise<HistoryBranch> {
  const { name: wanted = DEFAULT_BRANCH, isTaken = () => false, only } = wishes
  const passedOver: string[] = []
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const name = attempt === 1 ? wanted : `${wanted}-${attempt}`
    const ref = `refs/heads/${name}`
    const refs = await repo.refs([ref, `refs/tags/${name}`])
    const own = refs.get(ref)
    const adopt = own === undefined ? undefined : await adoptable(repo, { ref, commit: own, only })
    const obstacle = obstacleTo(name, refs, adopt, isTaken)
    if (obstacle === undefined) return { ref, adopt: adopt ?? (await fetched(repo, name, only)), passedOver }
    passedOver.push(obstacle)
  }
  throw new OrchError('git_refused', { reason: `no name is free for the history branch: ${passedOver.join('; ')}` })
}

function obstacleTo(
  name: string,
  refs: ReadonlyMap<string, Oid>,
  own: Adoptable | undefined,
  isTaken: (name: string) => boolean,
): string | undefined {
  if (own) return undefined
  const found = [...refs.keys()][0]
  if (found !== undefined) return `${found} is not a history of orch`
  return isTaken(name) ? `the repository has a file or folder named ${name}` : undefined
}

/** The history that came with a clone or a fetch; from `origin` when several remotes have one. */
async function fetched(repo: GitRepo, name: string, only: string | undefined): Promise<Adoptable | undefined> {
  const refs = [...(await repo.refs([`refs/remotes/*/${name}`]))]
  const first = refs.filter(([ref]) => ref === `refs/remotes/origin/${name}`)
  for (const [ref, commit] of [...first, ...refs]) {
    const found = await adoptable(repo, { ref, commit, only })
    if (found) return found
  }
  return undefined
}

async function adoptable(
  repo: GitRepo,
  { ref, commit, only }: { readonly ref: string; readonly commit: Oid; readonly only: string | undefined },
): Promise<Adoptable | undefined> {
  const project = await projectOf(repo, commit)
  return project && (only === undefined || project.id === only) ? { ref, commit, project } : undefined
}
