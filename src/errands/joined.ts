import type { Database } from '../store/database.ts'
import { createMeta } from '../store/schema.ts'

export interface Named {
  readonly id: string
  readonly name: string
}

/** Where the projects that were joined are noted. */
export const JOINED = 'joined'

/** The projects whose place this database has taken here. */
export function joinedHere(db: Database): readonly Named[] {
  return JSON.parse(createMeta(db).get(JOINED) ?? '[]') as readonly Named[]
}
