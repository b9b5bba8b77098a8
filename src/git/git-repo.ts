import { createHash } from 'node:crypto'

/** A git object id: 40 hex digits, or 64 in a SHA-256 repository. */
export type Oid = string

/** What a ref points at. `at` is the commit's time in milliseconds since 1970. */
export interface Head {
  readonly oid: Oid
  readonly at: number
  /** The work tree that has this branch checked out: moving it there would make a person's files look reverted. */
  readonly checkedOutIn?: string
}

export interface Signature {
  readonly name: string
  readonly email: string
  /** Milliseconds since 1970; git keeps whole seconds. */
  readonly at: number
}

export type FileChange =
  | { readonly path: string; readonly bytes: Uint8Array }
  /** Bytes that the repository has already. */
  | { readonly path: string; readonly oid: Oid }
  | { readonly path: string; readonly delete: true }

export interface NewCommit {
  /** Full name: `refs/heads/orch-history`. */
  readonly ref: string
  /** What the ref is believed to hold; undefined when it is believed to be absent. */
  readonly parent: Oid | undefined
  /** A second parent: the commit then is a merge. Its tree does not count by itself. */
  readonly merged?: Oid
  /** Against the parent's tree. Deletions are done first, so that a path may be freed and taken in one commit. */
  readonly changes: readonly FileChange[]
  readonly message: string
  readonly author: Signature
  readonly committer: Signature
}

export interface LoggedCommit {
  readonly oid: Oid
  readonly parents: readonly Oid[]
  readonly author: Signature
  readonly committer: Signature
  readonly message: string
}

export interface LogQuery {
  readonly limit: number
  /** Not those that can be reached from these commits. What is not here is passed over. */
  readonly without?: readonly Oid[]
  /** Every commit after its parents; else before them. */
  readonly oldestFirst?: boolean
  /** Only commits that changed this path. */
  readonly path?: string
  /** Only commits whose message holds this text. */
  readonly text?: string
}

/**
 * PORT: what orch asks of a git repository. Reads never write; a commit writes objects and one ref of ours, and nothing
 * else: not HEAD, index, work tree, config or stash. Throws `git_missing`, `git_unsafe` or `git_refused`.
 */
export interface GitRepo {
  /** What a ref holds; undefined when there is no such ref. */
  head(ref: string): Promise<Head | undefined>
  /** Refs that are, or lie below, one of these names, with what they hold. A `*` stands for one part of a name. */
  refs(patterns: readonly string[]): Promise<ReadonlyMap<string, Oid>>
  /**
   * Makes one commit and moves the ref to it: all or nothing, also when killed half-way. Refuses (`git_refused`) when the
   * ref holds a commit that `parent` does not contain.
   */
  commit(commit: NewCommit): Promise<Oid>
  /** Removes a ref of ours, if it holds this commit; does nothing when it is not there. Refuses when it holds another. */
  dropRef(ref: string, oid: Oid): Promise<void>
  /** Commits reachable from a ref or commit, newest first; none when there is no such revision. */
  log(revision: string, query: LogQuery): Promise<readonly LoggedCommit[]>
  /** Every file of a ref's or commit's tree, or of one folder in it: path -> id of its bytes. */
  readTree(revision: string, folder?: string): Promise<ReadonlyMap<string, Oid>>
  readBlobs(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, Uint8Array>>
  /** Moves a ref of ours, which must hold `from` (undefined: must be absent), to a commit that is here. */
  moveRef(ref: string, to: Oid, from: Oid | undefined): Promise<void>
  /** Whether commits before some are missing here. */
  isShallow(): Promise<boolean>
  /** Bytes of all objects, and how many of them are not packed. */
  objects(): Promise<GitObjects>
  /** Packs loose objects, at low priority; drops none. */
  packLoose(): Promise<void>
}

export interface GitObjects {
  readonly bytes: number
  readonly loose: number
  /** Bytes of those. */
  readonly looseBytes: number
}

/** A branch of another repository, and where its last known commit is kept here. */
export interface RemoteBranch {
  /** The name of a remote in git's configuration. */
  readonly remote: string
  /** Full name of the branch, there as here: `refs/heads/orch-history`. */
  readonly ref: string
}

/**
 * PORT: a repository's remotes. Uses a person's credentials as they are and never asks for any; runs none of their hooks;
 * writes nothing but objects and the tracking ref of the branch. Throws `remote_failed` with what to do.
 */
export interface GitRemotes {
  /** Brings a branch here and resolves to its commit; undefined when the remote has no such branch. */
  fetch(branch: RemoteBranch): Promise<Oid | undefined>
  /** Offers a commit, never by force. `behind`: the branch there has moved on meanwhile. */
  push(branch: RemoteBranch, commit: Oid): Promise<'pushed' | 'behind'>
}

/** The ref that keeps what was last seen of a branch of a remote. */
export function trackingRef({ remote, ref }: RemoteBranch): string {
  return ref.startsWith('refs/heads/')
    ? `refs/remotes/${remote}/${ref.slice('refs/heads/'.length)}`
    : `refs/orch-remotes/${remote}/${ref.replace(/^refs\//, '')}`
}

/** The id git gives these bytes, in the object format that `like` is of. */
export function blobOid(bytes: Uint8Array, like: Oid | undefined): Oid {
  return createHash(like?.length === 64 ? 'sha256' : 'sha1')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex')
}
