import type { Manifest } from '../api/manifest.ts'
import type { PrivatePaths, Repository } from '../base/repository.ts'
import type { Globals } from './argv.ts'
import type { Terminal } from './terminal.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What a command line is run with. */
export interface CliParts {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Environment
  readonly manifest: Manifest
  readonly version: string
  /** The daemon's program. */
  readonly daemonScript: string
  readonly terminal: Terminal
}

/** What a command has at hand. */
export interface CliContext extends CliParts {
  readonly globals: Globals
  /** Where the command was started, or what -C says. */
  readonly dir: string
}

/** A context with the repository it is about. */
export interface RepositoryContext extends CliContext {
  readonly repository: Repository
  readonly paths: PrivatePaths
}
