import { OrchError } from '../../base/error.ts'

/** JSON as every surface over HTTP answers it. */
export function jsonResponse(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
  })
}

/** A refusal: `{"error": {code, message, hint, exit, data}}` with the status of its code. */
export function errorResponse(error: OrchError): Response {
  return jsonResponse({ error: error.toBody() }, error.http, headersOf(error))
}

/** What HTTP asks a refusal of this kind to say in its headers. */
export function headersOf({ code }: OrchError): Readonly<Record<string, string>> {
  switch (code) {
    case 'unauthorized':
      return { 'www-authenticate': 'Bearer realm="orch"' }
    case 'too_many_attempts':
      return { 'retry-after': '60' }
    case 'daemon_stopping':
      return { 'retry-after': '1' }
    default:
      return {}
  }
}

/** A request whose body is cut off when it exceeds the limit, for one that does not say how long it is. */
export function limitBody(request: Request, limit: number): Request {
  if (!request.body) return request
  let size = 0
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.byteLength
      if (size <= limit) controller.enqueue(chunk)
      else controller.error(tooLarge(size, limit))
    },
  })
  const { url, method, headers, signal } = request
  // `duplex` is asked for by fetch and unknown to the types of this version of Node.
  const init = { method, headers, signal, body: request.body.pipeThrough(counter), duplex: 'half' }
  return new Request(url, init as RequestInit)
}

export function tooLarge(size: number, limit: number): OrchError {
  return new OrchError('too_large', { what: 'The request', size, limit })
}
