import { OrchError } from '../base/error.ts'
import type { GitRepo } from './git-repo.ts'
import { PROJECT_FILE, type ProjectName, projectFile, projectOf } from './history-tree.ts'
import { formatMessage, orchAuthor } from './message.ts'

/** The branch of a project that has joined another, and the name it is kept under from then on. */
export interface Retirement {
  readonly ref: string
  readonly to: string
  readonly project: ProjectName & Required<Pick<ProjectName, 'movedTo'>>
  /** Who does it. */
  readonly replica: string
}

const TRIES = 20

/**
 * Finds a name for the branch of a project that is about to join another; undefined when it has none. Throws
 * `join_failed` when a work tree has it checked out, or no name is free.
 */
export async function planRetirement(repo: GitRepo, ref: string, project: ProjectName): Promise<string | undefined> {
  const head = await repo.head(ref)
  if (!head || (await projectOf(repo, head.oid))?.id !== project.id) return undefined
  if (head.checkedOutIn !== undefined) {
    const reason = `${ref} is checked out in ${head.checkedOutIn}; switch to another branch there`
    throw new OrchError('join_failed', { reason })
  }
  const name = `${ref}-${project.name.replace(/[^A-Za-z0-9_]+/g, '-').replace(/^-|-$/g, '') || project.id}`
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const to = attempt === 1 ? name : `${name}-${attempt}`
    if ((await repo.refs([to])).size === 0) return to
  }
  throw new OrchError('join_failed', { reason: `no name is free for the history of ${project.name}` })
}

/**
 * Keeps the branch of a project under another name, with a last commit that says where the project has gone, and frees
 * its old name. May be cut short at any step and done again.
 */
export async function retireBranch(repo: GitRepo, { ref, to, project, replica }: Retirement): Promise<void> {
  const head = await repo.head(ref)
  const found = head && (await projectOf(repo, head.oid))
  if (!head || found?.id !== project.id) return
  const kept = await repo.head(to)
  const isDone = kept !== undefined && (await projectOf(repo, kept.oid))?.movedTo !== undefined
  if (!isDone) {
    const { name, movedTo } = project
    await repo.commit({
      ref: to,
      parent: head.oid,
      changes: [{ path: PROJECT_FILE, bytes: Buffer.from(projectFile({ ...found, name, movedTo })) }],
      message: formatMessage({
        subject: `${name} has moved into ${movedTo.name} (${movedTo.id})`,
        body: '',
        trailers: [['Orch-Replica', replica]],
      }),
      author: { ...orchAuthor, at: head.at },
      committer: { ...orchAuthor, at: head.at },
    })
  }
  await repo.dropRef(ref, head.oid)
}
