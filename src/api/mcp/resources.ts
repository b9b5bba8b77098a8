import { type McpServer, type ReadResourceResult, ResourceTemplate } from '@modelcontextprotocol/server'
import { quoteBlock } from '../../model/quoted.ts'
import type { Activity } from '../protocol.ts'
import type { McpCaller } from './caller.ts'
import { visible } from './visible.ts'

/** The views that are resources beside the records. */
const STATE = 'orch://state'
const READY = 'orch://ready'
const CHANGES = 'orch://changes'
export const VIEWS: readonly string[] = [STATE, READY, CHANGES]

/** What a client may have subscribed to that a change is about. */
function urisOf({ about }: Activity): readonly string[] {
  if (about === undefined) return []
  const { kind, id, file } = about
  switch (kind) {
    case 'state':
      return [STATE, CHANGES]
    case 'task':
      return [`orch://task/${id}`, READY, CHANGES]
    case 'page':
      return [...(file === undefined ? [] : [pageUri(file)]), CHANGES]
    default:
      return [`orch://${kind}/${id}`, CHANGES]
  }
}

/** Tells of each resource once, however much of it one commit changed. */
export function tellOnce(tell: (uri: string) => void): (change: Activity) => void {
  const pending = new Set<string>()
  return (change) => {
    if (pending.size === 0) {
      queueMicrotask(() => {
        for (const uri of pending) tell(uri)
        pending.clear()
      })
    }
    for (const uri of urisOf(change)) pending.add(uri)
  }
}

/** Below the pages' folder; every part of the path is coded for itself. */
function pageUri(file: string): string {
  return `orch://page/${file
    .replace(/^pages\//, '')
    .split('/')
    .map(encodeURIComponent)
    .join('/')}`
}

/** Records and views, for clients that show or follow them. */
export function addResources(server: McpServer, caller: McpCaller): void {
  const view = (name: string, uri: string, description: string, read: () => Promise<unknown>): void => {
    server.registerResource(name, uri, { description, mimeType: 'application/json' }, async () => ({
      contents: [{ uri, mimeType: 'application/json', text: visible(JSON.stringify(await read())) }],
    }))
  }
  view('state', STATE, 'The state of the project', async () => await caller.read('state.get', {}))
  view('ready', READY, 'Tasks that can be begun, the best first', async () => {
    return await caller.read('ready', { limit: 30 })
  })
  view(
    'changes',
    CHANGES,
    'What was done last, the newest first',
    async () => await caller.read('log.list', { limit: 30 }),
  )

  const template = (kind: string, variable: string, description: string): void => {
    const uri = new ResourceTemplate(`orch://${kind}/{${variable}}`, {
      list: undefined,
      complete: { [variable.replace('+', '')]: (value) => suggestions(caller, kind, value) },
    })
    server.registerResource(kind, uri, { description, mimeType: 'text/markdown' }, async (asked, variables) => {
      const name = variables[variable.replace('+', '')]
      return await readRecord(caller, asked.href, decodeURIComponent(String(name)))
    })
  }
  template('task', 'id', 'A task with its comments')
  template('page', '+path', 'A page by its path')
  template('session', 'id', 'A session: goal, notes, hand-over')
}

export async function suggestions(caller: McpCaller, of: string, prefix: string): Promise<string[]> {
  const { items } = (await caller.read('suggest', { of, prefix, limit: 100 })) as {
    readonly items: readonly { readonly value: string }[]
  }
  return items.map(({ value }) => value)
}

async function readRecord(caller: McpCaller, uri: string, name: string): Promise<ReadResourceResult> {
  const file = (await caller.read('record.text', { id: name })) as Readonly<Record<'id' | 'kind' | 'text', string>>
  const isPage = file.kind === 'page'
  const operation = isPage ? 'page.read' : `${file.kind}.show`
  const record = await caller.read(operation, isPage ? { path: file.id } : { id: file.id })
  const { updatedBy } = record as { readonly updatedBy: string }
  const text = quoteBlock(file.text, `${file.id}, last changed`, { by: updatedBy })
  return { contents: [{ uri, mimeType: 'text/markdown', text }] }
}
