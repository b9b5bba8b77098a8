import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CliContext } from '../context.ts'

/** `orch mcp`: a program of its own, which only agents load. */
export async function mcp(context: CliContext): Promise<number> {
  const program = pathToFileURL(join(dirname(context.daemonScript), 'mcp.mjs')).href
  const { runMcp } = (await import(program)) as { runMcp(context: CliContext): Promise<number> }
  return await runMcp(context)
}
