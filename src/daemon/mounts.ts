import type { Door } from '../api/door.ts'
import type { GraphqlServer } from '../api/graphql/mount.ts'
import type { Metrics } from '../api/http/metrics.ts'
import type { Mount } from '../api/http/mount.ts'
import type { Operation } from '../api/operation.ts'
import type { Activity } from '../api/protocol.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../model/id.ts'
import type { Principal } from '../model/principal.ts'
import type { OpenProject } from '../store/open-project.ts'

/** What the surfaces over HTTP are made of. */
export interface MountParts {
  readonly door: Door
  readonly project: OpenProject
  readonly operations: readonly Operation[]
  readonly activity: (listen: (activity: Activity) => void) => () => void
  /** Says that a caller's connection lives, until it is called off. */
  readonly attach: (principal: Principal) => () => void
  readonly clock: Clock
  readonly random: Random
  readonly version: string
  readonly metrics: () => Promise<Metrics>
  readonly graphql: () => Promise<GraphqlServer>
  /** Whether only this machine is listened to: then there is a page to try queries on. */
  readonly isLoopback: boolean
}

/**
 * What is served over HTTP, each surface loaded at its first request. To add one:
 * `{ path: '/name', load: async (stopping) => (await import('../api/name.ts')).createName({ door, stopping }) }`.
 */
export function mountsOf({ metrics, graphql, isLoopback, ...parts }: MountParts): readonly Mount[] {
  return [
    {
      path: '/api',
      load: async (stopping) => (await import('../api/http/api.ts')).createApi({ ...parts, stopping }),
    },
    {
      path: '/mcp',
      load: async (stopping) => (await import('../api/mcp/mount.ts')).createMcpMount({ ...parts, stopping }),
    },
    {
      path: '/graphql',
      async load() {
        const server = await graphql()
        return (await import('../api/graphql/mount.ts')).createGraphqlMount(server)
      },
    },
    ...(isLoopback
      ? [
          {
            path: '/graphiql',
            isPublic: true,
            load: async () => (await import('../api/graphql/graphiql.ts')).createGraphiqlPage(),
          } as const,
        ]
      : []),
    {
      path: '/metrics',
      async load() {
        const { contentType, text } = await metrics()
        return async () => new Response(await text(), { headers: { 'content-type': contentType } })
      },
    },
  ]
}
