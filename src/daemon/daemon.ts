/**
 * COMPOSITION ROOT: builds every part of the daemon from the configuration, starts them in order and stops them in
 * reverse. Its neighbours each build one part; read this one to know what orch is.
 */
import { join } from 'node:path'
import { createAgents } from '../agents/agents.ts'
import type { Parts } from '../api/operation.ts'
import { loadTokenCounter } from '../api/tokens.ts'
import { sleep } from '../base/clock.ts'
import { reasonOf } from '../base/error.ts'
import { type Service, startAll, stopAll } from '../base/service.ts'
import type { Config } from '../config/options.ts'
import { assertUntracked } from '../git/tracked.ts'
import { createNodeDisk } from '../mirror/node-disk.ts'
import { createNodeWatch } from '../mirror/watch.ts'
import { PURGE_DOC } from '../store/purges.ts'
import { createSqlRunner } from '../store/sql.ts'
import { createAccess } from './access.ts'
import { createActivity } from './activity.ts'
import { createAudit } from './audit.ts'
import { createCredentials, toJson } from './credentials.ts'
import { goneSessions } from './gone-sessions.ts'
import { createHealth } from './health.ts'
import { openHistory } from './history.ts'
import { type Host, logOf } from './host.ts'
import { createMeasures } from './measures.ts'
import { createMirrors } from './mirrors.ts'
import { createPeers } from './peers.ts'
import { createRenderer } from './render.ts'
import { openState } from './state.ts'
import { createSurfaces } from './surfaces.ts'

export interface Daemon {
  /** Resolves when the state is loaded and checked and requests are answered; the other parts go on starting. */
  start(): Promise<void>
  /** Resolves when every part runs, or tells which one does not. */
  settled(): Promise<void>
  /** Finishes what was begun, writes out, takes a snapshot and closes. */
  stop(): Promise<void>
}

const STATUS_WAIT_MS = 1000

/** Opens the state of a repository and builds the daemon around it. `name` is the project's when it is made now. */
export async function createDaemon(config: Config, name: string, host: Host): Promise<Daemon> {
  const { clock, random, env, paths } = host
  const state = await openState(config, name, host)
  const { db, kinds, project } = state
  const render = createRenderer(project)
  const refreshLocal = (): void => mirror.refreshLocal()

  const history = await openHistory({ config, host, state, render, onChange: refreshLocal })
  const audit = createAudit(join(paths.dir, 'audit.log'), clock.now, logOf(host, 'audit'))
  const access = createAccess({
    db,
    tokenFile: paths.token,
    project: () => project.id,
    config,
    random,
    clock,
    log: logOf(host, 'access'),
    onFailure(from) {
      measures.noteUnauthorized()
      audit.noteFailure(from)
      peers.tell.tellFailure(from)
    },
    onToken: (token) => peers.tell.tellCredential(toJson({ token })),
  })
  const peers = createPeers({
    config,
    host,
    state,
    answer: (from, body) => agents.claims.answer(from, body),
    onLinked: () => void agents.claims.settle(),
    onAdopted: access.tokens.rebind,
    onFailure: (from) => void access.failures.note(from),
    credentials: createCredentials({ tokens: () => access.tokens, marks: () => agents.marks }),
    onRefused: (code) => measures.noteRejected(String(code)),
    onChange: refreshLocal,
  })
  const mirror = createMirrors({
    db,
    project,
    commonDir: host.commonDir,
    mainWorktree: host.mainWorktree,
    dir: state.mirrorDir,
    around: state.crash,
    diskAt: (dir) => createNodeDisk(dir, { isBasic: config['mirror.tier'] === 'basic' }),
    watchAt: createNodeWatch,
    assertFree: (worktree, dir) => assertUntracked(worktree, dir, env),
    attention: state.attention,
    clock,
    random,
    log: logOf(host, 'mirror'),
    fileActor: () => host.person,
    factsOf: (dir) => ({
      replica: project.replica,
      addresses: [
        ['y-websocket', health.status.websocket()],
        ['this folder', dir],
        ...mirror.list().flatMap((one): [string, string][] => (one.dir === dir ? [] : [['another folder', one.dir]])),
      ],
      here: [...peers.presence().actors, ...peers.presence().replicas.map((id) => `replica ${id}`)],
      peers: peers.list(),
      problems: health.attention.list(),
    }),
    quietMs: config['mirror.quietMs'] || undefined,
    scanMs: config['mirror.scanMs'],
  })
  const health = createHealth({
    config,
    host,
    state,
    history,
    peers,
    mirror,
    render,
    claimProblems: () => agents.claims.problems(),
    serverUrl: () => surfaces.front.url(),
  })
  const wasCalled = (replica: string): boolean => project.former().includes(replica)
  const agents = createAgents({
    db,
    project,
    clock,
    random,
    log: logOf(host, 'claims'),
    graceMs: config['claims.graceMs'],
    idleMs: config['claims.idleMs'],
    ask: peers.asks.ask,
    ...(peers.leases && { shared: peers.leases }),
    onIssued: (session, key) => peers.tell.tellCredential(toJson({ session, key })),
    sessions: goneSessions(() => ({ project, clock, parts })),
    wasCalled,
    wasHere: (replica) => wasCalled(replica) && !peers.hasOthers() && history.remoteName() === undefined,
  })
  const activity = createActivity(kinds)
  const measures = createMeasures({
    status: health.status.read,
    connections: () => surfaces.front.connections(),
    now: clock.now,
  })
  const { snapshots, remote } = history
  const parts: Parts = {
    snapshots: { take: snapshots.take, history: snapshots.history, moment: snapshots.moment },
    mirror,
    code: { mentions: history.code.of },
    attention: { list: health.attention.list, settle: health.attention.settle },
    agents: { ...agents, countTokens: loadTokenCounter },
    remote: { set: history.setRemote, sync: remote.sync, state: remote.state },
    peers: {
      add: async (peer) => peers.links.add(peer),
      remove: async (peerName) => peers.links.remove(peerName),
      list: peers.list,
    },
    sql: createSqlRunner({
      databaseFile: paths.database,
      keyring: host.keyring,
      kinds,
      runner: new URL('./sql-runner.mjs', host.loadWorker),
    }),
    tokens: access.tokens,
    audit,
    daemon: {
      async status() {
        // Right after a start the addresses are not known yet; a slow first scan is not waited for.
        await Promise.race([running.catch(() => undefined), sleep(clock, STATUS_WAIT_MS)])
        return health.status.read()
      },
      doctor: health.doctor,
    },
  }
  let notReady: string | undefined = 'it is starting'
  let becomeReady = (): void => undefined
  const surfaces = createSurfaces({
    config,
    host,
    state,
    agents,
    access,
    audit,
    activity,
    measures,
    accept: peers.accept,
    onPresence: peers.onPresence,
    parts,
    ready: new Promise<void>((resolve) => {
      becomeReady = resolve
    }),
    notReady: () => notReady,
  })
  project.onCommit((commit) => {
    mirror.note(commit)
    history.note(commit)
    activity.note(commit)
    agents.claims.note(commit)
    measures.noteCommit(commit)
    // It is durable and was passed on; nothing may be open while it is taken out.
    if (commit.rows.some(({ doc }) => doc === PURGE_DOC)) host.restart()
  })

  // Only the socket waits for nothing but the loaded state; the rest may take as long as the disk and the peers do.
  const slow: readonly Service[] = [
    { name: 'work graph', start: project.readGraph, stop: async () => undefined },
    state.compaction,
    health.watchdog,
    agents.claims,
    agents.connected,
    mirror,
    ...history.services,
    surfaces.front,
    ...peers.services,
    measures,
  ]
  let running: Promise<void> = Promise.resolve()

  return {
    async start() {
      await surfaces.sockets.start()
      becomeReady()
      running = startAll(slow)
      running.then(
        () => {
          notReady = undefined
        },
        (error: unknown) => {
          notReady = reasonOf(error)
          health.status.report({
            kind: 'daemon',
            what: reasonOf(error),
            where: 'daemon',
            fix: 'See the daemon log, then `orch restart`.',
          })
          host.log.error('a part did not start', { error })
        },
      )
    },
    settled: () => running,
    async stop() {
      notReady = 'it is stopping'
      if (config.drainMs > 0) await sleep(clock, config.drainMs)
      await Promise.all([surfaces.door.stop(), surfaces.sockets.stop()])
      await running.catch(() => undefined)
      await project.idle()
      await stopAll(slow)
      db.close()
    },
  }
}
