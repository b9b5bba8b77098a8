import { describe, expect, test } from 'vitest'
import type { FileChange, GitRepo, NewCommit, Oid } from '../../src/git/git-repo.ts'

const REF = 'refs/heads/orch-history'
const AT = Date.UTC(2026, 10, 23, 8, 0, 0)
const author = { name: 'Zoë 山田', email: 'zoe@example.com', at: AT }

const file = (path: string, text: string): FileChange => ({ path, bytes: Buffer.from(text) })
const gone = (path: string): FileChange => ({ path, delete: true })
const commitOf = (changes: readonly FileChange[], more: Partial<NewCommit> = {}): NewCommit => ({
  ref: REF,
  parent: undefined,
  changes,
  message: 'one',
  author,
  committer: { name: 'orch', email: 'orch@orch.invalid', at: AT },
  ...more,
})

/** What every GitRepo must do; run on each adapter with an empty repository. */
export function gitRepoContract(name: string, open: () => Promise<GitRepo>): void {
  describe(`a git repository (${name})`, () => {
    const textsOf = async (repo: GitRepo, revision: string): Promise<Record<string, string>> => {
      const tree = await repo.readTree(revision)
      const blobs = await repo.readBlobs([...tree.values()])
      return Object.fromEntries([...tree].map(([path, oid]) => [path, Buffer.from(blobs.get(oid) ?? []).toString()]))
    }

    test('an absent ref has no head and no log', async () => {
      const repo = await open()
      expect(await repo.head(REF)).toBeUndefined()
      expect(await repo.log(REF, { limit: 5 })).toEqual([])
    })

    test('the first commit is an orphan with exactly the files given, byte for byte', async () => {
      const repo = await open()
      const bytes = new Uint8Array([0, 255, 13, 10, 10, 34, 92])
      const oid = await repo.commit(
        commitOf([{ path: 'crdt/r1/1-2', bytes }, file('tasks/t-1 "買い物\\".md', 'milk\r\n'), file('empty', '')]),
      )
      expect(await repo.head(REF)).toEqual({ oid, at: AT })
      const tree = await repo.readTree(REF)
      expect([...tree.keys()]).toEqual(['crdt/r1/1-2', 'empty', 'tasks/t-1 "買い物\\".md'])
      const blobs = await repo.readBlobs([...new Set(tree.values())])
      expect(blobs.get(tree.get('crdt/r1/1-2') ?? '')).toEqual(bytes)
      expect((await textsOf(repo, oid))['tasks/t-1 "買い物\\".md']).toBe('milk\r\n')
    })

    test('a commit changes what it names and keeps the rest; a path may be freed and taken at once', async () => {
      const repo = await open()
      const first = await repo.commit(commitOf([file('a', '1'), file('b', '2'), file('c', '3')]))
      const second = await repo.commit(commitOf([file('b', '1'), gone('b'), gone('a')], { parent: first }))
      expect(await textsOf(repo, REF)).toEqual({ b: '1', c: '3' })
      expect(await textsOf(repo, first)).toEqual({ a: '1', b: '2', c: '3' })
      expect((await repo.log(REF, { limit: 5 })).map(({ oid, parents }) => ({ oid, parents }))).toEqual([
        { oid: second, parents: [first] },
        { oid: first, parents: [] },
      ])
    })

    test('the message, the author and their time come back as given', async () => {
      const repo = await open()
      const message = 'Überschrift -> ✓\n\nt-1 "x"\n# not a comment\n\nOrch-Actor: zoë'
      await repo.commit(commitOf([file('a', '1')], { message }))
      const [logged] = await repo.log(REF, { limit: 1 })
      expect(logged).toMatchObject({ message, author })
    })

    test('the log can be asked for one path, for a text in the message, and is cut at its limit', async () => {
      const repo = await open()
      let parent: Oid | undefined
      for (const [path, message] of [
        ['a b', 'first t-1.x'],
        ['c', 'second'],
        ['a b', 'third'],
        ['c', 'fourth t-1yx'],
      ] as const)
        parent = await repo.commit(commitOf([file(path, message)], { parent, message }))
      const subjects = async (query: { path?: string; text?: string; limit?: number }): Promise<string[]> =>
        (await repo.log(REF, { limit: 9, ...query })).map((commit) => commit.message)
      expect(await subjects({ path: 'a b' })).toEqual(['third', 'first t-1.x'])
      expect(await subjects({ text: 't-1.x' })).toEqual(['first t-1.x'])
      expect(await subjects({ limit: 2 })).toEqual(['fourth t-1yx', 'third'])
      expect(await subjects({ path: 'nowhere' })).toEqual([])
    })

    test('[P1] a commit on an old parent is refused and the ref stays', async () => {
      const repo = await open()
      const first = await repo.commit(commitOf([file('a', '1')]))
      const second = await repo.commit(commitOf([file('a', '2')], { parent: first }))
      await expect(repo.commit(commitOf([file('a', '3')], { parent: first }))).rejects.toMatchObject({
        code: 'git_refused',
      })
      await expect(repo.commit(commitOf([file('a', '3')]))).rejects.toMatchObject({ code: 'git_refused' })
      await expect(repo.commit(commitOf([], { parent: 'deadbeef'.repeat(5) }))).rejects.toMatchObject({
        code: 'git_refused',
      })
      expect((await repo.head(REF))?.oid).toBe(second)
    })

    test('a commit may continue on a commit that another ref holds', async () => {
      const repo = await open()
      const theirs = await repo.commit(commitOf([file('a', '1')], { ref: 'refs/remotes/origin/orch-history' }))
      await repo.commit(commitOf([file('b', '2')], { parent: theirs }))
      expect(await textsOf(repo, REF)).toEqual({ a: '1', b: '2' })
    })

    test('a ref is dropped while it holds what it should, once, and its commits stay', async () => {
      const repo = await open()
      const first = await repo.commit(commitOf([file('a', '1')]))
      const second = await repo.commit(commitOf([file('a', '2')], { parent: first }))
      await expect(repo.dropRef(REF, first)).rejects.toMatchObject({ code: 'git_refused' })
      expect((await repo.head(REF))?.oid).toBe(second)
      await repo.dropRef(REF, second)
      await repo.dropRef(REF, second)
      expect(await repo.head(REF)).toBeUndefined()
      expect(await textsOf(repo, second)).toEqual({ a: '2' })
    })

    test('refs are found by name, by what lies below, and by one starred part', async () => {
      const repo = await open()
      const oid = await repo.commit(commitOf([file('a', '1')], { ref: 'refs/heads/orch-history/x' }))
      await repo.commit(commitOf([file('a', '1')], { ref: 'refs/remotes/up/orch-history' }))
      await repo.commit(commitOf([file('a', '1')], { ref: 'refs/heads/orch-history-2' }))
      const found = await repo.refs([REF, 'refs/remotes/*/orch-history'])
      expect([...found.keys()]).toEqual(['refs/heads/orch-history/x', 'refs/remotes/up/orch-history'])
      expect(found.get('refs/heads/orch-history/x')).toBe(oid)
      expect(await repo.head(REF)).toBeUndefined()
      await expect(repo.commit(commitOf([file('a', '1')]))).rejects.toMatchObject({ code: 'git_refused' })
    })

    test('a tree or bytes that are not there are a refusal, not nothing', async () => {
      const repo = await open()
      await expect(repo.readTree(REF)).rejects.toMatchObject({ code: 'git_refused' })
      await expect(repo.readBlobs(['deadbeef'.repeat(5)])).rejects.toMatchObject({ code: 'git_refused' })
    })
  })
}
