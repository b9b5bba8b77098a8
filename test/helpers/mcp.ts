import { resolve } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { type Era, type TestClient, wrap } from '../api/mcp/client.ts'

const orchProgram = resolve(import.meta.dirname, '../../dist/orch.js')

export interface RealClient extends TestClient {
  /** Of `orch mcp`. */
  readonly pid: number | undefined
  close(): Promise<void>
}

function clientOf(name: string, era: Era): Client {
  return new Client({ name, version: '1' }, era === 'modern' ? { versionNegotiation: { mode: 'auto' } } : undefined)
}

/** A client of the SDK and `orch mcp` as its child. */
export async function connectStdio(
  dir: string,
  env: Readonly<Record<string, string>>,
  name: string,
  era: Era = 'legacy',
): Promise<RealClient> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [orchProgram, 'mcp'],
    cwd: dir,
    env: { ...env },
    stderr: 'ignore',
  })
  const client = clientOf(name, era)
  await client.connect(transport)
  return { ...wrap(client, era), pid: transport.pid ?? undefined, close: () => client.close() }
}

/** A client of the SDK over HTTP. */
export async function connectHttp(url: string, token: string, name: string, era: Era = 'legacy'): Promise<RealClient> {
  const headers = { authorization: `Bearer ${token}` }
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } })
  const client = clientOf(name, era)
  await client.connect(transport)
  return {
    ...wrap(client, era),
    pid: undefined,
    async close() {
      if (era === 'legacy') await transport.terminateSession().catch(() => undefined)
      await client.close()
    },
  }
}
