import { renderGraphiQL } from '@graphql-yoga/render-graphiql'

/**
 * `/graphiql`: a page to try queries on, with nothing of the project in it. What it asks, it asks at `/graphql` with the
 * token that its reader puts under "Headers", or behind `#token=` in the address, which no browser sends to a server. All
 * of it comes from here; nothing is fetched from elsewhere.
 */
export function createGraphiqlPage(): (request: Request) => Response {
  const html = renderGraphiQL({
    title: 'orch',
    endpoint: '/graphql',
    headers: HEADERS,
    defaultEditorToolsVisibility: 'headers',
    defaultQuery:
      '# Put a token (orch token create) under Headers.\n{\n  currentContext {\n    tasks { total active completed }\n  }\n}\n',
    shouldPersistHeaders: false,
  })
  const page = html.replace(JSON.stringify(HEADERS), () => HEADERS_OF_ADDRESS)
  return () =>
    new Response(page, {
      headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-frame-options': 'DENY' },
    })
}

const HEADERS = JSON.stringify({ authorization: 'Bearer TOKEN' }, null, 2)

/** In the page's own script. The token does not stay in the address, which is shown and kept. */
const HEADERS_OF_ADDRESS = `((token) => {
  if (token !== null) history.replaceState(null, '', location.pathname)
  return JSON.stringify({ authorization: 'Bearer ' + (token ?? 'TOKEN') }, null, 2)
})(new URLSearchParams(location.hash.slice(1)).get('token'))`
