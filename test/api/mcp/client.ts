import { Client } from '@modelcontextprotocol/client'
import { InMemoryTransport } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Agents } from '../../../src/agents/agents.ts'
import { claimantOf, contextOfCaller } from '../../../src/api/context-of-caller.ts'
import { createDoor } from '../../../src/api/door.ts'
import { toolTable } from '../../../src/api/mcp/definitions.ts'
import { createDoorCaller, type DoorCaller } from '../../../src/api/mcp/door-caller.ts'
import { createMcpServer } from '../../../src/api/mcp/server.ts'
import { tools } from '../../../src/api/mcp/tools.ts'
import { operationsOf } from '../../../src/api/operations.ts'
import { silentLogger } from '../../../src/base/log.ts'
import { createActivity } from '../../../src/daemon/activity.ts'
import { builtInKinds } from '../../../src/model/kinds.ts'
import type { Principal } from '../../../src/model/principal.ts'
import { createTestProject, type TestProject } from '../../helpers/project.ts'
import { createMemoryParts, createTestAgents } from '../operations-caller.ts'

export type Era = 'legacy' | 'modern'

export interface Said {
  readonly text: string
  readonly data: Readonly<Record<string, unknown>>
  readonly isError: boolean
}

export interface TestClient {
  readonly client: Client
  /** URIs of resources the client was told to have changed. */
  readonly updated: readonly string[]
  call(tool: string, args?: Readonly<Record<string, unknown>>): Promise<Said>
  follow(...uris: readonly string[]): Promise<void>
}

export interface McpWorld extends TestProject {
  readonly agents: Agents
  callerFor(principal: Principal): DoorCaller
  connect(name: string, era?: Era): Promise<TestClient>
}

export const table = toolTable(tools, operationsOf(builtInKinds))

/** A project in memory, and clients of the SDK that talk to it through our server as over a pipe. */
export function createMcpWorld(): McpWorld {
  const test = createTestProject()
  const activity = createActivity(builtInKinds)
  test.project.onCommit(activity.note)
  const agents = createTestAgents(test)
  const parts = createMemoryParts(agents)
  const door = createDoor({
    operations: operationsOf(builtInKinds),
    identify: agents.identify,
    contextOf: contextOfCaller({ ...test, parts, renewed: agents.claims.renewed }),
    ready: Promise.resolve(),
    monotonic: () => 0,
    note: () => undefined,
    log: silentLogger,
  })
  const attach = (principal: Principal) => agents.claims.attach(claimantOf(agents.identify(principal)))
  const callerFor = (principal: Principal): DoorCaller =>
    createDoorCaller({ door, principal, activity: activity.subscribe, attach })
  return {
    ...test,
    agents,
    callerFor,
    async connect(name, era = 'legacy') {
      const actor = { name: 'nobody', type: 'agent', verified: false } as const
      const principal: Principal = { actor, role: 'writer', by: 'socket', from: 'local' }
      const caller = callerFor(principal)
      const [here, there] = InMemoryTransport.createLinkedPair()
      serveStdio((context) => createMcpServer({ caller, table, tools, version: '1', pushes: true, ...context }), {
        transport: there,
      })
      const client = new Client(
        { name, version: '1' },
        era === 'modern' ? { versionNegotiation: { mode: 'auto' } } : undefined,
      )
      await client.connect(here)
      return wrap(client, era)
    },
  }
}

/** What tests ask of a client, whatever it is connected by. */
export function wrap(client: Client, era: Era): TestClient {
  const updated: string[] = []
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    updated.push(params.uri)
  })
  return {
    client,
    updated,
    async call(tool, args = {}) {
      const { content, structuredContent, isError } = await client.callTool({ name: tool, arguments: args })
      const [first] = content
      return {
        text: first?.type === 'text' ? first.text : '',
        data: (structuredContent ?? {}) as Said['data'],
        isError: isError === true,
      }
    },
    async follow(...uris) {
      if (era === 'modern') await client.listen({ resourceSubscriptions: [...uris] })
      else for (const uri of uris) await client.subscribeResource({ uri })
    },
  }
}
