import type { Finding } from '../api/operation.ts'
import type { Service } from '../base/service.ts'
import { createWatchdog } from '../base/watchdog.ts'
import type { Config } from '../config/options.ts'
import { createMirrorWays } from '../mirror/ways.ts'
import { type Problem, standsStill } from '../model/attention.ts'
import { checkInWorker } from '../store/check.ts'
import { encryptionText, notEncrypted } from './at-rest.ts'
import { type Attention, createAttention } from './attention.ts'
import { createDoctor, filesThatDiffer } from './doctor.ts'
import type { History } from './history.ts'
import { type Host, logOf } from './host.ts'
import type { Mirrors } from './mirrors.ts'
import type { Peers } from './peers.ts'
import type { Renderer } from './render.ts'
import type { State } from './state.ts'
import { createStatus, type StatusReader } from './status.ts'
import { undeclaredProblems } from './undeclared.ts'

/** What the daemon says of itself: its status, what needs attention, and whether all that must be true is. */
export interface Health {
  readonly attention: Attention
  readonly status: StatusReader
  readonly doctor: () => Promise<readonly Finding[]>
  /** Measures how long the event loop is held up. */
  readonly watchdog: Service
}

export interface HealthParts {
  readonly config: Config
  readonly host: Host
  readonly state: State
  readonly history: History
  readonly peers: Peers
  readonly mirror: Mirrors
  readonly render: Renderer
  /** Of the agents' claims. */
  readonly claimProblems: () => readonly Problem[]
  readonly serverUrl: () => string | undefined
}

export function createHealth({ config, host, state, history, peers, mirror, render, ...parts }: HealthParts): Health {
  const { clock, paths } = host
  const { project, kinds } = state
  const watchdog = createWatchdog({ clock, log: logOf(host, 'watchdog') })
  const attention = createAttention({
    store: state.attention,
    clock,
    current: () => status.problems(),
    ways: { ...createMirrorWays(project, mirror), conflict: state.conflicts.ways, parked: state.parked.ways },
    onChange: () => mirror.refreshLocal(),
  })
  const status = createStatus({
    project,
    version: host.version,
    pid: process.pid,
    startedAt: clock.now(),
    now: clock.now,
    privateDir: paths.dir,
    mirrorDir: state.mirrorDir,
    linkedMirrors: () => mirror.list().flatMap(({ dir, main }) => (main ? [] : [dir])),
    fileAccess: () => mirror.abilities().summary,
    encryption: () => encryptionText({ host, state }),
    branch: history.ref.replace('refs/heads/', ''),
    remote: history.remote.state,
    gitObjects: history.care.objects,
    serverUrl: parts.serverUrl,
    peers: peers.list,
    presence: peers.presence,
    watchdog,
    problems: () => [
      ...host.configDrift(),
      ...undeclaredProblems(kinds, project.undeclared()),
      ...mirror.problems(),
      ...history.snapshots.problems(),
      ...parts.claimProblems(),
      ...peers.problems(),
      ...history.remote.problems(),
    ],
    attention: attention.list,
    notices: host.notices,
  })
  for (const problem of startProblems(host, state, history)) status.report(problem)
  const doctor = createDoctor({
    checkStore: () =>
      checkInWorker({
        databaseFile: paths.database,
        keyring: host.keyring,
        declared: config,
        project,
        worker: new URL('./check-worker.mjs', host.loadWorker),
      }),
    privateFiles: [paths.database, paths.token],
    ...(host.keyring.keys.length > 0 && { checkEncryption: () => notEncrypted({ host, state }) }),
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
    async checkHistory() {
      await history.snapshots.take()
      return history.snapshots.problems().map(({ what }) => what)
    },
    problems: () => status.problems().filter(standsStill),
  })
  return { attention, status, doctor, watchdog }
}

/** What was found wrong while the state was opened. */
function startProblems(host: Host, { purgeFailure }: State, { ref, movedTo }: History): readonly Problem[] {
  const problems: Problem[] = []
  if (purgeFailure !== undefined) {
    problems.push({
      kind: 'daemon',
      what: `A secret that was purged is still here: ${purgeFailure}`,
      where: host.paths.dir,
      fix: 'Mend that, then `orch restart`: the purge is gone on with.',
    })
  }
  if (movedTo) {
    problems.push({
      kind: 'daemon',
      what: `This project has moved into "${movedTo.name}" (${movedTo.id}): what is written here stays here`,
      where: ref,
      fix: 'Ask who has it for its address. `orch join ADDRESS --token TOKEN --follow` then makes this one a replica of it.',
    })
  }
  return problems
}
