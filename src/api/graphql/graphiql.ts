import { renderGraphiQL } from '@graphql-yoga/render-graphiql'

/**
 * `/graphiql`: a page to try queries on, with nothing of the project in it. What it asks, it asks at `/graphql` with the
 * token that its reader puts under "Headers". All of it comes from here; nothing is fetched from elsewhere.
 */
export function createGraphiqlPage(): (request: Request) => Response {
  const html = renderGraphiQL({
    title: 'orch',
    endpoint: '/graphql',
    headers: JSON.stringify({ authorization: 'Bearer TOKEN' }, null, 2),
    defaultEditorToolsVisibility: 'headers',
    defaultQuery:
      '# Put a token (orch token create) under Headers.\n{\n  currentContext {\n    tasks { total active completed }\n  }\n}\n',
    shouldPersistHeaders: false,
  })
  return () =>
    new Response(html, {
      headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-frame-options': 'DENY' },
    })
}
