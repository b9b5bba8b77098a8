/** Our MCP endpoint behind our HTTP front, with the fixtures of the conformance suite; prints its address. */
import { randomBytes } from 'node:crypto'
import { createFront } from '../../src/api/http/front.ts'
import { createMcpEndpoint } from '../../src/api/mcp/endpoint.ts'
import { createMcpServer } from '../../src/api/mcp/server.ts'
import { tools } from '../../src/api/mcp/tools.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createMcpWorld, table } from '../api/mcp/client.ts'
import { addFixtures } from './fixtures.ts'

const world = createMcpWorld()
const random = (bytes: number): Uint8Array => randomBytes(bytes)
const principal = {
  actor: { name: 'suite', type: 'agent', verified: true },
  role: 'writer',
  by: 'token',
  from: 'local',
} as const

const front = createFront({
  listen: { host: '127.0.0.1', port: 0 },
  allowed: { names: [], origins: [] },
  authenticate: async () => principal,
  mounts: [
    {
      path: '/mcp',
      load: async (stopping) =>
        createMcpEndpoint({
          open(who) {
            const caller = world.callerFor(who)
            return {
              live: caller.live,
              end: caller.session.end,
              server: (era) =>
                addFixtures(createMcpServer({ caller, table, tools, version: '1', era, pushes: era === 'legacy' })),
            }
          },
          onUpdated: () => () => undefined,
          clock: systemClock,
          random,
          stopping,
        }),
    },
  ],
  upgrades: [],
  notReady: () => undefined,
  clock: systemClock,
  log: silentLogger,
  onListening: () => undefined,
})
await front.start()
process.stdout.write(`${front.url()}/mcp\n`)
// The front's timers do not keep a process; its server does.
process.stdin.on('end', () => process.exit(0)).resume()
