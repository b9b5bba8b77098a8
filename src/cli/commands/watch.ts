import type { Status } from '../../api/operation.ts'
import type { Activity } from '../../api/protocol.ts'
import { greet, request, talk } from '../client.ts'
import type { CliContext, RepositoryContext } from '../context.ts'
import { eventText } from '../event-text.ts'
import { type FullScreen, openFullScreen } from '../full-screen.ts'
import { inRepository, lookOf } from '../run.ts'
import { sleepAwake } from '../start-daemon.ts'
import { type Watched, watchScreen } from '../watch-screen.ts'
import { askOverview } from './overview.ts'

/** However much happens, the lists are asked for and drawn at most so often. */
const REFRESH_MS = 250
/** Who comes into the room or leaves it is no change of the state: it is looked for. */
const PRESENCE_MS = 5000
const RETRY_MS = 1000
const MAX_EVENTS = 200
/** Tasks of one status that are asked for: more fit on no terminal. */
const MAX_TASKS = 100

/** `orch watch`: a screen that follows the state; in a pipe, a line for each change. */
export async function watch(cli: CliContext): Promise<number> {
  const context = inRepository(cli)
  // Starts the daemon where none runs, and replaces an older one.
  const first = await read(context)
  const end = createEnd()
  try {
    if (cli.terminal.isTty && !cli.globals.json) await onScreen(context, first, end)
    else await inLines(context, first, end)
  } finally {
    end.dispose()
  }
  return 0
}

type Reading = Pick<Watched, 'overview' | 'here'>

async function read(context: RepositoryContext): Promise<Reading> {
  const [overview, { here }] = await Promise.all([
    askOverview(context, { statuses: true, limit: MAX_TASKS }),
    request(context, { op: 'status' }) as Promise<Status>,
  ])
  return { overview, here }
}

async function inLines(context: RepositoryContext, { overview }: Reading, end: End): Promise<void> {
  const { terminal } = context
  if (!context.globals.json) terminal.err(`${overview.project.name}: what happens from now on. Ctrl-C ends it.\n`)
  await follow(context, end, {
    onEvent: (event) => terminal.out(`${eventText(context, event)}\n`),
    onListening: () => undefined,
    onLost: () => terminal.err('The daemon has ended; this goes on when it is back.\n'),
  })
}

async function onScreen(context: RepositoryContext, first: Reading, end: End): Promise<void> {
  let watched: Watched = { ...first, events: [], trouble: undefined }
  const draw = (): void => {
    const { size } = screen
    const look = { ...lookOf(context), columns: size().columns, now: Date.now() }
    screen.draw(watchScreen(watched, size(), look))
  }
  const screen: FullScreen = openFullScreen(process, { onResize: draw, onEnd: end.now })
  const change = (what: Partial<Watched>): void => {
    watched = { ...watched, ...what }
    draw()
  }
  const refresh = createRefresh(async () => {
    // A daemon that has gone is noticed by its subscription.
    const reading = await read(context).catch(() => undefined)
    if (reading && watched.trouble === undefined) change(reading)
  })
  const presence = setInterval(() => watched.trouble === undefined && refresh.soon(), PRESENCE_MS)
  try {
    draw()
    await follow(context, end, {
      onEvent(event) {
        watched = { ...watched, events: [...watched.events, event].slice(-MAX_EVENTS) }
        refresh.soon()
      },
      onListening() {
        change({ trouble: undefined })
        refresh.soon()
      },
      onLost: () => change({ trouble: 'the daemon has ended; any command starts it' }),
    })
  } finally {
    clearInterval(presence)
    refresh.stop()
    screen.close()
  }
}

interface Followers {
  readonly onEvent: (event: Activity) => void
  /** From now on every change is heard. */
  readonly onListening: () => void
  readonly onLost: () => void
}

/** Hears what happens until the end, over any number of daemons. Throws what a daemon refuses. */
async function follow(
  context: RepositoryContext,
  end: End,
  { onEvent, onListening, onLost }: Followers,
): Promise<void> {
  while (!end.isNear()) {
    const outcome = await talk(
      context,
      { id: 1, op: 'activity' },
      { onEvent, onProgress: onListening, onOpen: (hangUp) => end.onNear(hangUp) },
    )
    if (end.isNear()) return
    if (outcome.type === 'error' && outcome.error.code !== 'daemon_stopping') throw outcome.error
    if (outcome.type === 'replace') throw outcome.error
    onLost()
    while (!end.isNear() && (await greet(context)) === undefined) await Promise.race([sleepAwake(RETRY_MS), end.near])
  }
}

/** Runs something at most once in a while, and once more after the last time it was asked for. */
function createRefresh(run: () => Promise<void>): { soon(): void; stop(): void } {
  let [isRunning, again, isStopped] = [false, false, false]
  const start = async (): Promise<void> => {
    isRunning = true
    do {
      again = false
      await Promise.all([run(), sleepAwake(REFRESH_MS)])
    } while (again && !isStopped)
    isRunning = false
  }
  return {
    soon() {
      again = true
      if (!isRunning && !isStopped) void start()
    },
    stop() {
      isStopped = true
    },
  }
}

/** The wish of a person, or of the system, that this ends. */
interface End {
  readonly near: Promise<void>
  isNear(): boolean
  now(): void
  /** What to do then; only the last one counts. */
  onNear(run: () => void): void
  dispose(): void
}

function createEnd(): End {
  let isNear = false
  let run = (): void => undefined
  let resolveNear = (): void => undefined
  const near = new Promise<void>((resolve) => {
    resolveNear = resolve
  })
  const now = (): void => {
    isNear = true
    resolveNear()
    run()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, now)
  // `orch watch | head` has read enough.
  process.stdout.on('error', now)
  return {
    near,
    isNear: () => isNear,
    now,
    onNear(next) {
      run = next
      if (isNear) next()
    },
    dispose() {
      for (const signal of signals) process.off(signal, now)
      process.stdout.off('error', now)
    },
  }
}
