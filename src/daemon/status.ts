import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { PeerInfo, RemoteState, Status } from '../api/operation.ts'
import { OrchError } from '../base/error.ts'
import type { Watchdog } from '../base/watchdog.ts'
import type { AttentionItem, Problem } from '../model/attention.ts'
import type { Kind } from '../model/kind.ts'
import type { OpenProject } from '../store/open-project.ts'
import { createGrowth, databaseBytes, growthProblems } from './growth.ts'

/** What `status` is made of. */
export interface StatusParts {
  readonly project: OpenProject
  readonly version: string
  readonly pid: number
  readonly startedAt: number
  readonly now: () => number
  readonly privateDir: string
  readonly mirrorDir: string
  readonly linkedMirrors: () => readonly string[]
  /** How files are read and replaced there. */
  readonly fileAccess: () => string
  readonly encryption: () => string
  readonly branch: string
  readonly remote: () => RemoteState | undefined
  /** Of all of git's objects, as last measured. */
  readonly gitObjects: () => { readonly bytes: number; readonly loose: number } | undefined
  readonly serverUrl: () => string | undefined
  readonly peers: () => readonly PeerInfo[]
  /** Who is in the room: names of actors, and ids of replicas that dialled in. */
  readonly presence: () => { readonly actors: readonly string[]; readonly replicas: readonly string[] }
  readonly watchdog: Watchdog
  /** Of the parts that find some by themselves. */
  readonly problems: () => readonly Problem[]
  readonly attention: () => readonly AttentionItem[]
  /** What the configuration ignored. */
  readonly notices: readonly OrchError[]
}

export interface StatusReader {
  read(): Status
  /** What is wrong now, of all parts. */
  problems(): readonly Problem[]
  websocket(): string
  /** Adds a problem that stays until the daemon ends. */
  report(problem: Problem): void
}

export function createStatus(parts: StatusParts): StatusReader {
  const { project, watchdog } = parts
  const reported: Problem[] = []
  const growth = createGrowth({ project, privateDir: parts.privateDir, mirrorDir: parts.mirrorDir, now: parts.now })

  const websocket = (): string => {
    const url = parts.serverUrl()
    return url ? `${url.replace(/^http/, 'ws')}/sync/${encodeURIComponent(project.name)}` : ''
  }

  const problems = (): readonly Problem[] => {
    const failure = project.failure()
    const refused = new OrchError('storage_failed', { reason: failure ?? '' })
    return [
      ...reported,
      ...(failure === undefined
        ? []
        : [{ kind: 'storage', key: 'failed', what: refused.message, where: 'database', fix: refused.hint } as const]),
      ...growthProblems(growth()),
      ...parts.notices.map((notice) => ({
        kind: 'config' as const,
        what: notice.message,
        where: '.orchrc',
        fix: notice.hint,
      })),
      ...parts.problems(),
      ...parts.peers().flatMap(({ name, state, error }) =>
        state === 'refused'
          ? [
              {
                kind: 'link' as const,
                what: `The peer ${name} refuses: ${error ?? ''}`,
                where: `peer ${name}`,
                fix: 'Correct its address, token or pin, or remove it: see `orch peer --help`.',
              },
            ]
          : [],
      ),
    ]
  }

  return {
    problems,
    websocket,
    report: (problem) => {
      reported.push(problem)
    },
    read: () => ({
      pid: parts.pid,
      version: parts.version,
      project: { id: project.id, name: project.name },
      replica: project.replica,
      url: parts.serverUrl() ?? '',
      websocket: websocket(),
      mirror: parts.mirrorDir,
      linkedMirrors: parts.linkedMirrors(),
      fileAccess: parts.fileAccess(),
      encryption: parts.encryption(),
      branch: parts.branch,
      remote: parts.remote() ?? null,
      startedAt: new Date(parts.startedAt).toISOString(),
      memoryMb: Math.round(process.memoryUsage().rss / 1e6),
      counts: countsOf(project),
      sizes: { ...sizesOf(parts.privateDir), ...gitSize(parts.gitObjects()) },
      rows: project.rowCount(),
      clients: project.clientCount(),
      eventLoopDelayMs: watchdog.worstDelayMs(),
      peers: parts.peers(),
      here: parts.presence(),
      problems: parts.attention(),
    }),
  }
}

/** Living records by kind. */
function countsOf(project: OpenProject): Readonly<Record<string, number>> {
  return Object.fromEntries(project.kinds.all.map((kind) => [kind.plural, countOf(project, kind)]))
}

function countOf(project: OpenProject, kind: Kind): number {
  switch (kind.shape) {
    case 'records':
      return project.list(kind, { limit: 1 }).total
    case 'keys':
      return project.readKeys(kind.name).size
    case 'log':
      return project.logCount('')
  }
}

function sizesOf(dir: string): Readonly<Record<string, number>> {
  return {
    database: databaseBytes(dir),
    loadSnapshots: filesIn(join(dir, 'load')).reduce((sum, name) => sum + sizeOf(join(dir, 'load', name)), 0),
    log: sizeOf(join(dir, 'daemon.log')),
  }
}

function gitSize(objects: { readonly bytes: number } | undefined): Readonly<Record<string, number>> {
  return objects ? { git: objects.bytes } : {}
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function filesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
