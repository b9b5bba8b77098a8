import { OrchError } from '../../src/base/error.ts'
import { sha256 } from '../../src/base/hash.ts'
import { deletionsFirst } from '../../src/git/fast-import.ts'
import { blobOid, type GitRepo, type LoggedCommit, type NewCommit, type Oid } from '../../src/git/git-repo.ts'

interface StoredCommit extends LoggedCommit {
  readonly committedAt: number
  readonly tree: ReadonlyMap<string, Oid>
}

export interface MemoryGitRepo extends GitRepo {
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
  const history = (revision: string): StoredCommit[] => {
    const found: StoredCommit[] = []
    for (let commit = find(revision); commit; commit = find(commit.parents[0] ?? '')) found.push(commit)
    return found
  }
  const refused = (reason: string): OrchError => new OrchError('git_refused', { reason })

  const commit = (request: NewCommit): Oid => {
    if (refusal !== undefined) throw refused(refusal)
    const held = refs.get(request.ref)
    const parents = request.parent === undefined ? [] : history(request.parent)
    if (request.parent !== undefined && parents.length === 0) throw refused('Not a valid commit')
    if (held !== undefined && !parents.some((parent) => parent.oid === held)) throw refused('the ref has moved')
    for (const ref of refs.keys())
      if (ref.startsWith(`${request.ref}/`) || request.ref.startsWith(`${ref}/`)) throw refused(`${ref} exists`)
    const tree = new Map(parents[0]?.tree)
    for (const change of deletionsFirst(request.changes)) {
      if ('delete' in change) tree.delete(change.path)
      else {
        const oid = blobOid(change.bytes, undefined)
        blobs.set(oid, change.bytes.slice())
        tree.set(change.path, oid)
      }
    }
    const oid = sha256(
      JSON.stringify([request.parent, request.message, request.author, [...tree], commits.size]),
    ).slice(0, 40)
    const author = { ...request.author, at: Math.floor(request.author.at / 1000) * 1000 }
    const committedAt = Math.floor(request.committer.at / 1000) * 1000
    const parentOids = request.parent === undefined ? [] : [request.parent]
    commits.set(oid, { oid, parents: parentOids, author, message: request.message.trimEnd(), committedAt, tree })
    refs.set(request.ref, oid)
    return oid
  }

  return {
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
    async log(revision, { limit, path, text }) {
      calls++
      const treeOf = (oid: Oid | undefined) => (oid === undefined ? undefined : find(oid)?.tree)
      return history(revision)
        .filter(
          ({ tree, parents, message }) =>
            (path === undefined || tree.get(path) !== treeOf(parents[0])?.get(path)) &&
            (text === undefined || message.includes(text)),
        )
        .slice(0, limit)
        .map(({ oid, parents, author, message }) => ({ oid, parents, author, message }))
    },
    async readTree(revision) {
      calls++
      const found = find(revision)
      if (!found) throw refused('Not a valid object name')
      return new Map([...found.tree].sort(([a], [b]) => (a < b ? -1 : 1)))
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
  }
}
