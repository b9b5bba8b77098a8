import { join, resolve } from 'node:path'
import type { Manifest } from '../../src/api/manifest.ts'
import { findRepository, pathsOf, socketPlace } from '../../src/base/repository.ts'
import { request } from '../../src/cli/client.ts'
import type { RepositoryContext } from '../../src/cli/context.ts'

/** Asks the daemon of a repository, started when none runs, without a process per call. `dist` is that of the version. */
export function createDaemonClient(
  dir: string,
  env: Readonly<Record<string, string>>,
  version: string,
  dist = resolve(import.meta.dirname, '../../dist'),
) {
  const repository = findRepository(dir)
  const context: RepositoryContext = {
    argv: [],
    cwd: dir,
    dir,
    env,
    manifest: { commands: [] } as unknown as Manifest,
    version,
    daemonScript: join(dist, 'daemon.mjs'),
    terminal: {} as RepositoryContext['terminal'],
    globals: {} as RepositoryContext['globals'],
    repository,
    paths: pathsOf(repository, socketPlace(env)),
  }
  return {
    paths: context.paths,
    ask: <T>(op: string, input: unknown, actor: string, session?: string): Promise<T> =>
      request(context, {
        op,
        input,
        actor: { name: actor, type: 'agent' },
        ...(session !== undefined && { session }),
      }) as Promise<T>,
  }
}
