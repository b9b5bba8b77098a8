import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { OrchError } from '../base/error.ts'
import type { Oid } from './git-repo.ts'
import { OURS_ALONE } from './real-git-repo.ts'
import { type Rewriting, rewritten } from './rewrite-export.ts'
import { type Env, gitEnv, gitError } from './run-git.ts'

export interface HistoryPurge extends Rewriting {
  readonly commonDir: string
  readonly env: Env
  /** A folder for what is only needed meanwhile. */
  readonly scratch: string
  /** Hears, before the branch is moved, what becomes of its commits: those with the secret must not come back. */
  readonly onMoving?: (moving: Moving) => void
}

export interface Moving {
  readonly before: Oid
  readonly after: Oid
  /** The commit in whose place another one is made. */
  readonly commitOf: (old: Oid) => Oid | undefined
  /** The first old commits that are not in the new chain: whatever holds the secret builds on one of them. */
  readonly gone: readonly Oid[]
}

export interface HistoryPurged {
  /** How many commits there are, and how many files, paths and messages hold the secret. */
  readonly commits: number
  readonly hits: number
  /** What the branch held before; undefined when there is no branch. */
  readonly before: Oid | undefined
}

/** Where the new chain is built before the branch is moved to it. */
const SCRATCH = 'refs/orch/purging'

/** Counts what a rewrite would change. Writes nothing. */
export async function previewHistoryPurge(parts: HistoryPurge): Promise<HistoryPurged> {
  const before = await oidOf(parts, parts.ref)
  if (before === undefined) return { commits: 0, hits: 0, before }
  const counts = { commits: 0, hits: 0 }
  await exportHistory(parts, undefined, async (stream) => {
    for await (const _ of rewritten(stream, parts, counts));
  })
  return { ...counts, before }
}

/**
 * Makes every commit of the branch again, with the same authors, times and order, without the secret, and moves the branch
 * to them if it still holds what it held: all or nothing, and nothing where nothing is found. The old commits stay as
 * objects that our branch does not reach. Throws `git_refused`.
 */
export async function purgeHistory(parts: HistoryPurge): Promise<HistoryPurged> {
  const { commonDir, ref } = parts
  const found = await previewHistoryPurge(parts)
  if (found.hits === 0 || found.before === undefined) return found
  await assertNotCheckedOut(parts)
  await git(parts, ['update-ref', '-d', SCRATCH])
  const counts = { commits: 0, hits: 0 }
  const [oldMarks, newMarks] = ['old', 'new'].map((name) => join(parts.scratch, `purge-${name}.marks`)) as [
    string,
    string,
  ]
  await exportHistory(parts, oldMarks, async (stream) => {
    const args = ['fast-import', '--quiet', '--force', '--done', `--export-marks=${newMarks}`]
    const child = start(parts, args)
    const ended = endOf(child)
    try {
      await pipeline(Readable.from(rewritten(stream, parts, counts, SCRATCH)), child.stdin)
    } catch (error) {
      child.stdin.destroy()
      const { code, said } = await ended
      if (code === 0) throw error
      throw gitError(said, commonDir)
    }
    const { code, said } = await ended
    if (code !== 0 && child.pid !== undefined)
      rmSync(join(commonDir, `fast_import_crash_${child.pid}`), { force: true })
    if (code !== 0) throw gitError(said, commonDir)
  })
  const after = await oidOf(parts, SCRATCH)
  if (after === undefined) throw new OrchError('git_refused', { reason: 'the rewritten history is not there' })
  const [old, now] = [readMarks(oldMarks), readMarks(newMarks)]
  for (const file of [oldMarks, newMarks]) rmSync(file, { force: true })
  const made = new Map([...old].map(([mark, oid]) => [oid, now.get(mark)]))
  const gone = await firstGone(parts, found.before, after)
  parts.onMoving?.({ before: found.before, after, commitOf: (oid) => made.get(oid), gone })
  await git(parts, ['update-ref', ref, after, found.before])
  await git(parts, ['update-ref', '-d', SCRATCH])
  // The branch's own log of where it was would keep the old commits for months.
  await git(parts, ['reflog', 'expire', '--expire=all', ref])
  return found
}

/** Refs of the user's that reach a commit of the old chain; tracking branches of remotes, above all. */
export async function refsThatReach(
  parts: Pick<HistoryPurge, 'commonDir' | 'env' | 'ref'>,
  oid: Oid,
): Promise<readonly string[]> {
  const roots = (await git(parts, ['rev-list', '--max-parents=0', oid])).split('\n').filter(Boolean)
  const found: string[] = []
  for (const root of roots) {
    found.push(...(await git(parts, ['for-each-ref', '--format=%(refname)', `--contains=${root}`])).split('\n'))
  }
  return [...new Set(found)].filter((name) => name !== '' && name !== parts.ref && name !== SCRATCH)
}

/** Feeds `use` with the branch as git exports it, and checks that git came to its end. */
async function exportHistory(
  parts: HistoryPurge,
  marks: string | undefined,
  use: (stream: Readable) => Promise<void>,
): Promise<void> {
  const keep = marks === undefined ? [] : [`--export-marks=${marks}`]
  const args = ['fast-export', '--reencode=no', '--signed-tags=strip', '--use-done-feature', ...keep, parts.ref]
  const child = start(parts, args)
  child.stdin.end()
  const ended = endOf(child)
  await use(child.stdout)
  const { code, said } = await ended
  if (code !== 0) throw gitError(said, parts.commonDir)
}

/** Mark -> object, as git writes them: `:1 <id>` a line. */
function readMarks(file: string): ReadonlyMap<string, Oid> {
  const lines = readFileSync(file, 'latin1').split('\n').filter(Boolean)
  return new Map(lines.map((line) => line.split(' ') as [string, Oid]))
}

async function firstGone(parts: HistoryPurge, before: Oid, after: Oid): Promise<readonly Oid[]> {
  const lines = (await git(parts, ['rev-list', '--parents', before, `^${after}`])).split('\n').filter(Boolean)
  const commits = lines.map((line) => line.split(' ') as [Oid, ...Oid[]])
  const gone = new Set(commits.map(([oid]) => oid))
  return commits.filter(([, ...parents]) => !parents.some((parent) => gone.has(parent))).map(([oid]) => oid)
}

function start({ commonDir, env }: Pick<HistoryPurge, 'commonDir' | 'env'>, args: readonly string[]) {
  const base = [`--git-dir=${commonDir}`, ...OURS_ALONE.flatMap((setting) => ['-c', setting])]
  return spawn('git', [...base, ...args], { env: gitEnv(env), stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true })
}

function endOf(child: ReturnType<typeof start>): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (data: Buffer) => {
      said += data.toString('utf8')
    })
    child.on('error', (error) => reject(gitError(error, '')))
    child.on('close', (code) => resolve({ code: code ?? -1, said }))
  })
}

async function git(parts: Pick<HistoryPurge, 'commonDir' | 'env'>, args: readonly string[]): Promise<string> {
  const child = start(parts, args)
  child.stdin.end()
  const out: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => out.push(data))
  const { code, said } = await endOf(child)
  if (code !== 0) throw gitError(said, parts.commonDir)
  return Buffer.concat(out).toString('utf8')
}

/** Throws `git_refused` where a work tree has the branch checked out. */
export async function assertNotCheckedOut(parts: Pick<HistoryPurge, 'commonDir' | 'env' | 'ref'>): Promise<void> {
  const folder = (await git(parts, ['for-each-ref', '--format=%(worktreepath)', parts.ref])).trim()
  if (folder === '') return
  const reason = `${parts.ref} is checked out in ${folder}, with files that hold the secret; switch to another branch there`
  throw new OrchError('git_refused', { reason })
}

/** What the branch holds. */
export function headOf(parts: Pick<HistoryPurge, 'commonDir' | 'env' | 'ref'>): Promise<Oid | undefined> {
  return oidOf(parts, parts.ref)
}

async function oidOf(parts: Pick<HistoryPurge, 'commonDir' | 'env'>, ref: string): Promise<Oid | undefined> {
  const found = await git(parts, ['for-each-ref', '--format=%(objectname)%00%(refname)', ref])
  const line = found.split('\n').find((one) => one.endsWith(`\0${ref}`))
  return line?.split('\0')[0]
}
