import { must } from '../base/assert.ts'
import { OrchError } from '../base/error.ts'
import type { Key } from '../base/keys.ts'
import type { Turns } from '../base/turns.ts'
import type { Project } from '../store/project.ts'
import type { Vector } from '../store/row.ts'
import type { FileChange, GitRepo } from './git-repo.ts'
import type { Ground } from './ground.ts'
import { CHUNKS, chunksOf, PROJECT_FILE, type ProjectName, projectFile, projectIn } from './history-tree.ts'
import { packRows } from './new-rows.ts'

/**
 * Every row in new chunks, encrypted by this key or plain, in the place of those that a tree has: what is there need not be
 * read for it, because all rows are here. Throws `git_refused` where they are not.
 */
export async function rowsAnew(
  { repo, project }: { readonly repo: GitRepo; readonly project: Pick<Project, 'id' | 'name' | 'rowsSince'> },
  ground: Ground,
  { have, key, turns }: { readonly have: Vector; readonly key: Key | undefined; readonly turns: Turns },
): Promise<readonly FileChange[]> {
  const lacking = Object.entries(ground.have).find(([replica, seq]) => seq > (have[replica] ?? 0))
  if (lacking) {
    const reason = `the branch holds rows of replica ${lacking[0]} that are not here; they are read before all are encrypted anew`
    throw new OrchError('git_refused', { reason })
  }
  const parent = must(ground.parent, 'there is a tree whose rows are written anew')
  const tree = ground.tree ?? ground.partly ?? (await repo.readTree(parent.oid))
  const said = ground.project ?? (await projectIn(repo, tree, 'the history branch')) ?? project
  const { chunks } = await packRows(project, { from: {}, have, key }, turns)
  const made = new Set(chunks.map(({ path }) => path))
  const gone = chunksOf(tree.keys()).filter(({ path }) => !made.has(path))
  return [
    ...gone.map(({ path }) => ({ path, delete: true }) as const),
    ...ground.beside.filter(({ path }) => !path.startsWith(CHUNKS)),
    { path: PROJECT_FILE, bytes: Buffer.from(projectFile(withKey(said, key))) },
    ...chunks,
  ]
}

/** What a tree says of the project, with the key that its rows are encrypted with. */
export function withKey({ id, name, movedTo }: ProjectName, key: Key | undefined): ProjectName {
  return { id, name, ...(movedTo && { movedTo }), ...(key && { key: key.id }) }
}

/** The subject of the commit. */
export function anewTitle(key: Key | undefined): string {
  return key ? `All rows encrypted with the key ${key.id}` : 'All rows no longer encrypted'
}
