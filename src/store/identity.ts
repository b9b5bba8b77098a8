import type { Logger } from '../base/log.ts'
import { type Random, randomText } from '../model/id.ts'
import type { Database } from './database.ts'
import { checkLease, type Generations, type LeaseFacts, takeLease } from './lease.ts'
import type { Meta } from './schema.ts'

export interface IdentityParts {
  readonly db: Database
  readonly meta: Meta
  readonly random: Random
  readonly log: Logger
  readonly lease: LeaseFacts
  readonly generations: Generations
  /** The name for a project that is made now; one that is there keeps its own. */
  readonly name: string
}

/** Which project this database holds, and which replica of it it is. Kept in the database. */
export interface Identity {
  readonly id: string
  readonly name: string
  readonly replica: string
  /** Becomes another project. */
  adopt(project: { readonly id: string; readonly name: string }): void
  /** Takes a new replica identity. */
  roll(reason: string): void
  /** The replicas that this database was before. */
  former(): readonly string[]
}

/** Reads the identity, or makes one; a database that turns out to be a copy becomes a replica of its own. */
export function openIdentity({ db, meta, random, log, lease, generations, name }: IdentityParts): Identity {
  const remember = (key: string, make: () => string): string => {
    const known = meta.get(key)
    if (known !== undefined) return known
    const value = make()
    meta.set(key, value)
    return value
  }
  const newReplica = (): string => `r-${randomText(random, 8)}`
  const is = {
    id: remember('project_id', () => `j-${randomText(random, 16)}`),
    name: remember('project_name', () => name),
    replica: remember('replica', newReplica),
  }
  const former = (): readonly string[] => (meta.get('former') ?? '').split(' ').filter(Boolean)
  const wasCalled = (replica: string): void => meta.set('former', [...former(), replica].join(' '))

  const { broken } = checkLease(meta, is.replica, lease, generations)
  if (broken) {
    log.warn('this database becomes a replica of its own', { reason: broken, before: is.replica })
    wasCalled(is.replica)
    is.replica = newReplica()
    meta.set('replica', is.replica)
  }
  takeLease(meta, is.replica, lease, generations)

  return {
    get id() {
      return is.id
    },
    get name() {
      return is.name
    },
    get replica() {
      return is.replica
    },
    adopt(project) {
      db.transaction(() => {
        meta.set('project_id', project.id)
        meta.set('project_name', project.name)
      })
      Object.assign(is, project)
      log.info('this project is now', { id: project.id, name: project.name })
    },
    roll(reason) {
      const next = newReplica()
      db.transaction(() => {
        wasCalled(is.replica)
        meta.set('replica', next)
        takeLease(meta, next, lease, generations)
      })
      log.warn('this database becomes a replica of its own', { reason, before: is.replica })
      is.replica = next
    },
    former,
  }
}
