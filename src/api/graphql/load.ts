import { inTurns, type Turns } from '../../base/turns.ts'
import type { GraphqlParts, GraphqlServer } from './mount.ts'

/**
 * Loads the engine of `/graphql` in pieces, for the first who asks: together, its packages and the schema keep the event
 * loop for as long as a hundred requests.
 */
export async function loadGraphqlServer(parts: GraphqlParts, turns: Turns): Promise<GraphqlServer> {
  for (const load of PACKAGES) {
    await load()
    await turns.next()
  }
  const { schemaSteps } = await import('./schema.ts')
  await turns.next()
  const schema = await inTurns(schemaSteps(parts), turns)
  const { createGraphqlServer } = await import('./mount.ts')
  await turns.next()
  const server = createGraphqlServer(parts, schema)
  await turns.next()
  return server
}

const PACKAGES: readonly (() => Promise<unknown>)[] = [
  () => import('graphql'),
  () => import('@pothos/core'),
  () => import('@escape.tech/graphql-armor'),
  () => import('graphql-yoga'),
]
