import { OrchError } from '../../src/base/error.ts'
import { sha256 } from '../../src/base/hash.ts'
import { deletionsFirst } from '../../src/git/fast-import.ts'
import {
  blobOid,
  type GitRemotes,
  type GitRepo,
  type LoggedCommit,
  type NewCommit,
  type Oid,
  trackingRef,
} from '../../src/git/git-repo.ts'

interface StoredCommit extends LoggedCommit {
  readonly committedAt: number
  readonly tree: ReadonlyMap<string, Oid>
}

export interface MemoryGitRepo extends GitRepo {
  /** Its remotes: one, whatever its name. */
  remotes(origin: MemoryGitRepo): GitRemotes
  /** Takes over a commit with all that it needs from another repository. */
  take(from: MemoryGitRepo, oid: Oid): void
  /** What it holds of a commit or of bytes. */
  held(oid: Oid): StoredCommit | Uint8Array | undefined
  /** The next commits are refused with this reason, until it is undefined again. */
  refuse(reason: string | undefined): void
  /** Sets a ref, as a person or another program does. */
  move(ref: string, oid: Oid | undefined): void
  checkOut(ref: string, folder: string | undefined): void
  /** Every commit made, oldest first. */
  readonly commits: readonly StoredCommit[]
  /** The text of a file of a ref's tree. */
  text(revision: string, path: string): string | undefined
  /** How often anything was asked of it. */
  readonly calls: number
}

/** A repository in memory, for tests that are not about git. */
export function createMemoryGitRepo(): MemoryGitRepo {
  const refs = new Map<string, Oid>()
  const commits = new Map<Oid, StoredCommit>()
  const blobs = new Map<Oid, Uint8Array>()
  const checkedOut = new Map<string, string>()
  let refusal: string | undefined
  let calls = 0

  const find = (revision: string): StoredCommit | undefined => commits.get(refs.get(revision) ?? revision)
  /** Every commit that can be reached, each before its parents. */
  const history = (revision: string): StoredCommit[] => {
    const first = find(revision)
    const after: StoredCommit[] = []
    const seen = new Set<Oid>()
    const visit = (commit: StoredCommit): void => {
      if (seen.has(commit.oid)) return
      seen.add(commit.oid)
      for (const parent of commit.parents.toReversed()) {
        const found = commits.get(parent)
        if (found) visit(found)
      }
      after.push(commit)
    }
    if (first) visit(first)
    return after.reverse()
  }
  const refused = (reason: string): OrchError => new OrchError('git_refused', { reason })

  const commit = (request: NewCommit): Oid => {
    if (refusal !== undefined) throw refused(refusal)
    const held = refs.get(request.ref)
    const parents = request.parent === undefined ? [] : history(request.parent)
    const merged = request.merged === undefined ? [] : history(request.merged)
    if (request.parent !== undefined && parents.length === 0) throw refused('Not a valid commit')
    if (held !== undefined && ![...parents, ...merged].some((parent) => parent.oid === held))
      throw refused('the ref has moved')
    for (const ref of refs.keys())
      if (ref.startsWith(`${request.ref}/`) || request.ref.startsWith(`${ref}/`)) throw refused(`${ref} exists`)
    const tree = new Map(parents[0]?.tree)
    for (const change of deletionsFirst(request.changes)) {
      if ('delete' in change) tree.delete(change.path)
      else if ('oid' in change) tree.set(change.path, change.oid)
      else {
        const oid = blobOid(change.bytes, undefined)
        blobs.set(oid, change.bytes.slice())
        tree.set(change.path, oid)
      }
    }
    const oid = sha256(
      JSON.stringify([request.parent, request.merged, request.message, request.author, request.committer, [...tree]]),
    ).slice(0, 40)
    const author = { ...request.author, at: Math.floor(request.author.at / 1000) * 1000 }
    const committedAt = Math.floor(request.committer.at / 1000) * 1000
    const committer = { ...request.committer, at: committedAt }
    const parentOids = [request.parent, request.merged].filter((parent) => parent !== undefined)
    const message = request.message.trimEnd()
    commits.set(oid, { oid, parents: parentOids, author, committer, message, committedAt, tree })
    refs.set(request.ref, oid)
    return oid
  }

  const self: MemoryGitRepo = {
    refuse: (reason) => {
      refusal = reason
    },
    move: (ref, oid) => {
      if (oid === undefined) refs.delete(ref)
      else refs.set(ref, oid)
    },
    checkOut: (ref, folder) => {
      if (folder === undefined) checkedOut.delete(ref)
      else checkedOut.set(ref, folder)
    },
    get commits() {
      return [...commits.values()]
    },
    get calls() {
      return calls
    },
    text(revision, path) {
      const bytes = blobs.get(find(revision)?.tree.get(path) ?? '')
      return bytes && Buffer.from(bytes).toString('utf8')
    },
    async head(ref) {
      calls++
      const oid = refs.get(ref)
      const folder = checkedOut.get(ref)
      if (oid === undefined) return undefined
      return { oid, at: find(oid)?.committedAt ?? 0, ...(folder === undefined ? {} : { checkedOutIn: folder }) }
    },
    async refs(patterns) {
      calls++
      const tests = patterns.map((pattern) => new RegExp(`^${pattern.replaceAll('*', '[^/]*')}(/|$)`))
      return new Map([...refs].filter(([name]) => tests.some((test) => test.test(name))).sort())
    },
    async commit(request) {
      calls++
      return commit(request)
    },
    async dropRef(ref, oid) {
      calls++
      if (refusal !== undefined || (refs.has(ref) && refs.get(ref) !== oid))
        throw refused(refusal ?? 'the ref has moved')
      refs.delete(ref)
    },
    async log(revision, { limit, path, text, without = [], oldestFirst = false }) {
      calls++
      const hidden = new Set(without.flatMap((oid) => history(oid).map((commit) => commit.oid)))
      const treeOf = (oid: Oid | undefined) => (oid === undefined ? undefined : find(oid)?.tree)
      const found = history(revision)
        .filter(
          ({ oid, tree, parents, message }) =>
            !hidden.has(oid) &&
            (path === undefined || tree.get(path) !== treeOf(parents[0])?.get(path)) &&
            (text === undefined || message.includes(text)),
        )
        .slice(0, limit)
        .map(({ oid, parents, author, committer, message }) => ({ oid, parents, author, committer, message }))
      return oldestFirst ? found.reverse() : found
    },
    async readTree(revision, folder) {
      calls++
      const found = find(revision)
      if (!found) throw refused('Not a valid object name')
      const below = [...found.tree].filter(([path]) => folder === undefined || path.startsWith(`${folder}/`))
      return new Map(below.sort(([a], [b]) => (a < b ? -1 : 1)))
    },
    async readBlobs(oids) {
      calls++
      return new Map(
        oids.map((oid) => {
          const bytes = blobs.get(oid)
          if (!bytes) throw refused(`the object ${oid} is missing`)
          return [oid, bytes]
        }),
      )
    },
    async moveRef(ref, to, from) {
      calls++
      if (refusal !== undefined || refs.get(ref) !== from) throw refused(refusal ?? 'the ref has moved')
      if (!commits.has(to)) throw refused('Not a valid commit')
      refs.set(ref, to)
    },
    isShallow: async () => false,
    objects: async () => ({ bytes: 0, loose: 0, looseBytes: 0 }),
    packLoose: async () => undefined,
    held: (oid) => commits.get(oid) ?? blobs.get(oid),
    take(from, oid) {
      const wanted = [oid]
      for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
        const found = from.held(next)
        if (commits.has(next) || found === undefined || found instanceof Uint8Array) continue
        commits.set(next, found)
        for (const blob of found.tree.values()) {
          const bytes = from.held(blob)
          if (bytes instanceof Uint8Array) blobs.set(blob, bytes)
        }
        wanted.push(...found.parents)
      }
    },
    remotes(origin) {
      return {
        async fetch(branch) {
          const there = (await origin.head(branch.ref))?.oid
          if (there === undefined) return undefined
          self.take(origin, there)
          refs.set(trackingRef(branch), there)
          return there
        },
        async push(branch, oid) {
          const there = (await origin.head(branch.ref))?.oid
          if (there !== undefined && !history(oid).some((commit) => commit.oid === there)) return 'behind'
          origin.take(self, oid)
          origin.move(branch.ref, oid)
          refs.set(trackingRef(branch), oid)
          return 'pushed'
        },
      }
    },
  }
  return self
}
