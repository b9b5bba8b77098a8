import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, sleep } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { nextTurn } from '../base/turns.ts'
import type { Random } from '../model/id.ts'
import { fastImportStream, inBatches } from './fast-import.ts'
import type { GitRepo, Head, LoggedCommit, LogQuery, NewCommit, Oid } from './git-repo.ts'
import { type Env, fixedEnv, type GitResult, gitEnv, gitError, runGit } from './run-git.ts'

export interface GitRepoOptions {
  /** The git common directory, absolute: what all linked worktrees share. */
  readonly commonDir: string
  readonly env: Env
  readonly clock: Clock
  readonly random: Random
  /** The program; `git` on the PATH by default. */
  readonly git?: string
  readonly timeoutMs?: number
}

/** Nothing a person set up for their own commits may run or change ours. */
export const OURS_ALONE = [
  'core.hooksPath=/dev/null',
  'gc.auto=0',
  'maintenance.auto=false',
  'core.fsmonitor=false',
  'core.autocrlf=false',
]
/** Packing a large repository for the first time takes its time, and keeps nobody waiting. */
const MAINTENANCE_MS = 600_000
const LOCK_TRIES = 6
const LOCK_WAIT_MS = 100

/** Opens a repository through the git on the PATH. Starts no process yet. */
export function openGitRepo(options: GitRepoOptions): GitRepo {
  const { commonDir, clock, random, git = 'git', timeoutMs = 60_000 } = options
  const env = gitEnv(options.env)
  const base = [`--git-dir=${commonDir}`, ...OURS_ALONE.flatMap((setting) => ['-c', setting])]

  /** Runs a command that reads, and gives what it printed. */
  const ask = async (...args: readonly string[]): Promise<string> => {
    try {
      return await askGit({ commonDir, env, git, timeoutMs }, ...args)
    } catch (error) {
      throw gitError(error, commonDir)
    }
  }
  const feed = async (args: readonly string[], input: Iterable<Uint8Array>): Promise<GitResult> => {
    try {
      return await runGit({ git, args: [...base, ...args], env, input, clock, timeoutMs })
    } catch (error) {
      throw gitError(error, commonDir)
    }
  }
  const importOnce = async (commit: NewCommit): Promise<Oid | string> => {
    const { code, pid, stdout, stderr } = await feed(['fast-import', '--quiet'], inBatches(fastImportStream(commit)))
    // git leaves a report of every refusal behind; the repository is not ours to litter.
    if (code !== 0 && pid !== undefined) await rm(join(commonDir, `fast_import_crash_${pid}`), { force: true })
    if (code !== 0) throw gitError(stderr, commonDir)
    return stdout.toString('latin1').trim()
  }

  return {
    async head(ref) {
      const format = '--format=%(refname)%00%(objectname)%00%(committerdate:unix)%00%(worktreepath)'
      const lines = (await ask('for-each-ref', format, ref)).split('\n')
      return lines.map(parseHead).find((line) => line.ref === ref)?.head
    },
    async refs(patterns) {
      const lines = (await ask('for-each-ref', '--format=%(refname)%00%(objectname)', ...patterns)).split('\n')
      return new Map(lines.filter((line) => line !== '').map((line) => line.split('\0') as [string, Oid]))
    },
    async commit(commit) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await importOnce(commit)
        } catch (error) {
          const lock = lockIn(error)
          if (lock === undefined) throw error
          if (attempt === LOCK_TRIES) throw new OrchError('git_refused', { reason: stale(lock) }, error)
          await sleep(clock, jittered(LOCK_WAIT_MS * 2 ** (attempt - 1), random))
        }
      }
    },
    async dropRef(ref, oid) {
      const { code, stderr } = await feed(['update-ref', '--stdin'], [Buffer.from(`delete ${ref} ${oid}\n`)])
      if (code !== 0 && (await this.head(ref))) throw gitError(stderr, commonDir)
    },
    async log(revision, query) {
      try {
        return parseLog(await ask(...logArgs(revision, query)))
      } catch (error) {
        // Most of the time all are here; only then it is worth a look which are.
        const known = await existing([revision, ...(query.without ?? [])])
        if (!known.has(revision)) return []
        const without = query.without?.filter((oid) => known.has(oid)) ?? []
        if (without.length === (query.without?.length ?? 0)) throw error
        return parseLog(await ask(...logArgs(revision, { ...query, without })))
      }
    },
    async readTree(revision, folder) {
      const below = folder === undefined ? [] : ['--', `${folder}/`]
      const entries = (await ask('ls-tree', '-r', '-z', '--full-tree', revision, ...below)).split('\0')
      return new Map(entries.filter((entry) => entry !== '').flatMap(parseTreeEntry))
    },
    async readBlobs(oids) {
      if (oids.length === 0) return new Map()
      const { code, stdout, stderr } = await feed(['cat-file', '--batch'], [Buffer.from(`${oids.join('\n')}\n`)])
      if (code !== 0) throw gitError(stderr, commonDir)
      return parseBlobs(stdout)
    },
    async moveRef(ref, to, from) {
      const step = from === undefined ? `create ${ref} ${to}` : `update ${ref} ${to} ${from}`
      const { code, stderr } = await feed(['update-ref', '--stdin'], [Buffer.from(`${step}\n`)])
      if (code !== 0) throw gitError(stderr, commonDir)
    },
    isShallow: async () => (await ask('rev-parse', '--is-shallow-repository')).trim() === 'true',
    async objects() {
      const said = await ask('count-objects', '-v')
      const numberOf = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(said)?.[1] ?? 0)
      const looseBytes = numberOf('size') * 1024
      return { bytes: looseBytes + numberOf('size-pack') * 1024, loose: numberOf('count'), looseBytes }
    },
    async packLoose() {
      const args = ['maintenance', 'run', '--quiet', '--task=loose-objects']
      const { code, stderr } = await runGit({
        git,
        args: [...base, ...args],
        env,
        input: [],
        clock,
        timeoutMs: MAINTENANCE_MS,
        isUnhurried: true,
      })
      if (code !== 0) throw gitError(stderr, commonDir)
    },
  }

  /** Which of these revisions are commits that are here. */
  async function existing(revisions: readonly string[]): Promise<ReadonlySet<string>> {
    const answer = await feed(['cat-file', '--batch-check'], [Buffer.from(`${revisions.join('\n')}\n`)])
    const lines = answer.stdout.toString('latin1').split('\n')
    return new Set(revisions.filter((_, at) => / commit \d+$/.test(lines[at] ?? '')))
  }
}

export interface ClientOptions {
  readonly commonDir: string
  readonly env: Record<string, string>
  readonly git: string
  readonly timeoutMs: number
}

let loading: Promise<typeof import('simple-git').simpleGit> | undefined

/** It is read when git is first asked, in a turn by itself: a start asks nothing. */
function loadClient(): NonNullable<typeof loading> {
  loading ??= import('simple-git').then(async ({ simpleGit }) => {
    await nextTurn()
    return simpleGit
  })
  return loading
}

/** Runs git for what simple-git can ask, in the way all of orch does. Resolves to what it prints. */
export async function askGit(options: ClientOptions, ...args: readonly string[]): Promise<string> {
  const { commonDir, env, git, timeoutMs } = options
  const client = (await loadClient())({
    baseDir: commonDir,
    binary: git,
    timeout: { block: timeoutMs },
    // It refuses each of these until named. They are ours: the directory is the one we serve, the variables are fixed.
    unsafe: { allowUnsafeConfigPaths: true },
    allowEnvironment: Object.keys(fixedEnv),
  })
  return await client.env(env).raw(`--git-dir=${commonDir}`, ...args)
}

function parseHead(line: string): { ref: string; head: Head } {
  const [ref = '', oid = '', seconds = '0', checkedOutIn = ''] = line.split('\0')
  return { ref, head: { oid, at: Number(seconds) * 1000, ...(checkedOutIn === '' ? {} : { checkedOutIn }) } }
}

/** Only flags that undo what a person's config may change about the output. */
function logArgs(
  revision: string,
  { limit, path, text, without = [], oldestFirst = false }: LogQuery,
): readonly string[] {
  return [
    'log',
    '--format=%H%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B%x00',
    '--encoding=UTF-8',
    '--no-show-signature',
    '--no-color',
    '--no-mailmap',
    `--max-count=${limit}`,
    ...(text === undefined ? [] : ['--fixed-strings', `--grep=${text}`]),
    ...(oldestFirst ? ['--topo-order', '--reverse'] : []),
    '--end-of-options',
    revision,
    ...without.map((oid) => `^${oid}`),
    '--',
    ...(path === undefined ? [] : [`:(top,literal)${path}`]),
  ]
}

const LOG_FIELDS = 9

function parseLog(output: string): readonly LoggedCommit[] {
  const parts = output.split('\0')
  const commits: LoggedCommit[] = []
  for (let i = 0; i + LOG_FIELDS <= parts.length; i += LOG_FIELDS) {
    const fields = parts.slice(i, i + LOG_FIELDS)
    const [oid = '', parents = '', ...rest] = fields
    const [name = '', email = '', at = '0', committer = '', address = '', committedAt = '0', message = ''] = rest
    commits.push({
      oid: oid.trim(),
      parents: parents.split(' ').filter((parent) => parent !== ''),
      author: { name, email, at: Number(at) * 1000 },
      committer: { name: committer, email: address, at: Number(committedAt) * 1000 },
      message: message.trimEnd(),
    })
  }
  return commits
}

/** `<mode> <type> <oid>` TAB `<path>`. A submodule is a commit of another repository, whose bytes nobody has here. */
function parseTreeEntry(entry: string): readonly (readonly [string, Oid])[] {
  const tab = entry.indexOf('\t')
  const [, type, oid = ''] = entry.slice(0, tab).split(' ')
  return type === 'blob' ? [[entry.slice(tab + 1), oid]] : []
}

/** `<oid> blob <size>` LF, the bytes, LF; again and again. */
function parseBlobs(output: Buffer): ReadonlyMap<Oid, Uint8Array> {
  const blobs = new Map<Oid, Uint8Array>()
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(10, at)
    const [oid = '', type, size] = output.toString('latin1', at, end).split(' ')
    if (type !== 'blob') throw new OrchError('git_refused', { reason: `the object ${oid} is ${type ?? 'missing'}` })
    const from = end + 1
    blobs.set(oid, new Uint8Array(output.subarray(from, from + Number(size))))
    at = from + Number(size) + 1
  }
  return blobs
}

/** The lock file another git holds, when that is what it refused for. */
function lockIn(error: unknown): string | undefined {
  const said = error instanceof OrchError ? String(error.cause) : ''
  return /Unable to create '(.+\.lock)': File exists/.exec(said)?.[1]
}

const stale = (lock: string): string =>
  `${lock} is held. If no git is running in this repository, one that crashed left it there, and it is in nobody's use`

function jittered(ms: number, random: Random): number {
  return ms * (0.5 + (random(1)[0] ?? 0) / 255)
}
