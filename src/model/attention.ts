import { shortHash } from '../base/hash.ts'
import type { Json } from './record.ts'

/** What an item of the attention list is about. */
export const ATTENTION_KINDS = {
  broken_file: 'a file that cannot be read as what it is; it is left alone',
  paused_file: 'a file that is not written for the time being, because something else keeps rewriting it',
  failing_file: 'a file or folder that cannot be read or written at the moment',
  stale_save: 'a save made on an older text; what was added since was kept',
  held_deletes: 'many files gone at once; their records were kept',
  kept_record: 'a record whose file was removed, or that was deleted, while somebody edited it; it was kept',
  kept_save: 'a save that could not be merged; its text is kept in a file, or in a commit',
  kept_line: 'something changed by hand that is not changed that way; it was put back',
  overridden_value: 'a value that lost against another one written at the same time',
  conflict: 'values written at the same time by several replicas',
  parked: 'changes of a client that cannot be applied yet; they are kept',
  client: 'a client that was turned away',
  link: 'a link to another replica, a git remote or a relay',
  lost_relay: 'a Redis that lost its data; the nodes have exchanged anew what they hold',
  snapshot: 'the history in git',
  config: 'the configuration',
  growth: 'sizes that slow things down',
  storage: 'the database',
  mirror: 'a folder of files',
  daemon: 'the daemon itself',
} as const satisfies Readonly<Record<string, string>>

export type AttentionKind = keyof typeof ATTENTION_KINDS

/** A way to settle an item. */
export interface Way {
  /** A word: `accept`. */
  readonly name: string
  /** What it does. */
  readonly help: string
  /** It takes something away from everybody: only a person at a terminal or an administrator may choose it. */
  readonly destructive?: boolean
}

/** Something a person or agent should know, as the part that found it says: what, where, and what to do. */
export interface Problem {
  readonly kind: AttentionKind
  readonly what: string
  /** A path below the mirror directory, a peer, or a part. */
  readonly where: string
  readonly line?: number
  readonly column?: number
  /** The record it is about. */
  readonly record?: string
  /** How it came about, where that is not plain from what it is. */
  readonly why?: string
  /** What to do; never a command that takes something away. */
  readonly fix: string
  /** Tells it from others of its kind at one place; `what` where that does not change. */
  readonly key?: string
  /** How it can be settled by a choice; without one, it goes when its cause does. */
  readonly ways?: readonly Way[]
  /** Since when, in milliseconds since 1970; else when it was first seen. */
  readonly since?: number
}

/** An item of the attention list, as every surface shows it. */
export interface AttentionItem extends Omit<Problem, 'key' | 'since' | 'ways'> {
  readonly id: string
  /** ISO 8601. */
  readonly since: string
  readonly ways: readonly Way[]
}

/** A problem that happened once, to be kept until somebody settles it or it is over. */
export interface Happened extends Problem {
  /** What its ways need. */
  readonly data?: Json
  /** How long it matters, in milliseconds. */
  readonly forMs?: number
}

/** The id of a problem: the same as long as it is the same problem, on every look and after a restart. */
export function attentionId({ kind, where, key, what }: Problem): string {
  return `a-${shortHash(JSON.stringify([kind, where, key ?? what])).slice(0, 8)}`
}

/** How long something that happened, and asks for no decision, is shown. */
export const NOTICE_MS = 24 * 60 * 60 * 1000

/** What every item that was kept can be settled with. */
export const DISMISS: Way = { name: 'dismiss', help: 'it is known, and stays as it is' }

const HAPPENED: readonly AttentionKind[] = [
  'stale_save',
  'held_deletes',
  'kept_record',
  'kept_save',
  'kept_line',
  'overridden_value',
  'conflict',
  'parked',
  'client',
  'lost_relay',
]

/** Whether something does not work until it is mended; the others happened, and are to be known or decided. */
export function standsStill({ kind }: Pick<Problem, 'kind'>): boolean {
  return !HAPPENED.includes(kind)
}
