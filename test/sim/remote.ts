import fc from 'fast-check'
import { silentLogger } from '../../src/base/log.ts'
import { createRenderer } from '../../src/daemon/render.ts'
import { type FileChange, type GitRemotes, type GitRepo, type Signature, trackingRef } from '../../src/git/git-repo.ts'
import { rowsFromTree, vectorOf } from '../../src/git/history-tree.ts'
import { createRemotePeer, type RemotePeer } from '../../src/git/remote.ts'
import { openSnapshotLedger } from '../../src/git/snapshot-ledger.ts'
import { createSnapshots, type Snapshots } from '../../src/git/snapshots.ts'
import type { Happened } from '../../src/model/attention.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { mergeText } from '../../src/model/text-diff.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { createTestClock, type TestClock } from '../helpers/clock.ts'
import { createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'
import { borrowMemoryDatabase, createMemoryDatabase } from '../memory/database.ts'

/**
 * Clones of one remote that meet through `git fetch` and `git push`, and now and then over live links: edits of one
 * paragraph and of fields, saves of files, and commits that people make on the branch without orch, in any order.
 */

const CLONES = 3
export const SIM_REF = 'refs/heads/orch-history'
const STATUSES = ['todo', 'in_progress', 'review', 'completed'] as const

export type Step =
  | { readonly type: 'word'; readonly on: number; readonly record: number; readonly at: number }
  | { readonly type: 'cut'; readonly on: number; readonly record: number; readonly at: number }
  | { readonly type: 'status'; readonly on: number; readonly record: number; readonly value: number }
  | { readonly type: 'label' | 'hours' | 'create' | 'comment' | 'key'; readonly on: number; readonly record: number }
  | { readonly type: 'snapshot' | 'sync'; readonly on: number }
  /** Rows go over a link, as far as causes allow. */
  | { readonly type: 'link'; readonly on: number; readonly to: number }
  /** Somebody edits the view on the remote, in a web editor. */
  | { readonly type: 'web'; readonly record: number; readonly at: number; readonly field: boolean }
  /** Somebody makes a file on the remote. */
  | { readonly type: 'upload' }
  /** Somebody branches off on the remote, edits, and merges that back later. */
  | { readonly type: 'request'; readonly record: number; readonly at: number }
  | { readonly type: 'accept' }

const on = fc.nat(CLONES - 1)
const record = fc.nat(5)
const at = fc.nat(1000)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('word' as const), on, record, at }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cut' as const), on, record, at }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('status' as const), on, record, value: fc.nat(3) }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constantFrom('label', 'hours', 'create', 'comment', 'key'), on, record }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('snapshot' as const), on }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('sync' as const), on }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('link' as const), on, to: on }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('web' as const), record, at, field: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('upload' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('request' as const), record, at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('accept' as const) }) },
)
export const schedules = (longest: number): fc.Arbitrary<Step[]> =>
  fc.array(step, { minLength: longest / 2, maxLength: longest })

/** Where the clones are: one repository each, and the one they push to. */
export interface Ground {
  readonly origin: GitRepo
  readonly clones: readonly { readonly repo: GitRepo; readonly remotes: GitRemotes }[]
}

interface Clone {
  /** The project must not be used any more after it. */
  close(): void
  readonly project: OpenProject
  readonly snapshots: Snapshots
  readonly remote: RemotePeer
  readonly repo: GitRepo
}

/** Builds a clone on a repository; the first one makes the project, others take it over. */
export function createClone(
  { repo, remotes }: Ground['clones'][number],
  { clock, seed, happened }: { clock: TestClock; seed: number; happened: (happened: Happened) => void },
): Clone {
  let ledger: ReturnType<typeof openSnapshotLedger> | undefined
  const database = borrowMemoryDatabase()
  const { project } = createTestProject({
    clock,
    database,
    seed,
    note: (changes) => ledger?.note(changes),
    noteEntries: (entries) => ledger?.noteEntries(entries),
  })
  ledger = openSnapshotLedger(database, project.kinds)
  const snapshots = createSnapshots({
    repo,
    ref: SIM_REF,
    base: undefined,
    project,
    ledger,
    render: createRenderer(project),
    clock,
    log: silentLogger,
    happened,
  })
  const remote = createRemotePeer({
    repo,
    remotes,
    snapshots,
    ref: SIM_REF,
    remote: () => 'origin',
    clock,
    random: createRandom(seed),
    log: silentLogger,
  })
  return { project, snapshots, remote, repo, close: database.giveBack }
}

/** Runs a schedule, lets every clone sync twice, and gives what does not hold at the end. */
export async function simulateRemote(steps: readonly Step[], ground: Ground): Promise<readonly string[]> {
  const clock = createTestClock()
  const wrong: string[] = []
  const happened = ({ what, where }: Happened): void => {
    wrong.push(`${where}: ${what}`)
  }
  const clones = ground.clones.map((one, i) => createClone(one, { clock, seed: i + 1, happened }))
  const [first, ...others] = clones
  if (!first) throw new Error('no clone')
  for (const { project } of others) project.adopt({ id: first.project.id, name: first.project.name })
  const records: RecordId[] = []
  /** What must be there once at the end; `cut`: it may be gone, as somebody who had seen it took it out. */
  const words = new Map<string, { cut: boolean }>()
  const made = { words: 0, labels: 0, hours: 0, comments: 0, uploads: 0 }
  let requested: { readonly oid: string; readonly path: string; readonly bytes: Uint8Array } | undefined

  const newWord = (): string => {
    const word = `w${made.words++}e`
    words.set(word, { cut: false })
    return word
  }
  const by = (n: number) => ({ source: 'api', actor: { name: `actor${n}`, type: 'agent', verified: false } }) as const
  const known = (clone: Clone, n: number): RecordId | undefined => {
    const ids = records.filter((id) => clone.project.read(task, id))
    return ids[n % Math.max(1, ids.length)]
  }
  const gaps = (text: string): number[] => [0, ...[...text.matchAll(/ /g)].map(({ index }) => index + 1)]
  const withWord = (text: string, where: number, word: string): string => {
    const places = gaps(text)
    const place = places[where % places.length] ?? 0
    return `${text.slice(0, place)}${word} ${text.slice(place)}`
  }

  const person = (name: string): Signature => ({ name, email: `${name}@example.com`, at: clock.now() })
  /** The files of records on the remote, with their ids of bytes. */
  const filesThere = async (revision: string): Promise<readonly (readonly [string, string])[]> =>
    [...(await ground.origin.readTree(revision))].filter(([path]) => path.startsWith('tasks/'))
  const textOf = async (oid: string): Promise<string> =>
    Buffer.from((await ground.origin.readBlobs([oid])).get(oid) ?? []).toString()
  const commitThere = async (ref: string, parent: string, changes: readonly FileChange[], merged?: string) => {
    const who = person('webber')
    await clock.advance(1000)
    return await ground.origin.commit({
      ref,
      parent,
      ...(merged !== undefined && { merged }),
      changes,
      message: 'Update in the browser\n',
      author: who,
      committer: { ...who, name: 'Host', email: 'noreply@host.example' },
    })
  }
  /** Puts a word into the body that a text of a file shows. */
  const bodyWithWord = (text: string, where: number, word: string): string => {
    const end = text.indexOf('\n---\n', 3) + 5
    const [front, below] = [text.slice(0, end), text.slice(end)]
    const marker = below.indexOf('<!-- orch:comments -->')
    const [body, rest] = marker < 0 ? [below, ''] : [below.slice(0, marker), below.slice(marker)]
    const trimmed = body.replace(/^\n+|\n+$/g, '')
    return `${front}\n${withWord(trimmed === '' ? 'x' : trimmed, where, word)}\n${rest === '' ? '' : `\n${rest}`}`
  }
  const edited = async (revision: string, n: number, where: number, field: boolean) => {
    const files = await filesThere(revision)
    const [path, oid] = files[n % Math.max(1, files.length)] ?? []
    if (path === undefined || oid === undefined) return undefined
    const text = await textOf(oid)
    const next = field
      ? text.replace(/^status: .*$/m, `status: ${STATUSES[where % STATUSES.length]}`)
      : bodyWithWord(text, where, newWord())
    return next === text ? undefined : { path, bytes: Buffer.from(next) }
  }

  for (const one of steps) {
    await clock.advance(700)
    const clone = 'on' in one ? clones[one.on] : undefined
    switch (one.type) {
      case 'create':
        if (clone) {
          const body = `${newWord()} and ${newWord()} `
          records.push(await clone.project.transact(by(one.on), (tx) => tx.create(task, { title: 'T', body })))
        }
        break
      case 'word':
      case 'cut': {
        const id = clone && known(clone, one.record)
        if (!clone || !id) break
        const body = String(clone.project.read(task, id)?.values.body ?? '')
        const word = one.type === 'word' ? newWord() : ''
        const present = [...body.matchAll(/w\d+e/g)].map(([found]) => found)
        const gone = present[one.at % Math.max(1, present.length)]
        if (one.type === 'cut' && gone === undefined) break
        const next = one.type === 'word' ? withWord(body, one.at, word) : body.replace(`${gone} `, '')
        const held = words.get(gone ?? '')
        if (one.type === 'cut' && held && next !== body) held.cut = true
        const edits = mergeText(body, next, body)
        if (edits.length > 0)
          await clone.project.transact(by(one.on), (tx) => tx.update(task, id, { edit: { body: edits } }))
        break
      }
      case 'status':
      case 'label':
      case 'hours':
      case 'comment': {
        const id = clone && known(clone, one.record)
        if (!clone || !id) break
        await clone.project.transact(by(one.on), (tx) => {
          if (one.type === 'status') tx.update(task, id, { set: { status: STATUSES[one.value] ?? 'todo' } })
          if (one.type === 'label') tx.update(task, id, { add: { labels: [`l${made.labels++}`] } })
          if (one.type === 'hours') tx.update(task, id, { increment: { spentHours: 1 } })
          if (one.type === 'comment') tx.update(task, id, { append: { comments: [{ text: `c${made.comments++}e` }] } })
        })
        if (one.type === 'hours') made.hours++
        break
      }
      case 'key':
        await clone?.project.transact(by(one.on), (tx) => tx.setKey('state', 'phase', `p${made.words}`))
        break
      case 'snapshot':
        await clone?.snapshots.take()
        break
      case 'sync':
        await clone?.remote.sync()
        break
      case 'link': {
        const to = clones[one.to]
        if (clone && to && clone !== to) {
          const rows = clone.project.rowsSince(to.project.have(), 1000)
          await to.project.applyRows(rows, { source: 'peer', peer: clone.project.replica })
        }
        break
      }
      case 'web': {
        const head = await ground.origin.head(SIM_REF)
        const change = head && (await edited(head.oid, one.record, one.at, one.field))
        if (head && change) await commitThere(SIM_REF, head.oid, [change])
        break
      }
      case 'upload': {
        const head = await ground.origin.head(SIM_REF)
        if (!head) break
        const name = `up${made.uploads}e`
        const text = `---\ntitle: ${name}\nlabels: [uploaded]\n---\n\n${newWord()} by hand\n`
        made.uploads++
        await commitThere(SIM_REF, head.oid, [{ path: `tasks/${name}.md`, bytes: Buffer.from(text) }])
        break
      }
      case 'request': {
        const head = await ground.origin.head(SIM_REF)
        const change = head && !requested && (await edited(head.oid, one.record, one.at, false))
        if (head && change) requested = { oid: await commitThere('refs/heads/request', head.oid, [change]), ...change }
        break
      }
      case 'accept': {
        const head = await ground.origin.head(SIM_REF)
        const { oid, path, bytes } = requested ?? {}
        if (!head || oid === undefined || path === undefined || bytes === undefined) break
        const there = (await ground.origin.readTree(head.oid)).get(path)
        const base = (await ground.origin.log(oid, { limit: 1 }))[0]?.parents[0] ?? ''
        // As a host does: with a text that both changed, it says that they cannot be merged.
        if (there !== (await ground.origin.readTree(base)).get(path)) break
        requested = undefined
        await commitThere(SIM_REF, head.oid, [{ path, bytes }], oid)
        break
      }
    }
  }

  // Two rounds: what each has goes, and what came after it comes.
  for (let round = 0; round < 2; round++) for (const clone of clones) await clone.remote.sync()
  if (requested) {
    // Never merged: nobody has seen it.
    const text = Buffer.from(requested.bytes).toString()
    // By whole words: an id drawn at random may hold one as a part.
    const seen = new Set(shown(first.project).match(/\w+/g))
    for (const word of words.keys()) if (text.includes(word) && !seen.has(word)) words.delete(word)
  }
  wrong.push(...(await differences(clones, ground)))
  // A whole index is made for it, which costs more than all the rest of the schedule: of one clone, in turn.
  const checked = steps.length % clones.length
  wrong.push(...(clones[checked]?.project.checkIndex(createMemoryDatabase()) ?? []))
  const all = records.concat(first.project.ids(task).filter((id) => !records.includes(id)))
  const texts = all.map((id) => String(first.project.read(task, id)?.values.body ?? '')).join('\n')
  for (const [word, { cut }] of words) {
    const times = texts.split(new RegExp(`\\b${word}\\b`)).length - 1
    if (times > 1 || (times === 0 && !cut)) wrong.push(`${word} is there ${times} times`)
  }
  const values = all.map((id) => first.project.read(task, id)?.values ?? {})
  const labels = values.flatMap(({ labels: set }) => (set as readonly string[]).filter((label) => /^l\d/.test(label)))
  if (labels.length !== made.labels) wrong.push(`${labels.length} labels, not ${made.labels}`)
  const hours = values.reduce((sum, { spentHours }) => sum + Number(spentHours), 0)
  if (hours !== made.hours) wrong.push(`${hours} hours, not ${made.hours}`)
  const comments = values.flatMap(({ comments: list }) => list as readonly unknown[])
  if (comments.length !== made.comments) wrong.push(`${comments.length} comments, not ${made.comments}`)
  const uploads = values.filter(({ title }) => /^up\d+e$/.test(String(title)))
  if (uploads.length !== made.uploads) wrong.push(`${uploads.length} uploads, not ${made.uploads}`)
  for (const { close } of clones) close()
  return wrong
}

function shown(project: OpenProject): string {
  const ids = project.ids(task, { deleted: true })
  const have = Object.entries(project.have()).sort()
  return JSON.stringify([have, ids.map((id) => project.read(task, id)), [...project.readKeys('state')].sort()], null, 1)
}

/** [P3]: every clone holds the same, in document, index and rows; and the remote's tree shows it and holds all rows. */
async function differences(clones: readonly Clone[], { origin }: Ground): Promise<readonly string[]> {
  const wrong: string[] = []
  const [first, ...others] = clones
  if (!first) return wrong
  for (const [i, { project }] of others.entries()) {
    if (shown(project) !== shown(first.project))
      wrong.push(`clone ${i + 1} differs:\n${shown(project)}\n${shown(first.project)}`)
    const [a, b] = [project.encodeState(), first.project.encodeState()]
    if (Buffer.compare(a, b) !== 0) wrong.push(`the document of clone ${i + 1} differs`)
  }
  const head = await origin.head(SIM_REF)
  const tree = head && (await origin.readTree(head.oid))
  if (!head || !tree) return [...wrong, 'nothing was pushed']
  if (JSON.stringify(vectorOf(tree.keys())) !== JSON.stringify(sorted(first.project.have(), vectorOf(tree.keys()))))
    wrong.push(
      `the tree has the rows ${JSON.stringify(vectorOf(tree.keys()))}, not ${JSON.stringify(first.project.have())}`,
    )
  if ((await rowsFromTree(origin, head.oid)).length !== first.project.rowCount()) wrong.push('the tree lacks rows')
  const render = createRenderer(first.project)
  const files = first.project.ids(task).flatMap((id) => render(id) ?? [])
  const there = [...tree.keys()].filter((path) => path.startsWith('tasks/'))
  if (there.length !== files.length) wrong.push(`the tree shows ${there.length} tasks, not ${files.length}`)
  const blobs = await origin.readBlobs([...new Set(tree.values())])
  for (const { path, text } of files) {
    const shownThere = Buffer.from(blobs.get(tree.get(path) ?? '') ?? []).toString()
    if (shownThere !== text) wrong.push(`${path} in the tree is not as it should be:\n${shownThere}\n${text}`)
  }
  for (const { repo } of clones) {
    const ours = (await repo.head(SIM_REF))?.oid
    if (ours !== head.oid) wrong.push('a clone is not where the remote is')
    if ((await repo.head(trackingRef({ remote: 'origin', ref: SIM_REF })))?.oid !== head.oid)
      wrong.push('a tracking ref is not where the remote is')
  }
  return wrong
}

/** The same keys in the order of another one. */
function sorted(vector: Readonly<Record<string, number>>, like: Readonly<Record<string, number>>) {
  const keys = [...new Set([...Object.keys(like), ...Object.keys(vector)])]
  return Object.fromEntries(keys.map((key) => [key, vector[key]]))
}
