import type { GraphqlParts, GraphqlServer } from '../api/graphql/mount.ts'
import type { GraphqlSocketParts } from '../api/graphql/socket.ts'
import type { Upgrade, UpgradeMount } from '../api/http/mount.ts'
import type { Clock } from '../base/clock.ts'
import { createTurns } from '../base/turns.ts'

/** `/graphql`, over HTTP and WebSockets, loaded when somebody asks for it first: its packages take longer than a daemon's start. */
export interface Graphql {
  readonly server: () => Promise<GraphqlServer>
  readonly socket: UpgradeMount
}

export function createGraphql({
  authenticate,
  clock,
  ...parts
}: Omit<GraphqlParts, 'streams'> &
  GraphqlParts['streams'] &
  Pick<GraphqlSocketParts, 'authenticate'> & { readonly clock: Pick<Clock, 'monotonic'> }): Graphql {
  let server: Promise<GraphqlServer> | undefined
  let socket: Promise<UpgradeMount> | undefined
  let isStopping = false
  const load = (): Promise<GraphqlServer> => {
    const { project, onPresence, ...rest } = parts
    server ??= import('../api/graphql/load.ts').then(({ loadGraphqlServer }) =>
      loadGraphqlServer({ ...rest, streams: { project, onPresence } }, createTurns(clock)),
    )
    return server
  }
  return {
    server: load,
    socket: {
      match: ({ pathname }) => pathname === '/graphql',
      upgrade(upgrade: Upgrade) {
        socket ??= import('../api/graphql/socket.ts').then(({ createGraphqlSocket }) =>
          createGraphqlSocket({ server: load, authenticate }),
        )
        socket.then(
          (mount) => (isStopping ? upgrade.socket.destroy() : mount.upgrade(upgrade)),
          (error: unknown) => {
            parts.log.error('GraphQL could not be loaded', { error })
            upgrade.socket.destroy()
          },
        )
      },
      stop() {
        isStopping = true
        socket?.then((mount) => mount.stop()).catch(() => undefined)
      },
    },
  }
}
