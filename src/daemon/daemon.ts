/**
 * COMPOSITION ROOT: builds every part of the daemon from the configuration, starts them in order and stops them in
 * reverse. The one file that knows all parts; read it to know what orch is.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAgents } from '../agents/agents.ts'
import { claimantOf, contextOfCaller } from '../api/context-of-caller.ts'
import { createDoor } from '../api/door.ts'
import { createFront } from '../api/http/front.ts'
import { isLoopback } from '../api/http/origin.ts'
import type { Parts } from '../api/operation.ts'
import { operationsOf } from '../api/operations.ts'
import { createSocketServer } from '../api/socket-server.ts'
import { loadTokenCounter } from '../api/tokens.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { FileIdentity, PrivatePaths } from '../base/repository.ts'
import { type Service, startAll, stopAll } from '../base/service.ts'
import { createWatchdog } from '../base/watchdog.ts'
import type { Config } from '../config/config.ts'
import { declarationHash, ownCommands, ownCommandsStamp, projectKinds } from '../config/declared.ts'
import { createGenerations, leaseFacts } from '../config/host.ts'
import { joinedHere, type Named } from '../errands/join.ts'
import { refusalOfRemote, settlePurgesAtStart } from '../errands/purge.ts'
import { createGitCare } from '../git/care.ts'
import { createCodeMentions } from '../git/code-mentions.ts'
import { resolveHistoryBranch } from '../git/history-branch.ts'
import { rowsFromTree } from '../git/history-tree.ts'
import { openGitRemotes } from '../git/real-git-remotes.ts'
import { openGitRepo } from '../git/real-git-repo.ts'
import { createRemotePeer } from '../git/remote.ts'
import { openSnapshotLedger } from '../git/snapshot-ledger.ts'
import { createSnapshots } from '../git/snapshots.ts'
import { assertUntracked } from '../git/tracked.ts'
import { createNodeDisk } from '../mirror/node-disk.ts'
import { createNodeWatch } from '../mirror/watch.ts'
import { createMirrorWays } from '../mirror/ways.ts'
import type { Actor } from '../model/actor.ts'
import { NOTICE_MS, type Problem, standsStill } from '../model/attention.ts'
import { type Random, randomText } from '../model/id.ts'
import type { Principal } from '../model/principal.ts'
import { createAccept } from '../peers/accept.ts'
import { createAsks } from '../peers/asks.ts'
import { createLinks } from '../peers/links.ts'
import { createLogRooms } from '../peers/log-rooms.ts'
import { createPeering } from '../peers/peering.ts'
import { createRoom } from '../peers/room.ts'
import { dialSockets } from '../peers/wire.ts'
import { openAttention } from '../store/attention.ts'
import { checkInWorker } from '../store/check.ts'
import { createCompaction } from '../store/compaction.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { createFileLoadSnapshots } from '../store/file-load-snapshots.ts'
import { joinMarks } from '../store/join-marks.ts'
import { openProject } from '../store/open-project.ts'
import { createPeerStore } from '../store/peer-store.ts'
import { PURGE_DOC } from '../store/purges.ts'
import { createMeta, prepareSchema } from '../store/schema.ts'
import { createSqlRunner } from '../store/sql.ts'
import { createAccess, tlsOf } from './access.ts'
import { createActivity } from './activity.ts'
import { createAttention } from './attention.ts'
import { createAudit } from './audit.ts'
import { createConflictAttention } from './conflict-attention.ts'
import { createCrashPoints, noCrashPoints } from './crash-points.ts'
import { createDoctor, filesThatDiffer } from './doctor.ts'
import { goneSessions } from './gone-sessions.ts'
import { createGraphql } from './graphql.ts'
import { createMeasures } from './measures.ts'
import { createMirrors } from './mirrors.ts'
import { mountsOf } from './mounts.ts'
import { createNodes } from './nodes.ts'
import { keepOwnCommands } from './own-commands.ts'
import { createParkedAttention, turnedAway } from './parked-attention.ts'
import { createRenderer } from './render.ts'
import { createStatus } from './status.ts'
import { undeclaredProblems } from './undeclared.ts'

/** What a daemon runs on. */
export interface Host {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  readonly paths: PrivatePaths
  readonly commonDir: string
  readonly mainWorktree: string
  readonly common: FileIdentity
  /** Where orch keeps what belongs to no repository. */
  readonly stateHome: string
  /** The person whose repository it is: who edits files by hand. */
  readonly person: Actor
  /** Their address, as git knows it; '' when it does not. */
  readonly mail: string
  /** The compiled worker that makes load snapshots. */
  readonly loadWorker: URL
  /** What the configuration ignored, for a person to see. */
  readonly notices: readonly OrchError[]
  /** Where `.orchrc` is not what this daemon has read. */
  readonly configDrift: () => readonly Problem[]
  /** Where a test wants the process killed: `label[:n]`, see crash-points.ts. */
  readonly crashAt?: string | undefined
  /** Asks the process to stop this daemon and end. */
  readonly drain: () => void
  /** The same, and another one takes its place. */
  readonly restart: () => void
}

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
  const part = (label: string): Logger => host.log.with({ part: label })

  const crash = host.crashAt === undefined ? noCrashPoints : createCrashPoints(host.crashAt)
  const kinds = projectKinds(config, '.orchrc')
  const declaration = declarationHash(config)
  const stamp = { version: host.version, declaration: ownCommandsStamp(kinds, declaration) }
  keepOwnCommands(paths.ownCommands, stamp, () => ownCommands(kinds, '.orchrc'))
  const db = crash.database(openState(paths.database))
  const meta = createMeta(db)
  const mirrorDir = join(host.mainWorktree, config['mirror.dir'])
  const purgeFailure = await settlePurgesAtStart({
    db,
    kinds,
    paths,
    mirrorDir,
    commonDir: host.commonDir,
    env,
    ref: `refs/heads/${config['git.branch']}`,
    log: part('purge'),
  })
  const ledger = crash.ledger(openSnapshotLedger(db, kinds))
  if ((meta.get('declaration') ?? '') !== declaration) {
    ledger.compareAll()
    meta.set('declaration', declaration)
  }
  const loads = createFileLoadSnapshots({
    dir: join(paths.dir, 'load'),
    databaseFile: paths.database,
    worker: host.loadWorker,
    crashAt: host.crashAt,
    log: part('load'),
  })
  const attentionStore = openAttention(db)
  const conflicts = createConflictAttention(attentionStore, () => project, clock.now)
  const parked = createParkedAttention(attentionStore, () => opened, clock.now)
  const opened = openProject({
    db,
    kinds,
    clock,
    random,
    log: part('store'),
    lease: leaseFacts(paths.database),
    generations: createGenerations(host.stateHome, (error) => part('store').warn('generation not kept', { error })),
    loads,
    name,
    noteConflict: (conflict) => conflicts.note(conflict),
    noteParked: (summary) => parked.note(summary),
    note(changes) {
      ledger.note(changes)
      crash.noted()
    },
    noteEntries: (entries) => ledger.noteEntries(entries),
  })
  const project = crash.project(opened)
  const compaction = createCompaction({ project, loads, log: part('load') })
  const watchdog = createWatchdog({ clock, log: part('watchdog') })
  const render = createRenderer(project)

  const repo = crash.repo(openGitRepo({ commonDir: host.commonDir, env, clock, random }))
  const branch = await historyBranch()
  const snapshots = createSnapshots({
    repo,
    ref: branch.ref,
    base: branch.base,
    project,
    ledger,
    render,
    // Hosts link commits to accounts by their address.
    happened: (happened) => attentionStore.keep({ ...happened, forMs: NOTICE_MS }, clock.now()),
    mailOf: (actor) => (actor === host.person.name && host.mail !== '' ? host.mail : undefined),
    clock,
    log: part('git'),
    quietMs: config['git.quietMs'],
    maxMs: config['git.maxMs'],
    isEnabled: config['git.enabled'],
  })
  const remoteName = (): string | undefined => config['git.remote'] || meta.get('git_remote') || undefined
  const remote = createRemotePeer({
    repo,
    remotes: openGitRemotes({ commonDir: host.commonDir, folder: host.mainWorktree, env, clock }),
    snapshots,
    ref: branch.ref,
    remote: remoteName,
    refuse: (theirs, ours) => refusalOfRemote(db, repo, theirs, ours),
    clock,
    random,
    log: part('git remote'),
    everyMs: config['git.remoteMs'],
    onChange: () => mirror.refreshLocal(),
  })
  let committedSince = true
  const care = createGitCare({
    repo,
    clock,
    log: part('git'),
    isChanged() {
      const was = committedSince
      committedSince = false
      return was
    },
  })

  const asks = createAsks({
    replica: () => project.replica,
    answer: (from, body) => agents.claims.answer(from, body),
    onLinked: () => void agents.claims.settle(),
    clock,
    key: () => randomText(random, 16),
  })
  const audit = createAudit(join(paths.dir, 'audit.log'), clock.now, part('audit'))
  const { tokens, authenticate } = createAccess({
    db,
    tokenFile: paths.token,
    project: () => project.id,
    config,
    random,
    clock,
    log: part('access'),
    onFailure(from) {
      measures.noteUnauthorized()
      audit.noteFailure(from)
    },
  })
  const peering = createPeering({
    project,
    asks,
    instance: randomText(random, 16),
    pristine: () => project.rowCount() === 0,
    async adopt(other) {
      project.adopt(other)
      tokens.rebind()
    },
    onTwin: (reason) => project.rollReplica(`a peer says that this database was ${reason}`),
    hasMoved: (asked) =>
      [...joinedHere(db), ...joinMarks(project).filter(({ records }) => records !== undefined)].some(
        (moved) => moved.id === asked || moved.name === asked,
      ),
    log: part('peers'),
  })
  const room = createRoom({ peering, clock, log: part('room') })
  const accept = createAccept({
    room,
    logRooms: createLogRooms({
      project,
      makeRoom: (document, onEmpty) => createRoom({ peering, clock, log: part('room'), document, onEmpty }),
      log: part('room'),
    }),
    clock,
    log: part('peers'),
    onRefused: (code) => measures.noteRejected(String(code)),
  })
  const stored = createPeerStore(db)
  const configured = config.peers.map(({ token = '', ...peer }) => ({ ...peer, token }))
  const links = createLinks({
    store: { ...stored, all: () => [...configured, ...stored.all()] },
    peering,
    dial: dialSockets(clock),
    clock,
    random,
    log: part('links'),
    onChange: () => mirror.refreshLocal(),
  })

  const actorsHere = (): string[] => room.presence().map(({ actor }) => actor.name)
  const nodes = createNodes({
    redis: config.redis,
    peering,
    here: actorsHere,
    clock,
    random,
    log: part('relay'),
    onChange: () => mirror.refreshLocal(),
  })
  const peersList = () => [...links.list(), ...nodes.peers()]
  const presence = () => ({
    actors: [...actorsHere(), ...nodes.here().actors],
    replicas: [...room.replicas(), ...nodes.here().replicas],
  })

  const mirror = createMirrors({
    db,
    project,
    commonDir: host.commonDir,
    mainWorktree: host.mainWorktree,
    dir: mirrorDir,
    around: crash,
    diskAt: (dir) => createNodeDisk(dir, { isBasic: config['mirror.tier'] === 'basic' }),
    watchAt: createNodeWatch,
    assertFree: (worktree, dir) => assertUntracked(worktree, dir, env),
    attention: attentionStore,
    clock,
    random,
    log: part('mirror'),
    fileActor: () => host.person,
    factsOf: (dir) => ({
      replica: project.replica,
      addresses: [
        ['y-websocket', status.websocket()],
        ['this folder', dir],
        ...mirror.list().flatMap((one): [string, string][] => (one.dir === dir ? [] : [['another folder', one.dir]])),
      ],
      here: [...presence().actors, ...presence().replicas.map((id) => `replica ${id}`)],
      peers: peersList(),
      problems: attention.list(),
    }),
    quietMs: config['mirror.quietMs'] || undefined,
    scanMs: config['mirror.scanMs'],
  })

  const attention = createAttention({
    store: attentionStore,
    clock,
    current: () => status.problems(),
    ways: { ...createMirrorWays(project, mirror), conflict: conflicts.ways, parked: parked.ways },
    onChange: () => mirror.refreshLocal(),
  })
  const status = createStatus({
    project,
    version: host.version,
    pid: process.pid,
    startedAt: clock.now(),
    now: clock.now,
    privateDir: paths.dir,
    mirrorDir,
    linkedMirrors: () => mirror.list().flatMap(({ dir, main }) => (main ? [] : [dir])),
    fileAccess: () => mirror.abilities().summary,
    branch: branch.ref.replace('refs/heads/', ''),
    remote: remote.state,
    gitObjects: care.objects,
    serverUrl: () => front.url(),
    peers: peersList,
    presence,
    watchdog,
    problems: () => [
      ...host.configDrift(),
      ...undeclaredProblems(kinds, project.undeclared()),
      ...mirror.problems(),
      ...snapshots.problems(),
      ...nodes.problems(),
      ...agents.claims.problems(),
      ...turnedAway(room.refusals()),
      ...remote.problems(),
    ],
    attention: attention.list,
    notices: host.notices,
  })
  if (purgeFailure !== undefined) {
    status.report({
      kind: 'daemon',
      what: `A secret that was purged is still here: ${purgeFailure}`,
      where: paths.dir,
      fix: 'Mend that, then `orch restart`: the purge is gone on with.',
    })
  }
  if (branch.movedTo) {
    const { name: there, id } = branch.movedTo
    status.report({
      kind: 'daemon',
      what: `This project has moved into "${there}" (${id}): what is written here stays here`,
      where: branch.ref,
      fix: 'Ask who has it for its address. `orch join ADDRESS --token TOKEN --follow` then makes this one a replica of it.',
    })
  }
  const doctor = createDoctor({
    checkStore: () =>
      checkInWorker({
        databaseFile: paths.database,
        declared: config,
        project,
        worker: new URL('./check-worker.mjs', host.loadWorker),
      }),
    privateFiles: [paths.database, paths.token],
    async checkFiles() {
      await mirror.sync()
      const known = mirror
        .problems()
        .filter(standsStill)
        .map(({ where }) => where)
      const wrong: string[] = []
      for (const { dir, nameOf } of mirror.each()) {
        wrong.push(...(await filesThatDiffer(project, render, dir, (path) => known.includes(nameOf(path)))))
      }
      return wrong
    },
    checkHistory: async () => {
      await snapshots.take()
      return snapshots.problems().map(({ what }) => what)
    },
    problems: () => status.problems().filter(standsStill),
  })
  const agents = createAgents({
    db,
    project,
    clock,
    random,
    log: part('claims'),
    graceMs: config['claims.graceMs'],
    idleMs: config['claims.idleMs'],
    ask: asks.ask,
    sessions: goneSessions(() => ({ project, clock, parts })),
    wasCalled: (replica) => opened.former().includes(replica),
    wasHere: (replica) =>
      opened.former().includes(replica) &&
      config.redis === '' &&
      configured.length + stored.all().length === 0 &&
      remoteName() === undefined,
  })
  const activity = createActivity(kinds)
  const code = createCodeMentions({ commonDir: host.commonDir, env, clock, log: part('git'), ref: branch.ref })
  const parts: Parts = {
    snapshots: { take: snapshots.take, history: snapshots.history, moment: snapshots.moment },
    mirror,
    code: { mentions: code.of },
    attention: { list: attention.list, settle: attention.settle },
    agents: { ...agents, countTokens: loadTokenCounter },
    remote: {
      async set(name) {
        meta.set('git_remote', name ?? '')
        remote.changed()
      },
      sync: remote.sync,
      state: remote.state,
    },
    peers: {
      add: async (peer) => links.add(peer),
      remove: async (peerName) => links.remove(peerName),
      list: peersList,
    },
    sql: createSqlRunner({
      databaseFile: paths.database,
      kinds,
      runner: new URL('./sql-runner.mjs', host.loadWorker),
    }),
    tokens,
    audit,
    daemon: {
      async status() {
        // Right after a start the addresses are not known yet; a slow first scan is not waited for.
        await Promise.race([running.catch(() => undefined), sleep(clock, STATUS_WAIT_MS)])
        return status.read()
      },
      doctor,
    },
  }

  const measures = createMeasures({
    status: status.read,
    connections: () => front.connections(),
    now: clock.now,
  })
  let notReady: string | undefined = 'it is starting'
  let becomeReady = (): void => undefined
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve
  })
  const operations = operationsOf(kinds)
  const door = createDoor({
    operations,
    identify: agents.identify,
    contextOf: contextOfCaller({ project, clock, parts, renewed: agents.claims.renewed }),
    ready,
    monotonic: clock.monotonic,
    note(call) {
      measures.noteCall(call)
      audit.noteCall(call)
    },
    log: part('door'),
  })
  const attach = (principal: Principal, ends = false): (() => void) =>
    agents.attach(claimantOf(agents.identify(principal)), ends)
  const sockets = createSocketServer({
    socket: paths.socket,
    common: host.common,
    version: host.version,
    door,
    person: host.person,
    ready,
    drain: host.drain,
    attach,
    activity: activity.subscribe,
    log: part('socket'),
  })

  const graphql = createGraphql({
    door,
    project,
    kinds,
    operations,
    clock,
    readerIntrospection: config['graphql.readerIntrospection'],
    authenticate,
    log: part('graphql'),
  })
  const front = createFront({
    listen: listenAt(),
    allowed: { names: config['http.names'], origins: config['http.origins'] },
    tls: tlsOf(config, paths.dir, clock, part('http')),
    isInsecureAllowed: config.listenInsecure,
    authenticate,
    mounts: mountsOf({
      door,
      project,
      operations,
      attach,
      activity: activity.subscribe,
      clock,
      random,
      version: host.version,
      metrics: measures.metrics,
      graphql: graphql.server,
      isLoopback: isLoopback(listenAt().host),
    }),
    upgrades: [accept, graphql.socket],
    notReady: () => notReady,
    clock,
    log: part('http'),
    onListening: (port) => meta.set('port', String(port)),
  })

  project.onCommit((commit) => {
    mirror.note(commit)
    snapshots.note(commit)
    if (commit.origin.source !== 'git') remote.note()
    committedSince = true
    activity.note(commit)
    agents.claims.note(commit)
    measures.noteCommit(commit)
    // It is durable and was passed on; nothing may be open while it is taken out.
    if (commit.rows.some(({ doc }) => doc === PURGE_DOC)) host.restart()
  })

  // Only the socket waits for nothing but the loaded state; the rest may take as long as the disk and the peers do.
  const slow: readonly Service[] = [
    compaction,
    watchdog,
    agents.claims,
    agents.connected,
    mirror,
    snapshots,
    care,
    remote,
    front,
    links,
    nodes,
    measures,
  ]
  let running: Promise<void> = Promise.resolve()

  /** The branch of the history, found once; a project that has no row yet takes over what is there. */
  async function historyBranch(): Promise<{ ref: string; base: string | undefined; movedTo?: Named | undefined }> {
    const known = meta.get('history_ref')
    if (known !== undefined) return { ref: known, base: undefined }
    const found = await resolveHistoryBranch(repo, {
      name: config['git.branch'],
      isTaken: (taken) => existsSync(join(host.mainWorktree, taken)),
      ...(project.rowCount() > 0 && { only: project.id }),
    })
    if (found.adopt && project.rowCount() === 0) {
      const { id, name: theirs } = found.adopt.project
      project.adopt({ id, name: theirs })
      await project.applyRows(await rowsFromTree(repo, found.adopt.commit), {
        source: 'git',
        commit: found.adopt.commit,
      })
      part('git').info('took over the history', { from: found.adopt.ref })
    }
    if (!found.adopt) meta.set('history_ref', found.ref)
    return { ref: found.ref, base: found.adopt?.commit, movedTo: found.adopt?.project.movedTo }
  }

  function listenAt(): { host: string; port: number } {
    const at = config.listen.lastIndexOf(':')
    const port = Number(config.listen.slice(at + 1))
    return {
      host: config.listen.slice(0, at).replace(/^\[|\]$/g, ''),
      port: port === 0 ? Number(meta.get('port') ?? 0) : port,
    }
  }

  return {
    async start() {
      await sockets.start()
      becomeReady()
      running = startAll(slow)
      running.then(
        () => {
          notReady = undefined
        },
        (error: unknown) => {
          notReady = reasonOf(error)
          status.report({
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
      await Promise.all([door.stop(), sockets.stop()])
      await running.catch(() => undefined)
      await project.idle()
      await stopAll(slow)
      db.close()
    },
  }
}

function openState(file: string): Database {
  try {
    // Made by us, so that it and the files SQLite puts beside it are readable by their owner only.
    if (!existsSync(file)) writeFileSync(file, '', { mode: 0o600 })
    const db = openDatabase(file)
    prepareSchema(db)
    return db
  } catch (error) {
    if (error instanceof OrchError) throw error
    const reason = reasonOf(error)
    const isReadOnly = /readonly|unable to open|permission/i.test(reason)
    throw new OrchError(isReadOnly ? 'read_only' : 'database_damaged', { path: file, reason }, error)
  }
}
