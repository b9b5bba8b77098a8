import type { Meta } from './schema.ts'

/**
 * What binds a replica's identity to one place. Two databases that write under one clientID diverge without anybody
 * noticing (equal state vectors, different content), so a copied or restored one must become a replica of its own.
 */
export interface LeaseFacts {
  /** This machine, for example from /etc/machine-id. */
  readonly machine: string
  /** The database file. */
  readonly path: string
  /** Device and inode of the database file; a copy has another. */
  readonly inode: string
  /** Whether nothing is at a path any more. */
  readonly isGone?: (path: string) => boolean
}

/** PORT: remembers, outside the repository, how often each replica was opened here: a restored backup has fewer. */
export interface Generations {
  get(replica: string): number | undefined
  set(replica: string, generation: number): void
}

export interface Lease {
  /** Why the replica's identity cannot be kept on; undefined when it can. */
  readonly broken: string | undefined
}

/** Checks that the database is where and what it was when it was last open. */
export function checkLease(meta: Meta, replica: string, facts: LeaseFacts, generations: Generations): Lease {
  const held = meta.get('lease')
  if (held === undefined) return { broken: undefined }
  const before = JSON.parse(held) as LeaseFacts & { generation: number }
  if (before.machine !== facts.machine) return { broken: 'the database came from another machine' }
  // The very file, and none where it was: it was moved, with all that it is.
  const isMoved = before.inode === facts.inode && facts.isGone?.(before.path) === true
  if (before.path !== facts.path && !isMoved) return { broken: `the database was at ${before.path}` }
  if (before.inode !== facts.inode) return { broken: 'the database file is a copy' }
  const outside = generations.get(replica)
  if (outside !== undefined && outside > before.generation)
    return { broken: 'the database is an older state of itself' }
  return { broken: undefined }
}

/** Hands the lease on to a file that takes this one's place; one that is broken stays so. */
export function passLease(meta: Meta, from: LeaseFacts, to: LeaseFacts): void {
  const held = meta.get('lease')
  if (held === undefined) return
  const before = JSON.parse(held) as LeaseFacts & { generation: number }
  const isOurs = before.machine === from.machine && before.path === from.path && before.inode === from.inode
  if (isOurs) meta.set('lease', JSON.stringify({ ...before, ...to }))
}

/** Takes the lease for this run. Call once per open, after the check, before anything is written. */
export function takeLease(meta: Meta, replica: string, facts: LeaseFacts, generations: Generations): void {
  const held = meta.get('lease')
  const generation = (held === undefined ? 0 : (JSON.parse(held) as { generation: number }).generation) + 1
  // Inside first: killed in between, the outside number is one behind, and only one that is ahead means a restored backup.
  meta.set('lease', JSON.stringify({ ...facts, generation }))
  generations.set(replica, generation)
}
