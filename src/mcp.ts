/** `orch mcp`: MCP on standard input and output, for one client. Built apart, so that no other command loads it. */
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createAgentSession } from './api/mcp/agent-session.ts'
import type { McpCaller, McpCallOptions } from './api/mcp/caller.ts'
import { createMcpServer } from './api/mcp/server.ts'
import type { ToolTable } from './api/mcp/tool.ts'
import { tools } from './api/mcp/tools.ts'
import { OrchError } from './base/error.ts'
import { type Connection, createConnection } from './cli/connection.ts'
import type { CliContext } from './cli/context.ts'
import { callerOf, inRepository } from './cli/run.ts'
import { sleepAwake } from './cli/start-daemon.ts'
import { toActorName } from './model/actor.ts'

/** Put in by the build. */
declare const ORCH_TOOLS: ToolTable

/** Serves until the client goes. Standard output is the protocol's alone. */
export function runMcp(context: CliContext): Promise<number> {
  const caller = createSocketCaller(context, ORCH_TOOLS)
  return new Promise((resolve) => {
    serveStdio(
      ({ era }) => createMcpServer({ caller, table: ORCH_TOOLS, tools, version: context.version, era, pushes: true }),
      { onerror: (error) => context.terminal.err(`orch mcp: ${error.message}\n`) },
    )
    let isEnding = false
    const end = (): void => {
      if (isEnding) return
      isEnding = true
      void caller.end().then(() => resolve(0))
    }
    process.stdin.once('end', end).once('close', end)
    process.once('SIGTERM', end)
    process.once('SIGINT', end)
  })
}

interface SocketCaller extends McpCaller {
  /** Ends the session, then the connection. */
  end(): Promise<void>
}

/** Looks for the repository, and for its daemon, when something is first asked. */
function createSocketCaller(context: CliContext, { effects }: ToolTable): SocketCaller {
  let connection: Connection | undefined
  let client: string | undefined
  const actor = () => callerOf(context) ?? { name: client ?? 'agent', type: 'agent' as const }
  const said = (session: string | undefined) => ({ actor: actor(), ...(session !== undefined && { session }) })
  /** A session that was started here ends with the connection; one that was given has its own end. */
  const given = context.env.ORCH_SESSION || undefined
  const attachOf = (key: string) => ({ op: 'attach', input: { ends: given === undefined }, ...said(key) })
  const open = (): Connection => {
    connection ??= createConnection(inRepository(context), {
      async greet(ask) {
        const key = session.key()
        if (key === undefined) return
        // A session that this daemon does not know is found out by the next call.
        await ask(attachOf(key)).catch((error: unknown) => {
          if (!(error instanceof OrchError) || error.code !== 'session_key') throw error
        })
      },
    })
    return connection
  }
  const ask = async (op: string, input: unknown, key: string | undefined, { signal }: McpCallOptions) =>
    await open().request({ op, input, ...said(key) }, { effect: effectOf(op, effects), signal })
  const session = createAgentSession({
    ask,
    given,
    attach: async (key) => void (await open().request(attachOf(key), { effect: 'read' })),
  })
  return {
    session,
    call: session.call,
    read: (operation, input, options = {}) => ask(operation, input, undefined, options),
    follow({ onChange, onListening, onGap }) {
      try {
        return open().follow({ onEvent: onChange, onListening: (again) => (again ? onGap() : onListening()) })
      } catch {
        // Not in a repository: the first call says so.
        return () => undefined
      }
    },
    introduce(name) {
      client ??= name === undefined ? undefined : toActorName(name, 'agent')
    },
    async end() {
      await Promise.race([session.end(), sleepAwake(FAREWELL_MS)])
      connection?.close()
    },
  }
}

/** How long the end of a session is waited for when its client has gone. */
const FAREWELL_MS = 3000

/** Kinds of a project's own have the operations that tasks have. */
function effectOf(operation: string, effects: ToolTable['effects']): 'read' | 'write' {
  return effects[operation] ?? effects[operation.replace(/^[^.]*/, 'task')] ?? 'write'
}
