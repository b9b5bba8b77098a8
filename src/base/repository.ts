import { readFileSync, realpathSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { OrchError } from './error.ts'
import { shortHash } from './hash.ts'

/** Where a git repository is. Read from its files, without a git process; every path is absolute with symlinks resolved. */
export interface Repository {
  /** The working tree that the asked directory is in; undefined in a bare repository. */
  readonly worktree: string | undefined
  /** The main working tree, which holds the mirror; undefined where there is none. */
  readonly mainWorktree: string | undefined
  /** The directory that all worktrees of the repository share (`.git` in the ordinary case). */
  readonly commonDir: string
  readonly isBare: boolean
  /** Whether the asked directory is in a worktree made by `git worktree add`. */
  readonly isLinked: boolean
}

/** Finds the repository that a directory is in, as git does, `GIT_DIR` and its kin ignored. Throws `not_a_repository`. */
export function findRepository(cwd: string): Repository {
  for (let dir: string | undefined = realPath(cwd); dir !== undefined; dir = parentOf(dir)) {
    const repository = repositoryIn(dir)
    if (repository) return repository
  }
  throw new OrchError('not_a_repository', { path: cwd })
}

/** The main working tree of a repository. Throws `bare_repository` where there is none. */
export function mainWorktreeOf(repository: Repository): string {
  if (repository.mainWorktree === undefined) throw new OrchError('bare_repository', { path: repository.commonDir })
  return repository.mainWorktree
}

/** Everything of orch's that is private to one repository, and the default place of the mirror. */
export interface PrivatePaths {
  /** Holds all the others, but for a socket whose path would be too long here. */
  readonly dir: string
  /** Its existence is what "initialised" means. */
  readonly database: string
  readonly lock: string
  /** Which daemon has the project open, for those on other machines that the lock does not reach. */
  readonly owner: string
  /** What runs: process id, version, socket. For people and for messages; the lock alone decides. */
  readonly daemonFile: string
  readonly log: string
  /** The commands of the project's own kinds and fields, where it declares some. */
  readonly ownCommands: string
  readonly token: string
  /** Says that a client is starting the daemon, so that others wait for it instead of starting theirs. */
  readonly starting: string
  /** A Unix socket, or a named pipe on Windows. */
  readonly socket: string
  /** Undefined without a main working tree. */
  readonly mirror: string | undefined
  /** git's own list of paths that are not looked at. */
  readonly exclude: string
}

/** What the place of the socket depends on besides the repository. */
export interface SocketPlace {
  readonly platform: string
  readonly runtimeDir: string | undefined
  readonly temporaryDir: string
  readonly userId: number
}

/** The place that this process and its environment give. */
export function socketPlace(env: Readonly<Record<string, string | undefined>>): SocketPlace {
  return {
    platform: process.platform,
    runtimeDir: env.XDG_RUNTIME_DIR,
    temporaryDir: tmpdir(),
    userId: process.getuid?.() ?? 0,
  }
}

/** Longest socket path in bytes: macOS takes 103, Linux 107. */
const MAX_SOCKET_BYTES = 100

/** The paths of a repository's private state. */
export function pathsOf(repository: Repository, place: SocketPlace): PrivatePaths {
  const dir = join(repository.commonDir, 'orch')
  return {
    dir,
    database: join(dir, 'orch.db'),
    lock: join(dir, 'lock.db'),
    owner: join(dir, 'owner.json'),
    daemonFile: join(dir, 'daemon.json'),
    log: join(dir, 'daemon.log'),
    ownCommands: join(dir, 'commands.json'),
    token: join(dir, 'token'),
    starting: join(dir, 'starting'),
    socket: socketOf(dir, place),
    mirror: repository.mainWorktree === undefined ? undefined : join(repository.mainWorktree, 'orch'),
    exclude: join(repository.commonDir, 'info', 'exclude'),
  }
}

/** What tells two directories apart even when one is a copy of the other: device and inode, in decimal. */
export interface FileIdentity {
  readonly dev: string
  readonly ino: string
}

/** Whether a path leads to what it led to before. */
export function isStill(path: string, { dev, ino }: FileIdentity): boolean {
  try {
    const now = identityOf(path)
    return now.dev === dev && now.ino === ino
  } catch {
    return false
  }
}

/** The identity of a file or directory. Throws when it is not there. */
export function identityOf(path: string): FileIdentity {
  const { dev, ino } = statSync(path, { bigint: true })
  return { dev: String(dev), ino: String(ino) }
}

function socketOf(dir: string, { platform, runtimeDir, temporaryDir, userId }: SocketPlace): string {
  if (platform === 'win32') return `\\\\.\\pipe\\orch-${shortHash(dir)}`
  const near = join(dir, 'daemon.sock')
  if (Buffer.byteLength(near) <= MAX_SOCKET_BYTES) return near
  const name = `${shortHash(dir)}.sock`
  const candidates = [runtimeDir && join(runtimeDir, 'orch', name), join(temporaryDir, `orch-${userId}`, name)]
  const far = candidates.find((path) => path && Buffer.byteLength(path) <= MAX_SOCKET_BYTES)
  return far || join('/tmp', `orch-${userId}`, name)
}

function repositoryIn(dir: string): Repository | undefined {
  const dotGit = join(dir, '.git')
  const kind = kindOf(dotGit)
  if (kind === 'file') return fromGitFile(dir, dotGit)
  if (kind === 'directory' && isGitDir(dotGit)) return fromGitDir(realPath(dotGit), dir)
  // Inside the git directory itself, or in a bare repository.
  return isGitDir(dir) ? fromGitDir(dir, undefined) : undefined
}

/** A `.git` file names the git directory: of a linked worktree, a submodule, or a repository made with --separate-git-dir. */
function fromGitFile(dir: string, file: string): Repository {
  const target = /^gitdir: (.*)$/m.exec(read(file) ?? '')?.[1]?.trim()
  if (!target) throw new OrchError('not_a_repository', { path: dir })
  const gitDir = realPath(resolve(dir, target))
  const common = read(join(gitDir, 'commondir'))?.trim()
  if (!common) {
    if (!isGitDir(gitDir)) throw new OrchError('not_a_repository', { path: dir })
    return { ...fromGitDir(gitDir, dir), worktree: dir, mainWorktree: dir, isBare: false }
  }
  const main = fromGitDir(realPath(resolve(gitDir, common)), undefined)
  return { ...main, worktree: dir, isLinked: true }
}

function fromGitDir(gitDir: string, dir: string | undefined): Repository {
  const linkedTo = read(join(gitDir, 'commondir'))?.trim()
  if (linkedTo) return { ...fromGitDir(realPath(resolve(gitDir, linkedTo)), undefined), isLinked: true }
  const { bare, worktree } = coreSettings(gitDir)
  const isBare = bare ?? (dir === undefined && !gitDir.endsWith('.git'))
  const named = worktree === undefined ? undefined : realPath(resolve(gitDir, worktree))
  const tree = isBare ? undefined : (named ?? dir ?? parentOf(gitDir))
  return { worktree: tree, mainWorktree: tree, commonDir: gitDir, isBare, isLinked: false }
}

/** `core.bare` and `core.worktree`, also from the file that `extensions.worktreeConfig` moves them to. Included files are not followed. */
function coreSettings(gitDir: string): { readonly bare?: boolean; readonly worktree?: string } {
  const settings: { bare?: boolean; worktree?: string } = {}
  for (const file of ['config', 'config.worktree']) {
    let section = ''
    for (const line of (read(join(gitDir, file)) ?? '').split('\n')) {
      const header = /^\s*\[\s*([^\]"]*?)\s*("|\])/.exec(line)
      if (header) section = `${header[1]?.toLowerCase()}${header[2] === '"' ? '"' : ''}`
      const entry = section === 'core' ? /^\s*(bare|worktree)\s*=\s*(.*?)\s*$/i.exec(line) : null
      const value = entry?.[2]?.replace(/^"(.*)"$/, '$1') ?? ''
      if (entry?.[1]?.toLowerCase() === 'bare') settings.bare = /^(true|yes|on|1)$/i.test(value)
      if (entry?.[1]?.toLowerCase() === 'worktree') settings.worktree = value
    }
  }
  return settings
}

function isGitDir(dir: string): boolean {
  const isLinkedGitDir = kindOf(join(dir, 'commondir')) === 'file'
  const hasStore = kindOf(join(dir, 'objects')) === 'directory' && kindOf(join(dir, 'refs')) === 'directory'
  return kindOf(join(dir, 'HEAD')) === 'file' && (isLinkedGitDir || hasStore)
}

function kindOf(path: string): 'file' | 'directory' | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isDirectory() ? 'directory' : stats?.isFile() ? 'file' : undefined
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Absent and unreadable are one here: git would not use it either.
    return undefined
  }
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    throw new OrchError('not_a_repository', { path: isAbsolute(path) ? path : resolve(path) })
  }
}

function parentOf(dir: string): string | undefined {
  const parent = dirname(dir)
  return parent === dir ? undefined : parent
}
