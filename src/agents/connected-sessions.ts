import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { createQueue } from '../base/queue.ts'
import type { Service } from '../base/service.ts'
import type { AgentMarks } from '../store/agent-marks.ts'

export interface ConnectedSessionsParts {
  readonly marks: AgentMarks
  readonly clock: Clock
  readonly log: Logger
  /** How long a session outlives its connection. */
  readonly graceMs: number
  /** Ends a session whose connection is gone; nothing when it has ended already. */
  readonly end: (session: string) => Promise<void>
  /** Goes on with one that was ended so, because its connection is back. */
  readonly resume: (session: string) => Promise<void>
}

/** Sessions that last as long as a connection: which those are is remembered, so that a restart of the daemon forgets none. */
export interface ConnectedSessions extends Service {
  /** The session has a connection, until the returned function is called. */
  connect(session: string): () => void
}

export function createConnectedSessions(parts: ConnectedSessionsParts): ConnectedSessions {
  const { marks, clock, log, graceMs, end, resume } = parts
  const connections = new Map<string, number>()
  const timers = new Map<string, () => void>()
  const ending = createQueue()
  let stopped = false

  const cancel = (session: string): void => {
    timers.get(session)?.()
    timers.delete(session)
  }
  const endLater = (session: string): void => {
    cancel(session)
    timers.set(
      session,
      clock.after(graceMs, () => void ending.add(() => endNow(session))),
    )
  }
  const endNow = async (session: string): Promise<void> => {
    timers.delete(session)
    try {
      await end(session)
      if (!connections.has(session)) marks.disconnected(session)
    } catch (error) {
      log.warn('a session whose connection is gone could not be ended; tried again', { session, error })
      if (!stopped) endLater(session)
    }
  }

  return {
    name: 'sessions',
    async start() {
      stopped = false
      for (const session of marks.connected()) if (!connections.has(session)) endLater(session)
    },
    async stop() {
      stopped = true
      for (const session of timers.keys()) cancel(session)
      await ending.idle()
    },
    connect(session) {
      cancel(session)
      marks.connect(session)
      connections.set(session, (connections.get(session) ?? 0) + 1)
      resume(session).catch((error: unknown) => log.warn('a session could not be resumed', { session, error }))
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        const left = (connections.get(session) ?? 1) - 1
        if (left > 0) connections.set(session, left)
        else {
          connections.delete(session)
          if (!stopped) endLater(session)
        }
      }
    },
  }
}
