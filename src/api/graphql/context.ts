import type { Principal } from '../../model/principal.ts'
import type { Door } from '../door.ts'
import { type Call, createLoads, type Loads } from './loads.ts'

/** What the resolvers of one request share. */
export interface RequestContext {
  readonly principal: Principal
  readonly loads: Loads
  readonly call: Call
}

export function createRequestContext(
  door: Door,
  principal: Principal,
  signal: AbortSignal | undefined,
): RequestContext {
  const call: Call = async (name, input) =>
    (await door.call(name, input, principal, signal ? { signal } : {})) as Record<string, unknown>
  return { principal, loads: createLoads(call), call }
}
