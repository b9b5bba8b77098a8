import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { askGit } from './real-git-repo.ts'
import { type Env, gitEnv } from './run-git.ts'

/** A commit of the code that names a record. */
export interface MentioningCommit {
  readonly commit: string
  /** ISO time. */
  readonly at: string
  readonly author: string
  readonly subject: string
  /** A branch that it is on. */
  readonly branch: string
}

/** Where the code speaks of a record. */
export interface Mentions {
  /** The newest first. */
  readonly commits: readonly MentioningCommit[]
  /** Branches that are named after it. */
  readonly branches: readonly string[]
}

export interface CodeMentionsParts {
  readonly commonDir: string
  readonly env: Env
  readonly clock: Clock
  readonly log: Logger
  /** Full name of the branch of the snapshots, which names records in every message. */
  readonly ref: string
  readonly git?: string
}

/** Finds the commits and branches of the code that name a record; reads only. */
export interface CodeMentions {
  /** Waits a moment for git; undefined while it is still looking, or cannot. What was found is kept for a few seconds. */
  of(id: string): Promise<Mentions | undefined>
}

const COMMITS = 20
const BRANCHES = 20
/** A command must not wait for a large repository: what comes later is there the next time. */
const WAIT_MS = 60
const FRESH_MS = 5_000
const TIMEOUT_MS = 20_000
const KEPT = 200

export function createCodeMentions({ commonDir, env, clock, log, ref, git = 'git' }: CodeMentionsParts): CodeMentions {
  const known = new Map<string, { readonly at: number; readonly found: Mentions }>()
  const looking = new Map<string, Promise<Mentions | undefined>>()
  const branch = ref.replace(/^refs\/heads\//, '')

  const ask = (...args: readonly string[]): Promise<string> =>
    askGit({ commonDir, env: gitEnv(env), git, timeoutMs: TIMEOUT_MS }, ...args)

  const find = async (id: string): Promise<Mentions> => {
    const [log, refs] = await Promise.all([
      ask(
        'log',
        '--format=%H%x00%aI%x00%an%x00%s%x00%S%x00',
        '--encoding=UTF-8',
        '--no-show-signature',
        '--no-color',
        '--no-mailmap',
        `--max-count=${COMMITS}`,
        '--regexp-ignore-case',
        '--fixed-strings',
        `--grep=${id}`,
        ...[ref, `refs/remotes/*/${branch}`, 'refs/orch/*', 'refs/stash', 'refs/notes/*'].map(
          (one) => `--exclude=${one}`,
        ),
        '--all',
        '--',
      ),
      ask('for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/remotes'),
    ])
    const branches = refs.split('\n').filter((name) => name.toLowerCase().includes(id))
    return { commits: parseCommits(log), branches: branches.map(shortRef).slice(0, BRANCHES) }
  }

  const look = (id: string): Promise<Mentions | undefined> => {
    const running = looking.get(id)
    if (running) return running
    const started = find(id)
      .then((found) => {
        known.delete(id)
        known.set(id, { at: clock.monotonic(), found })
        for (const old of [...known.keys()].slice(0, -KEPT)) known.delete(old)
        return found
      })
      .catch((error: unknown) => {
        // A repository that git cannot read is told by the snapshots; here it is only less to show.
        log.debug('no look at the code', { error })
        return undefined
      })
      .finally(() => looking.delete(id))
    looking.set(id, started)
    return started
  }

  return {
    async of(id) {
      const last = known.get(id)
      if (last && clock.monotonic() - last.at < FRESH_MS) return last.found
      const found = look(id)
      let cancel = (): void => undefined
      const patience = new Promise<undefined>((resolve) => {
        cancel = clock.after(WAIT_MS, () => resolve(undefined))
      })
      const first = await Promise.race([found, patience])
      cancel()
      return first ?? last?.found
    },
  }
}

const FIELDS = 5

function parseCommits(output: string): readonly MentioningCommit[] {
  const parts = output.split('\0')
  const commits: MentioningCommit[] = []
  for (let i = 0; i + FIELDS <= parts.length; i += FIELDS) {
    const [commit = '', at = '', author = '', subject = '', source = ''] = parts.slice(i, i + FIELDS)
    commits.push({ commit: commit.trim(), at, author, subject, branch: shortRef(source) })
  }
  return commits
}

function shortRef(name: string): string {
  return name.replace(/^refs\/(heads|remotes|tags)\//, '')
}
