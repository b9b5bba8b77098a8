import { OrchError } from '../../base/error.ts'
import type { AgentSession, McpCallOptions } from './caller.ts'

export interface AgentSessionParts {
  /** Runs an operation in a session, or in none. */
  readonly ask: (
    operation: string,
    input: unknown,
    session: string | undefined,
    options: McpCallOptions,
  ) => Promise<unknown>
  /** The key of a session that is continued, and not ended here. */
  readonly given?: string | undefined
  /** Says of a session that its connection lives. */
  readonly attach: (key: string) => Promise<void>
}

/** A session that is started when it is first needed. */
export interface LazySession extends AgentSession {
  call(operation: string, input: unknown, options?: McpCallOptions): Promise<unknown>
  /** The key, once there is one. */
  key(): string | undefined
  /** Ends the session that was started here, if there is one. Never rejects. */
  end(): Promise<void>
}

/** Connections that never ask for anything leave no session behind. */
export function createAgentSession({ ask, given, attach }: AgentSessionParts): LazySession {
  let starting: Promise<string | undefined> | undefined
  let key = given
  const fences = new Map<string, number>()

  const start = async (): Promise<string | undefined> => {
    try {
      const made = (await ask('session.start', {}, undefined, {})) as { readonly key: string }
      key = made.key
    } catch (error) {
      // Who may only read, or only write some tasks, goes on without one.
      if (error instanceof OrchError && error.code === 'forbidden') return undefined
      throw error
    }
    await attach(key)
    return key
  }
  const started = async (): Promise<string | undefined> => {
    starting ??= given === undefined ? start() : attach(given).then(() => given)
    try {
      return await starting
    } catch (error) {
      starting = undefined
      throw error
    }
  }
  const forget = (): void => {
    starting = undefined
    key = undefined
    fences.clear()
  }

  const call: LazySession['call'] = async (operation, input, options = {}) => {
    const session = await started()
    try {
      const result = await ask(operation, input, session, options)
      if (operation === 'session.end') {
        fences.clear()
        if (given === undefined) forget()
      }
      return result
    } catch (error) {
      // Of a database that is not here any more: the next session is a new one.
      const isStrange = error instanceof OrchError && error.code === 'session_key' && given === undefined
      if (!isStrange || key !== session) throw error
      forget()
      return await ask(operation, input, await started(), options)
    }
  }

  return {
    call,
    fences,
    key: () => key,
    id: () => key?.split('.')[0],
    async end() {
      if (key === undefined || given !== undefined) return
      const ending = key
      forget()
      await ask('session.end', {}, ending, {}).catch(() => undefined)
    },
  }
}
