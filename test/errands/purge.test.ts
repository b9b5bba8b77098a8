import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import { noKeys } from '../../src/base/keys.ts'
import { silentLogger } from '../../src/base/log.ts'
import {
  type PurgeParts,
  type PurgeStep,
  performPurge,
  settlePurges,
  settlePurgesAtStart,
} from '../../src/errands/purge.ts'
import { rowsFromTree } from '../../src/git/history-tree.ts'
import { openGitRepo } from '../../src/git/real-git-repo.ts'
import { openSnapshotLedger } from '../../src/git/snapshot-ledger.ts'
import { createSnapshots } from '../../src/git/snapshots.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { openAttention } from '../../src/store/attention.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { type OpenProject, openProject } from '../../src/store/open-project.ts'
import { openParkedUpdates } from '../../src/store/parked.ts'
import { createGitSandbox, type GitSandbox } from '../git/git-sandbox.ts'
import { createTestClock } from '../helpers/clock.ts'
import { alice, byAlice, byClaude } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const SECRET = 'sk-live-9f8e7d6c5b4a'
const REF = 'refs/heads/orch-history'
const FILLED = '\u2588'.repeat(SECRET.length)

const sandboxes: GitSandbox[] = []
afterEach(() => {
  for (const sandbox of sandboxes.splice(0)) sandbox.remove()
})

interface Place {
  readonly dir: string
  readonly db: Database
  readonly project: OpenProject
  snapshot(): Promise<unknown>
}

/** A project in a repository, with its database in a file. */
function openIn(dir: string, env: Readonly<Record<string, string>>, seed: number, file = 'orch.db'): Place {
  const clock = createTestClock()
  const home = join(dir, '.git/orch')
  mkdirSync(home, { recursive: true })
  const db = openDatabase(join(home, file))
  let note: Parameters<typeof openProject>[0]['note']
  const project = openProject({
    db,
    kinds: builtInKinds,
    clock,
    random: createRandom(seed),
    log: silentLogger,
    lease: { machine: 'm', path: join(home, file), inode: '1' },
    generations: { get: () => undefined, set: () => undefined },
    loads: { newest: () => undefined, make: () => Promise.resolve() },
    name: 'demo',
    note: (changes) => note?.(changes),
  })
  const ledger = openSnapshotLedger(db, builtInKinds)
  note = (changes) => ledger.note(changes)
  const snapshots = createSnapshots({
    repo: openGitRepo({ commonDir: join(dir, '.git'), env, clock, random: (n) => randomBytes(n) }),
    ref: REF,
    base: undefined,
    project,
    ledger,
    render: (key) => {
      const record = key.startsWith('t-') ? project.read(task, key as never) : undefined
      if (!record) return undefined
      return { path: project.pathOf(task, record.id), text: `${record.values.title}\n${record.values.body}\n` }
    },
    happened: () => undefined,
    clock,
    log: silentLogger,
  })
  return { dir, db, project, snapshot: () => snapshots.take() }
}

/** The secret in every place where it may stand, and beside each something that must stay. */
async function leakEverywhere(dir: string, env: Readonly<Record<string, string>>): Promise<Place> {
  const place = openIn(dir, env, 1)
  const { project, db } = place
  const id = await project.transact(byAlice, (tx) =>
    tx.create(task, { title: `Use ${SECRET}`, body: `Before ${SECRET} after.`, labels: ['kept', SECRET] }),
  )
  await project.transact(byAlice, (tx) => {
    tx.create(page, { title: 'Kept page', body: 'Nothing here.' })
    tx.setKey('state', `key.${SECRET}`, 1)
    tx.setKey('state', 'note', { deep: [SECRET, 'kept'] })
  })
  await project.transact(byClaude, (tx) => tx.setKey('state', `key.${SECRET}`, undefined))
  await place.snapshot()
  await project.transact(byClaude, (tx) =>
    tx.update(task, id, { edit: { body: [{ at: 0, delete: `Before ${SECRET}`.length, insert: 'Cut:' }] } }),
  )
  await project.transact(byClaude, (tx) => tx.appendLog({ action: 'note', details: `tried ${SECRET}` } as never))
  await place.snapshot()
  // What a client brought and cannot be applied yet.
  const foreign = new Y.Doc()
  foreign.clientID = 77
  foreign.getText('x').insert(0, 'first')
  const before = Y.encodeStateVector(foreign)
  foreign.getText('x').insert(5, ` brought ${SECRET}`)
  const parked = openParkedUpdates(db)
  const waits = { reason: 'missing', waitsFor: { client: 77, clock: 5 } } as never
  db.transaction(() => parked.keep(alice, waits, Y.encodeStateAsUpdate(foreign, before), () => false, 1))
  openAttention(db).keep({ kind: 'kept_save', what: `a save with ${SECRET}`, where: 'x.md', fix: 'Look.' }, 1)
  // Files: mirror, an old load snapshot, logs, a displaced save, one that a cut short purge has left.
  const home = join(dir, '.git/orch')
  for (const folder of ['load', 'displaced']) mkdirSync(join(home, folder), { recursive: true })
  mkdirSync(join(dir, 'orch/tasks'), { recursive: true })
  writeFileSync(join(dir, 'orch/tasks', `${SECRET}.md`), `Use ${SECRET}\nkept\n`)
  writeFileSync(join(dir, 'orch/tasks/other.md'), 'kept\n')
  writeFileSync(join(dir, 'orch/tasks/other.md.purge~'), 'half of a fi')
  writeFileSync(join(home, 'load/00000001.bin'), Buffer.concat([randomBytes(9), Buffer.from(SECRET)]))
  appendFileSync(join(home, 'audit.log'), `{"title":"${SECRET}"}\n{"title":"kept"}\n`)
  writeFileSync(join(home, 'displaced/1'), `a save of ${SECRET}`)
  // A project that joined this one, whose database is kept.
  const joined = openIn(dir, env, 9, 'joined-p-other.db')
  const theirs = await joined.project.transact(byAlice, (tx) => tx.create(task, { title: `Their ${SECRET}` }))
  await joined.project.transact(byAlice, (tx) => tx.update(task, theirs, { set: { title: 'Their kept title' } }))
  joined.db.close()
  return place
}

const partsFor = (
  dir: string,
  db: Database,
  env: Readonly<Record<string, string>>,
  onStep?: (step: PurgeStep) => void,
): PurgeParts => ({
  db,
  keyring: noKeys,
  kinds: builtInKinds,
  paths: { dir: join(dir, '.git/orch'), database: join(dir, '.git/orch/orch.db') },
  mirrorDir: join(dir, 'orch'),
  commonDir: join(dir, '.git'),
  env,
  ref: REF,
  log: silentLogger,
  ...(onStep && { onStep }),
})

/** Files, and objects that our branch reaches, which hold the secret. */
function leaks(dir: string, env: Readonly<Record<string, string>>): readonly string[] {
  const files = ['.git/orch', 'orch'].flatMap((folder) =>
    readdirSync(join(dir, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  const git = (...args: string[]): Buffer => execFileSync('git', args, { cwd: dir, env })
  const objects = git('rev-list', '--objects', REF).toString().trim().split('\n')
  const oids = objects.map((line) => line.split(' ')[0] ?? '')
  return [
    ...files.filter((path) => path.includes(SECRET) || isFileWith(join(dir, path))),
    ...objects.filter((line) => line.includes(SECRET)),
    ...oids.filter((oid) => git('cat-file', git('cat-file', '-t', oid).toString().trim(), oid).includes(SECRET)),
  ]
}

function isFileWith(path: string): boolean {
  try {
    return readFileSync(path).includes(SECRET)
  } catch {
    return false
  }
}

/** What must be there after a purge, whenever it was cut short. */
async function whatStays(dir: string, env: Readonly<Record<string, string>>): Promise<unknown> {
  const { project, db } = openIn(dir, env, 50)
  const ids = project.ids(task, { deleted: true })
  const repo = openGitRepo({
    commonDir: join(dir, '.git'),
    env,
    clock: createTestClock(),
    random: (n) => randomBytes(n),
  })
  const rows = (await rowsFromTree(repo, REF)).map(({ replica, seq, actor, at, touched }) => [
    replica,
    seq,
    actor,
    at,
    touched,
  ])
  const found = {
    tasks: ids.map((id) => project.read(task, id)?.values),
    pages: project.ids(page).map((id) => project.read(page, id)?.values.title),
    state: [...project.readKeys('state')].map(([key, { value }]) => [key, value]),
    have: project.have(),
    state2: Buffer.from(project.encodeState()).toString('base64'),
    rows,
    log: (await repo.log(REF, { limit: 9 })).map(({ author, message }) => [author.name, author.at, message]),
    parked: db.get<{ n: number }>('SELECT count(*) AS n FROM parked')?.n,
    mirror: readdirSync(join(dir, 'orch/tasks')).map((name) => [
      name,
      readFileSync(join(dir, 'orch/tasks', name), 'utf8'),
    ]),
    audit: readFileSync(join(dir, '.git/orch/audit.log'), 'utf8'),
    attention: openAttention(db)
      .list(2)
      .map(({ problem }) => problem.what),
  }
  db.close()
  const joined = openIn(dir, env, 51, 'joined-p-other.db')
  const theirs = joined.project.ids(task).map((id) => joined.project.read(task, id)?.values.title)
  joined.db.close()
  return {
    ...found,
    theirs,
    fsck: execFileSync('git', ['fsck', '--strict', REF], { cwd: dir, env, stdio: 'pipe' }).toString(),
  }
}

test('[P1] a purge that is cut short at any step is finished by the next start: nothing of the secret is left, and nothing else is lost', async () => {
  const sandbox = createGitSandbox()
  sandboxes.push(sandbox)
  const { folder, env } = sandbox
  const { db, project } = await leakEverywhere(folder, env)
  expect(leaks(folder, env).length).toBeGreaterThan(8)
  const steps: PurgeStep[] = []
  // The files as a kill at this step leaves them.
  const cut = (step: PurgeStep): void => {
    steps.push(step)
    cpSync(folder, `${folder}-${step}`, { recursive: true })
  }
  const before = sandbox.git('rev-parse', REF).trim()
  const by = { replica: project.replica, actor: 'alice', at: 5_000_000_000_000 }
  sandbox.git('worktree', 'add', '--quiet', '../checkout', 'orch-history')
  await expect(performPurge(partsFor(folder, db, env, cut), SECRET, by)).rejects.toMatchObject({
    code: 'git_refused',
    message: expect.stringContaining('checked out in'),
  })
  // Nothing was noted: no replica takes out what this one refused to.
  expect(steps).toEqual([])
  sandbox.git('worktree', 'remove', '--force', '../checkout')
  const report = await performPurge(partsFor(folder, db, env, cut), SECRET, by)
  expect(report.left).toEqual([])
  db.close()
  expect(steps).toEqual([
    'noted',
    'history',
    'moving',
    'moved',
    'files',
    'joined',
    'plan',
    'rows',
    'loads',
    'shred',
    'end',
  ])
  expect(leaks(folder, env)).toEqual([])
  const whole = await whatStays(folder, env)
  expect(JSON.stringify(whole)).not.toContain(SECRET)
  expect(whole).toMatchObject({
    tasks: [{ title: `Use ${FILLED}`, labels: ['kept', FILLED].sort(), body: 'Cut: after.' }],
    pages: ['Kept page'],
    state: [['note', { deep: [FILLED, 'kept'] }]],
    parked: 1,
    theirs: ['Their kept title'],
    mirror: [
      ['other.md', 'kept\n'],
      [`${FILLED}.md`, `Use ${FILLED}\nkept\n`],
    ],
  })

  // What is looked for is kept as long as it must be, and for nobody else to read.
  const planned = steps.filter((step) => existsSync(join(`${folder}-${step}`, '.git/orch/purge.plan')))
  expect(planned).toEqual(['rows', 'loads', 'shred', 'end'])
  expect(statSync(join(`${folder}-rows`, '.git/orch/purge.plan')).mode & 0o777).toBe(0o600)

  // A replica that is only told does the same, and says what it could not reach.
  const told = `${folder}-told`
  cpSync(`${folder}-noted`, told, { recursive: true })
  const git = (...args: string[]): Buffer => execFileSync('git', args, { cwd: told, env, stdio: 'pipe' })
  git('branch', 'mine', 'orch-history')
  git('worktree', 'add', '--quiet', '../theirs', 'orch-history')
  const theirs = openDatabase(join(told, '.git/orch/orch.db'))
  const refused = await settlePurgesAtStart(partsFor(told, theirs, env))
  expect(refused.failure).toContain('checked out in')
  expect(leaks(told, env).length).toBeGreaterThan(8)
  git('worktree', 'remove', '--force', '../theirs')
  expect(await settlePurgesAtStart(partsFor(told, theirs, env))).toEqual({ left: ['refs/heads/mine'] })
  theirs.close()
  expect(leaks(told, env)).toEqual([])

  for (const step of steps) {
    const dir = `${folder}-${step}`
    expect(existsSync(join(dir, '.git/orch/orch.db'))).toBe(true)
    // What cannot be taken out, and is only found by who knows what to look for.
    const out = join(dir, '.git/orch/out-of-reach.bin')
    writeFileSync(out, `kept ${SECRET}`)
    execFileSync('git', ['branch', 'mine', before], { cwd: dir, env })
    const again = openDatabase(join(dir, '.git/orch/orch.db'))
    const settled = await settlePurgesAtStart(partsFor(dir, again, env))
    expect([step, settled.failure]).toEqual([step, undefined])
    expect(await settlePurges(partsFor(dir, again, env))).toBeUndefined()
    again.close()
    expect([step, settled.left]).toEqual([step, ['refs/heads/mine', out]])
    rmSync(out)
    expect([step, leaks(dir, env)]).toEqual([step, []])
    expect([step, await whatStays(dir, env)]).toEqual([step, whole])
  }
}, 120_000)
