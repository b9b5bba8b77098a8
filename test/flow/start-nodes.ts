import { readFileSync } from 'node:fs'
import packageJson from '../../package.json' with { type: 'json' }
import { createDaemonClient } from '../helpers/daemon-client.ts'
import { createTestRepo, type TestRepo, until } from './harness.ts'

/** A node: a repository with a daemon of its own. */
export interface Node {
  readonly repo: TestRepo
  readonly ask: ReturnType<typeof createDaemonClient>['ask']
  pid(): number
  kill(): void
}

export interface Nodes {
  readonly nodes: readonly Node[]
  remove(): Promise<void>
}

/** Nodes of one project at a Redis server, and as many repositories. `redis` is its address, for all or for each. */
export async function startNodes(
  count: number,
  redis: string | ((n: number) => string),
  env: Readonly<Record<string, string>> = {},
): Promise<Nodes> {
  const nodes: Node[] = []
  const remove = async (): Promise<void> => {
    await Promise.all(nodes.map(({ repo }) => repo.remove()))
  }
  try {
    for (let i = 0; i < count; i++) {
      const url = typeof redis === 'string' ? redis : redis(i)
      const repo = await createTestRepo({ name: 'shop', env: { ...env, ORCH_REDIS: url } })
      const { ask, paths } = createDaemonClient(repo.dir, repo.env, packageJson.version)
      const pid = (): number => (JSON.parse(readFileSync(paths.daemonFile, 'utf8')) as { pid: number }).pid
      nodes.push({ repo, ask, pid, kill: () => void process.kill(pid(), 'SIGKILL') })
    }
    const idOf = async ({ ask }: Node): Promise<string> =>
      (await ask<{ project: { id: string } }>('status', {}, 'test')).project.id
    await until(async () => new Set(await Promise.all(nodes.map(idOf))).size === 1, 'one project')
    return { nodes, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
