import { createDoor } from '../../../src/api/door.ts'
import { createGraphqlServer } from '../../../src/api/graphql/mount.ts'
import { operationsOf } from '../../../src/api/operations.ts'
import { silentLogger } from '../../../src/base/log.ts'
import type { Role } from '../../../src/model/principal.ts'
import { alice, principalOf } from '../../helpers/project.ts'
import { createCaller, STATUS } from '../operations-caller.ts'

export interface GraphqlAnswer {
  readonly data?: Readonly<Record<string, never>> | null
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[]
}

/** The GraphQL server on a project in memory, asked as over HTTP by somebody whom the front let in. */
export function serveGraphql(options: { readonly role?: Role; readonly readerIntrospection?: boolean } = {}) {
  const caller = createCaller()
  const { project, clock } = caller
  const operations = operationsOf(project.kinds)
  const door = createDoor({
    operations,
    contextOf: ({ actor, session }, call) => ({ project, actor, session, clock, parts: caller.parts, ...call }),
    ready: Promise.resolve(),
    monotonic: () => 0,
    note: () => undefined,
    log: silentLogger,
  })
  const watching = new Set<() => void>()
  const onPresence = (listen: () => void): (() => void) => {
    watching.add(listen)
    return () => watching.delete(listen)
  }
  const server = createGraphqlServer({
    door,
    kinds: project.kinds,
    operations,
    streams: { project, onPresence },
    readerIntrospection: options.readerIntrospection ?? true,
    log: silentLogger,
  })
  const principal = principalOf(alice, options.role ?? 'writer')
  const fetchAs = (query: string, variables: object, accept: string): Promise<Response> =>
    Promise.resolve(
      server.fetch(
        new Request('http://127.0.0.1/graphql', {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept },
          body: JSON.stringify({ query, variables }),
        }),
        { principal },
      ),
    )
  return {
    ...caller,
    server,
    principal,
    /** Who is in the room from now on, as its daemon tells. */
    show(actors: readonly string[]) {
      const status = { ...STATUS, here: { actors, replicas: [] } }
      Object.assign(caller.parts.daemon, { status: () => Promise.resolve(status) })
      for (const listen of watching) listen()
    },
    watchers: () => watching.size,
    async ask(query: string, variables: object = {}): Promise<GraphqlAnswer> {
      const response = await fetchAs(query, variables, 'application/json')
      return (await response.json()) as GraphqlAnswer
    },
    /** The events of a subscription, as they come over HTTP. */
    async *subscribe(query: string, variables: object = {}): AsyncGenerator<GraphqlAnswer> {
      const response = await fetchAs(query, variables, 'text/event-stream')
      let text = ''
      for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += new TextDecoder().decode(part)
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1]
          text = text.slice(end + 2)
          if (data) yield JSON.parse(data) as GraphqlAnswer
        }
      }
    },
  }
}
