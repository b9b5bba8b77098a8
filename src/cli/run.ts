import { resolve } from 'node:path'
import type { Manifest, ManifestCommand } from '../api/manifest.ts'
import type { Caller } from '../api/protocol.ts'
import { type ErrorBody, OrchError, toOrchError } from '../base/error.ts'
import { findRepository, pathsOf, socketPlace } from '../base/repository.ts'
import { type Globals, type Invocation, parseArgv } from './argv.ts'
import { request } from './client.ts'
import type { CliContext, CliParts, RepositoryContext } from './context.ts'
import { localCommands } from './local-commands.ts'
import { newOwnCommands, withOwnCommands } from './own-commands.ts'
import { type Look, render } from './render.ts'

/** The version of what `--json` prints around results and errors. Fields may be added under it; none changes or goes. */
export const JSON_FORMAT = 1

/** Runs one command line. Resolves to the exit code; everything it has to say is said. */
export async function runCli(parts: CliParts): Promise<number> {
  if (parts.argv[0] === '__complete') {
    const { answerShell } = await import('./commands/complete.ts')
    return await answerShell({ ...parts, manifest: withOwnCommands(parts) })
  }
  // Before the command line is understood, its wish for JSON must be, so that errors come as asked for.
  let globals: Globals = { json: parts.argv.includes('--json') }
  try {
    const { invocation, manifest } = await understand(parts, globals)
    if (invocation.type === 'print') {
      parts.terminal.out(invocation.text)
      return 0
    }
    globals = invocation.globals
    const context = contextOf({ ...parts, manifest }, globals)
    switch (invocation.type) {
      case 'operation':
        return await runOperation(context, invocation.command, invocation.input)
      case 'local':
        return await (await invocation.command.load())(context, invocation.input)
      case 'overview': {
        const { alone } = await import('./commands/overview.ts')
        return await alone(context, invocation.help)
      }
    }
  } catch (error) {
    return printError(parts, globals, error)
  }
}

/** Reads the command line, with the commands of the project. Throws as `parseArgv` does. */
async function understand(
  parts: CliParts,
  globals: Globals,
): Promise<{ readonly invocation: Invocation; readonly manifest: Manifest }> {
  const manifest = withOwnCommands(parts)
  try {
    return { invocation: parseArgv(parts.argv, { ...parts, manifest, local: localCommands }), manifest }
  } catch (error) {
    if (!(error instanceof OrchError)) throw error
    const newer = await newOwnCommands(contextOf(parts, globals), error)
    if (!newer) throw error
    return { invocation: parseArgv(parts.argv, { ...parts, manifest: newer, local: localCommands }), manifest: newer }
  }
}

/** The context with its repository. Throws `not_a_repository`. */
export function inRepository(context: CliContext): RepositoryContext {
  const repository = findRepository(context.dir)
  return { ...context, repository, paths: pathsOf(repository, socketPlace(context.env)) }
}

/** Prints a result in the way that was asked for. */
export function printResult(context: CliContext, result: unknown, view: ManifestCommand['view']): void {
  const { terminal, globals } = context
  if (globals.json) {
    terminal.out(`${JSON.stringify({ orch: JSON_FORMAT, result })}\n`)
    return
  }
  const { text, footer } = render(result, view, lookOf(context))
  terminal.out(text)
  if (footer) terminal.err(`${footer}\n`)
}

export function lookOf({ terminal, globals }: CliContext): Look {
  return {
    color: terminal.hasColor && globals.color !== false,
    columns: terminal.isTty ? terminal.columns : undefined,
    now: terminal.isTty ? Date.now() : undefined,
  }
}

/** Who acts, as the command line or the environment says; undefined for the person whose repository it is. */
export function callerOf({ globals, env }: CliContext): Caller | undefined {
  const name = globals.as ?? env.ORCH_ACTOR
  return name === undefined || name === '' ? undefined : { name, type: 'agent' }
}

function contextOf(parts: CliParts, globals: Globals): CliContext {
  return { ...parts, globals, dir: resolve(parts.cwd, globals.C ?? '.') }
}

async function runOperation(
  context: CliContext,
  command: ManifestCommand,
  given: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { terminal, env } = context
  const repository = inRepository(context)
  const input = await complete(context, command, given)
  const actor = callerOf(context)
  const result = await request(
    repository,
    {
      op: command.operation,
      input,
      ...(actor && { actor }),
      ...(env.ORCH_SESSION && { session: env.ORCH_SESSION }),
    },
    {
      onProgress: ({ done, total, what }) => terminal.progress(total > 0 ? `${what} ${done}/${total}` : what),
    },
  )
  printResult(context, result, command.view)
  return 0
}

/** The input with what standard input and the caller's directory add. */
async function complete(
  { terminal, dir }: CliContext,
  { stdin, paths = [], flags, positionals }: ManifestCommand,
  given: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const input: Record<string, unknown> = { ...given }
  for (const property of paths) {
    if (typeof input[property] === 'string') input[property] = resolve(dir, input[property])
  }
  const dashes = [...flags, ...positionals]
    .map(({ property }) => property)
    .filter((property) => input[property] === '-')
  if (dashes.length > 1) {
    throw new OrchError('usage', { reason: `Standard input can be read once: ${dashes.join(' or ')}` })
  }
  const target = dashes[0] ?? (stdin !== undefined && input[stdin] === undefined ? stdin : undefined)
  if (target === undefined) return input
  const text = await terminal.readInput()
  if (text !== undefined) return { ...input, [target]: text }
  throw new OrchError('usage', { reason: `Nothing to read ${target} from: standard input is a terminal` })
}

function printError({ terminal }: CliParts, globals: Globals, error: unknown): number {
  const refusal = toOrchError(error)
  if (globals.json)
    terminal.out(`${JSON.stringify({ orch: JSON_FORMAT, error: refusal.toBody() satisfies ErrorBody })}\n`)
  else terminal.err(`error: ${refusal.message}\n${refusal.hint.replace(/^(?=.)/gm, 'hint: ')}\n`)
  return refusal.exit
}
