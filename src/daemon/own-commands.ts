import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { ManifestCommand } from '../api/manifest.ts'

/**
 * The commands of a project's own kinds and fields, in its private directory: what the client, which has orch's own built
 * in, adds to them. There is no such file where a project declares nothing.
 */
export interface OwnCommandsFile {
  /** The version of orch that wrote it: of another one, it says nothing. */
  readonly version: string
  /** The declaration it was derived from: see `ownCommandsStamp`. */
  readonly declaration: string
  readonly commands: readonly ManifestCommand[]
}

/** Brings the file up to a declaration ('' for none); derives the commands only where it is of another one. */
export function keepOwnCommands(
  path: string,
  { version, declaration }: Pick<OwnCommandsFile, 'version' | 'declaration'>,
  derive: () => readonly ManifestCommand[],
): void {
  if (declaration === '') {
    rmSync(path, { force: true })
    return
  }
  const known = read(path)
  if (known?.version === version && known.declaration === declaration) return
  const temporary = `${path}.new`
  writeFileSync(temporary, JSON.stringify({ version, declaration, commands: derive() } satisfies OwnCommandsFile), {
    mode: 0o600,
  })
  renameSync(temporary, path)
}

function read(path: string): OwnCommandsFile | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as OwnCommandsFile
  } catch {
    // It is not there, or was cut short: it is derived anew.
    return undefined
  }
}
