import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Service } from '../base/service.ts'
import type { Config } from '../config/options.ts'
import { refusalOfRemote } from '../errands/purged-history.ts'
import { createGitCare, type GitCare } from '../git/care.ts'
import { type CodeMentions, createCodeMentions } from '../git/code-mentions.ts'
import type { GitRepo } from '../git/git-repo.ts'
import { resolveHistoryBranch } from '../git/history-branch.ts'
import { rowsFromTree } from '../git/history-tree.ts'
import { openGitRemotes } from '../git/real-git-remotes.ts'
import { openGitRepo } from '../git/real-git-repo.ts'
import { createRemotePeer, type RemotePeer } from '../git/remote.ts'
import { createSnapshots, type Snapshots } from '../git/snapshots.ts'
import type { Commit } from '../store/project.ts'
import { type Host, logOf } from './host.ts'
import type { Renderer } from './render.ts'
import type { State } from './state.ts'

/** The project's history in git: snapshots, the remote they are exchanged through, and what code says of tasks. */
export interface History {
  readonly snapshots: Snapshots
  readonly remote: RemotePeer
  readonly care: GitCare
  readonly code: CodeMentions
  /** The branch, in full. */
  readonly ref: string
  /** The project that the branch says this one has moved into. */
  readonly movedTo: { readonly name: string; readonly id: string } | undefined
  /** The git remote that is a peer, as configured or as set here. */
  remoteName(): string | undefined
  /** Uses this one from now on; undefined for none. */
  setRemote(name: string | undefined): Promise<void>
  /** Hears of each commit of the project. */
  note(commit: Commit): void
  /** In the order in which they start. */
  readonly services: readonly Service[]
}

export interface HistoryParts {
  readonly config: Config
  readonly host: Host
  readonly state: State
  readonly render: Renderer
  /** The state of the remote has changed. */
  readonly onChange: () => void
}

/** Finds or makes the branch of the history; a project that has no row yet takes over what is there. */
export async function openHistory({ config, host, state, render, onChange }: HistoryParts): Promise<History> {
  const { clock, random, env, commonDir } = host
  const { meta, project, ledger, db } = state
  const log = logOf(host, 'git')
  const repo = state.crash.repo(openGitRepo({ commonDir, env, clock, random }))
  const { ref, base, movedTo } = await historyBranch(config, host, state, repo)
  const snapshots = createSnapshots({
    repo,
    ref,
    base,
    project,
    ledger,
    keyring: host.keyring,
    render,
    // Until somebody says that it is known: the text of it is in a commit alone.
    happened: (happened) => state.attention.keep(happened, clock.now()),
    // Hosts link commits to accounts by their address.
    mailOf: (actor) => (actor === host.person.name && host.mail !== '' ? host.mail : undefined),
    clock,
    log,
    quietMs: config['git.quietMs'],
    maxMs: config['git.maxMs'],
    isEnabled: config['git.enabled'],
  })
  const remoteName = (): string | undefined => config['git.remote'] || meta.get('git_remote') || undefined
  const remote = createRemotePeer({
    repo,
    remotes: openGitRemotes({ commonDir, folder: host.mainWorktree, env, clock }),
    snapshots,
    ref,
    remote: remoteName,
    refuse: (theirs, ours) => refusalOfRemote(db, repo, theirs, ours),
    clock,
    random,
    log: logOf(host, 'git remote'),
    everyMs: config['git.remoteMs'],
    onChange,
  })
  let committedSince = true
  const care = createGitCare({
    repo,
    clock,
    log,
    isChanged() {
      const was = committedSince
      committedSince = false
      return was
    },
  })
  return {
    snapshots,
    remote,
    care,
    code: createCodeMentions({ commonDir, env, clock, log, ref }),
    ref,
    movedTo,
    remoteName,
    async setRemote(name) {
      meta.set('git_remote', name ?? '')
      remote.changed()
    },
    note(commit) {
      snapshots.note(commit)
      if (commit.origin.source !== 'git') remote.note()
      committedSince = true
    },
    services: [snapshots, care, remote],
  }
}

interface Branch {
  readonly ref: string
  /** The commit that the first snapshot follows, where that is not the branch's own. */
  readonly base: string | undefined
  readonly movedTo: History['movedTo']
}

async function historyBranch(config: Config, host: Host, { meta, project }: State, repo: GitRepo): Promise<Branch> {
  const known = meta.get('history_ref')
  if (known !== undefined) return { ref: known, base: undefined, movedTo: undefined }
  const found = await resolveHistoryBranch(repo, {
    name: config['git.branch'],
    isTaken: (taken) => existsSync(join(host.mainWorktree, taken)),
    ...(project.rowCount() > 0 && { only: project.id }),
  })
  if (found.adopt && project.rowCount() === 0) {
    const { id, name } = found.adopt.project
    project.adopt({ id, name })
    await project.applyRows(await rowsFromTree(repo, found.adopt.commit, {}, host.keyring.keys), {
      source: 'git',
      commit: found.adopt.commit,
    })
    logOf(host, 'git').info('took over the history', { from: found.adopt.ref })
  }
  if (!found.adopt) meta.set('history_ref', found.ref)
  return { ref: found.ref, base: found.adopt?.commit, movedTo: found.adopt?.project.movedTo }
}
