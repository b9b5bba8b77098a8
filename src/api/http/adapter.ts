import type { IncomingMessage, ServerResponse } from 'node:http'
import { toOrchError } from '../../base/error.ts'
import type { Principal } from '../../model/principal.ts'
import { errorResponse, limitBody } from './answer.ts'
import type { Mount } from './mount.ts'

/** Lets the handler of a mount answer one request of Node's server. A public mount's is given no principal. */
export type Adapter = (
  mount: Mount,
  request: IncomingMessage,
  response: ServerResponse,
  principal: Principal | undefined,
) => Promise<void>

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** From Node's requests to fetch's and back. A mount, and the package for it, is loaded at its first request. */
export function createAdapter(stopping: AbortSignal, maxBodyBytes: number): Adapter {
  const callers = new WeakMap<IncomingMessage, Principal>()
  const listeners = new Map<Mount, Promise<Listener>>()

  const load = async (mount: Mount): Promise<Listener> => {
    const { getRequestListener } = await import('@hono/node-server')
    const respond = await responderOf(mount, stopping, callers)
    return getRequestListener(
      async (asked, { incoming }) => {
        // Where the length is not said, it is not checked yet.
        const request = incoming.headers['transfer-encoding'] === undefined ? asked : limitBody(asked, maxBodyBytes)
        try {
          return await respond(request, incoming as IncomingMessage)
        } catch (error) {
          return errorResponse(toOrchError(error))
        }
      },
      { overrideGlobalObjects: false },
    )
  }

  const listenerOf = (mount: Mount): Promise<Listener> => {
    const known = listeners.get(mount)
    if (known) return known
    const loading = load(mount)
    listeners.set(mount, loading)
    loading.catch(() => listeners.delete(mount))
    return loading
  }

  return async (mount, request, response, principal) => {
    const listener = await listenerOf(mount)
    if (principal) callers.set(request, principal)
    await listener(request, response)
  }
}

async function responderOf(
  mount: Mount,
  stopping: AbortSignal,
  callers: WeakMap<IncomingMessage, Principal>,
): Promise<(request: Request, incoming: IncomingMessage) => Response | Promise<Response>> {
  if (mount.isPublic) return mount.load()
  const handle = await mount.load(stopping)
  return (request, incoming) => {
    const principal = callers.get(incoming)
    if (!principal) throw new Error('a request came past the front')
    return handle(request, principal)
  }
}
