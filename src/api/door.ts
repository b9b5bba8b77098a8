import { setMaxListeners } from 'node:events'
import { OrchError, toOrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { nearest } from '../base/nearest.ts'
import { mayCall, type Principal } from '../model/principal.ts'
import { scopedContext } from './access/scoped-project.ts'
import { parseInput } from './input.ts'
import type { Operation, OperationContext } from './operation.ts'

/** What a surface may pass besides the input. */
export interface CallOptions {
  readonly progress?: OperationContext['progress']
  /** Aborted when the caller has gone. */
  readonly signal?: AbortSignal
}

/** What a call adds to what every operation is given. */
export type CallContext = Pick<OperationContext, 'progress' | 'signal'>

/** One call, when it is over, for who keeps a record of calls. Holds no contents: neither input nor result. */
export interface CallNote {
  readonly operation: Operation
  readonly principal: Principal
  readonly milliseconds: number
  /** The record it is about, as the caller named it. */
  readonly about: string | undefined
  readonly error: OrchError | undefined
}

/**
 * The one way to an operation, for every surface: the local socket, HTTP, GraphQL, MCP. Here the role is checked, the input
 * parsed, the caller resolved to actor and session, and whatever goes wrong becomes a refusal with a code.
 */
export interface Door {
  /** The operations this principal may call, for surfaces that list what there is. */
  operationsFor(principal: Principal): readonly Operation[]
  /** Throws `usage` naming the nearest operation when there is none of this name, and `forbidden`. */
  operation(name: string, principal: Principal): Operation
  /** Runs an operation. Waits until the state is loaded. Rejects with an OrchError only. */
  call(name: string, input: unknown, principal: Principal, options?: CallOptions): Promise<unknown>
  /** Refuses further calls with `daemon_stopping`, tells those that wait to end, and resolves when none runs. */
  stop(): Promise<void>
}

export interface DoorParts {
  readonly operations: readonly Operation[]
  readonly contextOf: (principal: Principal, call: CallContext) => OperationContext
  /** The caller as it is to be taken, by the key of the session that it names. Throws `session_key`. */
  readonly identify?: (principal: Principal) => Principal
  /** Calls wait for this; when it rejects, every one is answered with that error. */
  readonly ready: Promise<void>
  readonly monotonic: () => number
  readonly note: (note: CallNote) => void
  readonly log: Logger
}

export function createDoor(parts: DoorParts): Door {
  const operations = new Map(parts.operations.map((operation) => [operation.name, operation]))
  const running = new Set<Promise<unknown>>()
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal)
  // A start that fails is reported to whoever asks; it must not count as unhandled while nobody does.
  parts.ready.catch(() => undefined)

  const find = (name: string): Operation => {
    const operation = operations.get(name)
    if (operation) return operation
    const near = nearest(name, [...operations.keys()])
    const reason = `There is no operation "${name}"${near ? `; did you mean ${near}?` : ''}`
    throw new OrchError('usage', { reason })
  }

  const run = async (operation: Operation, input: unknown, caller: Principal, options: CallOptions) => {
    if (stopping.signal.aborted) throw new OrchError('daemon_stopping')
    check(operation, caller)
    await parts.ready
    const principal = parts.identify?.(caller) ?? caller
    check(operation, principal)
    const gone = either(options.signal, stopping.signal)
    try {
      const { signal } = gone
      const context = parts.contextOf(principal, { progress: options.progress ?? (() => undefined), signal })
      const allowed = principal.scopes ? scopedContext(context, principal.scopes) : context
      return await operation.run(allowed, parseInput(operation.input, input))
    } finally {
      gone.release()
    }
  }

  return {
    operationsFor: (principal) => [...operations.values()].filter((operation) => !refusalOf(operation, principal)),
    operation(name, principal) {
      const operation = find(name)
      const reason = refusalOf(operation, principal)
      if (reason === undefined) return operation
      const error = new OrchError('forbidden', { reason })
      parts.note({ operation, principal, milliseconds: 0, about: undefined, error })
      throw error
    },
    async call(name, input, principal, options = {}) {
      const operation = find(name)
      const began = parts.monotonic()
      let error: OrchError | undefined
      const job = run(operation, input, principal, options)
      running.add(job)
      try {
        return await job
      } catch (thrown) {
        error = toOrchError(thrown)
        if (error.code === 'internal') parts.log.error('an operation failed unexpectedly', { op: name, error: thrown })
        throw error
      } finally {
        running.delete(job)
        parts.note({ operation, principal, milliseconds: parts.monotonic() - began, about: idOf(input), error })
      }
    },
    async stop() {
      stopping.abort()
      await Promise.allSettled(running)
    },
  }
}

/** A signal that is aborted with either of two. (`AbortSignal.any` keeps one for every call on a signal that lives long.) */
function either(one: AbortSignal | undefined, other: AbortSignal): { signal: AbortSignal; release(): void } {
  if (!one) return { signal: other, release: () => undefined }
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const sources = [one, other]
  for (const source of sources) source.addEventListener('abort', abort, { once: true })
  if (sources.some(({ aborted }) => aborted)) abort()
  return {
    signal: controller.signal,
    release() {
      for (const source of sources) source.removeEventListener('abort', abort)
    },
  }
}

function idOf(input: unknown): string | undefined {
  const id = typeof input === 'object' && input !== null && 'id' in input ? input.id : undefined
  return typeof id === 'string' ? id.slice(0, 64) : undefined
}

function check(operation: Operation, principal: Principal): void {
  const reason = refusalOf(operation, principal)
  if (reason !== undefined) throw new OrchError('forbidden', { reason })
}

/** Why a principal may not call an operation; undefined when it may. */
function refusalOf({ name, role, cli }: Operation, principal: Principal): string | undefined {
  if (!mayCall(principal.role, role)) return `${name} asks for the role ${role}; this is a ${principal.role}`
  // Its paths are the caller's: from elsewhere they would name files of this machine.
  if (cli.paths && principal.by !== 'socket') return `${name} works on files of this machine; it is for commands here`
  return undefined
}
