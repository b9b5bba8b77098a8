import { heldContexts } from './held-contexts.ts'
import type { Project, StoredRecord } from './project.ts'

/** The contexts that hold and name an actor, or something it can do, as their audience; the newest first, and none of its own. */
export function messagesFor(
  project: Pick<Project, 'list'>,
  actor: string,
  capabilities: readonly string[],
  now: number,
  limit: number,
): readonly StoredRecord[] {
  const where = { audience: [actor, ...capabilities] }
  return heldContexts(project, { now, limit: limit * 2, where })
    .filter(({ values }) => values.publishedBy !== actor)
    .slice(0, limit)
}
