import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Manifest, ManifestCommand } from '../api/manifest.ts'
import { OrchError } from '../base/error.ts'
import { sha256 } from '../base/hash.ts'
import { findRepository, mainWorktreeOf, pathsOf, type Repository, socketPlace } from '../base/repository.ts'
import type { CliContext, CliParts } from './context.ts'

/** The commands of orch with those of the project's own kinds and fields, as its daemon has written them down. */
export function withOwnCommands(parts: CliParts): Manifest {
  const repository = repositoryOf(parts)
  return repository ? merged(parts, ownCommands(parts, repository)) : parts.manifest
}

/**
 * What a command line that was not understood may have meant: a command that `.orchrc` has declared since. Starts the
 * daemon where none runs, so that it reads the file. Throws why that fails, or `refusal` with what to do where one runs that
 * has read an older file; undefined when there is nothing new.
 */
export async function newOwnCommands(context: CliContext, refusal: OrchError): Promise<Manifest | undefined> {
  const repository = repositoryOf(context)
  if (!repository) return undefined
  const paths = pathsOf(repository, socketPlace(context.env))
  const text = readIfThere(join(mainWorktreeOf(repository), '.orchrc'))
  if (text === undefined || !existsSync(paths.database)) return undefined
  const before = readIfThere(paths.ownCommands)
  const { request } = await import('./client.ts')
  await request({ ...context, repository, paths }, { op: 'status' })
  if (readIfThere(paths.ownCommands) !== before) return merged(context, ownCommands(context, repository))
  const daemon = readIfThere(paths.daemonFile)
  if (daemon !== undefined && !daemon.includes(sha256(text))) {
    const reason = `${refusal.message}. The daemon has not read the present .orchrc yet: \`orch restart\` makes it`
    throw new OrchError('usage', { reason }, refusal)
  }
  return undefined
}

function merged({ manifest }: CliParts, own: readonly ManifestCommand[]): Manifest {
  if (own.length === 0) return manifest
  const byName = new Map(manifest.commands.map((command) => [command.command, command]))
  for (const command of own) byName.set(command.command, command)
  return { commands: [...byName.values()] }
}

function ownCommands({ version, env }: CliParts, repository: Repository): readonly ManifestCommand[] {
  const text = readIfThere(pathsOf(repository, socketPlace(env)).ownCommands)
  if (text === undefined) return []
  const file = JSON.parse(text) as { readonly version: string; readonly commands: readonly ManifestCommand[] }
  return file.version === version ? file.commands : []
}

/** Before the command line is understood, the directory that it names must be. */
function repositoryOf({ argv, cwd }: CliParts): Repository | undefined {
  const at = argv.indexOf('-C')
  try {
    return findRepository(resolve(cwd, at < 0 ? '.' : (argv[at + 1] ?? '.')))
  } catch {
    // The command itself says so, where it needs one.
    return undefined
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
