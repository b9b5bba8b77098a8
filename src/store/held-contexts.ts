import { context } from '../model/kinds/context.ts'
import type { Project, Query, StoredRecord } from './project.ts'

const PER_PAGE = 50

/**
 * The contexts that hold, newest first: not deleted, not superseded by one that is there, and not expired at `now`;
 * without it, whatever expires.
 */
export function heldContexts(
  project: Pick<Project, 'list'>,
  options: { readonly now?: number; readonly limit: number } & Pick<Query, 'where' | 'text' | 'filter'>,
): readonly StoredRecord[] {
  const { now, limit, ...query } = options
  const held: StoredRecord[] = []
  for (let after: string | undefined; ; ) {
    const page = project.list(context, {
      ...query,
      sort: '-publishedAt',
      limit: PER_PAGE,
      ...(after !== undefined && { after }),
    })
    for (const one of page.items) {
      if (isExpired(one, now) || isSuperseded(project, one)) continue
      held.push(one)
      if (held.length === limit) return held
    }
    if (page.next === undefined) return held
    after = page.next
  }
}

function isExpired({ values: { expiresAt } }: StoredRecord, now: number | undefined): boolean {
  if (typeof expiresAt !== 'string' || now === undefined) return false
  // A day holds until it is over.
  return Date.parse(expiresAt) + (expiresAt.includes(':') ? 0 : 86_400_000) <= now
}

function isSuperseded(project: Pick<Project, 'list'>, { id }: StoredRecord): boolean {
  return project.list(context, { where: { supersedes: [id] }, limit: 1 }).total > 0
}
