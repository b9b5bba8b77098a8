import { OrchError } from '../../base/error.ts'
import type { Principal } from '../../model/principal.ts'
import type { Door } from '../door.ts'
import type { Operation } from '../operation.ts'
import { jsonResponse } from './answer.ts'
import { type ChangesParts, streamChanges } from './changes.ts'
import type { FetchHandler } from './mount.ts'
import { openApiOf, takesBase } from './openapi.ts'
import { inputFromQuery } from './query-input.ts'

export interface ApiParts extends ChangesParts {
  readonly door: Door
  readonly version: string
}

/**
 * `POST /api/<operation>` with its input as JSON, for reads also `GET` with it in the query; `/api/openapi.json`; and
 * `/api/changes`. The body of an answer is the operation's result, or `{"error": ...}`.
 */
export function createApi(parts: ApiParts): FetchHandler {
  const { door, version } = parts

  const call = async (request: Request, url: URL, operation: Operation, principal: Principal): Promise<Response> => {
    const { method, headers, signal } = request
    if (method !== 'POST' && !(method === 'GET' && operation.effect === 'read')) return notAllowed(operation)
    const given = method === 'GET' ? inputFromQuery(operation.input, url.searchParams) : await readJson(request)
    const input = withBase(operation, given, headers.get('if-match'))
    const result = await door.call(operation.name, input, principal, { signal })
    return jsonResponse(result ?? null, 200, etagOf(result))
  }

  /** The operation, or the answer that there is none of this name; for a command line that is a usage error. */
  const find = (name: string, principal: Principal): Operation | Response => {
    try {
      return door.operation(name, principal)
    } catch (error) {
      if (error instanceof OrchError && error.code === 'usage') return jsonResponse({ error: error.toBody() }, 404)
      throw error
    }
  }

  return async (request, principal) => {
    const url = new URL(request.url)
    const name = url.pathname.replace(/^\/api\/?/, '')
    if (name === 'openapi.json') return jsonResponse(openApiOf(door.operationsFor(principal), version))
    if (name === 'changes') {
      const cursor = request.headers.get('last-event-id') ?? url.searchParams.get('since')
      return streamChanges(parts, cursor ?? undefined, url.searchParams.getAll('kind'))
    }
    const operation = find(name, principal)
    return operation instanceof Response ? operation : await call(request, url, operation, principal)
  }
}

async function readJson(request: Request): Promise<unknown> {
  const text = await request.text()
  if (text === '') return {}
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json\b/i.test(type)) {
    throw new OrchError('invalid_input', { field: 'content-type', reason: 'the body must be application/json' })
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new OrchError('invalid_input', { field: 'body', reason: 'it is not JSON' })
  }
}

/** `If-Match` as the operation's base. Where there is none to check, the header is refused: its sender relies on it. */
function withBase(operation: Operation, input: unknown, header: string | null): unknown {
  if (header === null) return input
  if (!takesBase(operation)) {
    throw new OrchError('invalid_input', { field: 'if-match', reason: `${operation.name} is not about a content` })
  }
  const base = /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(header)?.[1] ?? header.trim()
  return typeof input === 'object' && input !== null ? { base, ...input } : input
}

/** The hash of what is answered, where it is one record's content. */
function etagOf(result: unknown): Readonly<Record<string, string>> {
  const isRecord = typeof result === 'object' && result !== null && 'hash' in result && typeof result.hash === 'string'
  return isRecord ? { etag: `"${result.hash}"` } : {}
}

function notAllowed({ name, effect }: Operation): Response {
  const reason = `${name} is asked by ${effect === 'read' ? 'GET or POST' : 'POST'}`
  const allow = effect === 'read' ? 'GET, POST' : 'POST'
  return jsonResponse({ error: new OrchError('usage', { reason }).toBody() }, 405, { allow })
}
