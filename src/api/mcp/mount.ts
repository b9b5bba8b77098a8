import type { FetchHandler } from '../http/mount.ts'
import type { Operation } from '../operation.ts'
import { toolTable } from './definitions.ts'
import { createDoorCaller, type DoorCallerParts } from './door-caller.ts'
import { createMcpEndpoint, type McpEndpointParts } from './endpoint.ts'
import { tellOnce } from './resources.ts'
import { createMcpServer } from './server.ts'
import { tools } from './tools.ts'

export interface McpMountParts
  extends Pick<DoorCallerParts, 'door' | 'activity' | 'attach'>,
    Pick<McpEndpointParts, 'clock' | 'random' | 'stopping'> {
  readonly operations: readonly Operation[]
  readonly version: string
}

/** `/mcp`: what `orch mcp` serves, for clients over HTTP. */
export function createMcpMount(parts: McpMountParts): FetchHandler {
  const { operations, activity, version } = parts
  const table = toolTable(tools, operations)
  return createMcpEndpoint({
    ...parts,
    open(principal) {
      const caller = createDoorCaller({ ...parts, principal })
      return {
        live: caller.live,
        end: caller.session.end,
        server: (era) => createMcpServer({ caller, table, tools, version, era, pushes: era === 'legacy' }),
      }
    },
    onUpdated: (tell) => activity(tellOnce(tell)),
  })
}
