import { must } from '../../src/base/assert.ts'
import { connectStdio, type RealClient } from '../helpers/mcp.ts'
import type { TestRepo } from './harness.ts'

export interface RaceResult {
  readonly tasks: number
  readonly kills: number
  /** Tasks by who completed them, one entry for each completion that was accepted. */
  readonly completions: ReadonlyMap<string, readonly string[]>
  /** Two that held a task at one time, by what they were told. */
  readonly overlaps: readonly string[]
  /** Writes of the dead that were refused. */
  readonly fenced: number
}

interface Held {
  readonly task: string
  readonly by: string
}

/**
 * Claimants in processes of their own race for all tasks, by MCP; some are killed while they hold one, and come back under
 * another session. Each claim, end and completion is noted in the order in which it was answered, so that two winners of
 * one task are seen.
 */
export async function race(repo: TestRepo, claimants: number, tasks: number, kills: number): Promise<RaceResult> {
  const completions = new Map<string, string[]>()
  const holders = new Map<string, string>()
  const overlaps: string[] = []
  let toKill = kills
  let killed = 0
  let fenced = 0
  const isDone = (): boolean => completions.size >= tasks

  const take = ({ task, by }: Held): void => {
    const other = holders.get(task)
    if (other !== undefined) overlaps.push(`${task}: ${other} and ${by}`)
    holders.set(task, by)
  }

  const work = async (name: string): Promise<void> => {
    for (let life = 1; !isDone(); life++) {
      const client = await connectStdio(repo.dir, repo.env, name)
      try {
        if (!(await live(client, `${name}/${life}`))) return
      } finally {
        await client.close().catch(() => undefined)
      }
    }
  }

  /** Claims and completes; true when it was killed. */
  const live = async ({ call, pid }: RealClient, name: string): Promise<boolean> => {
    while (!isDone()) {
      const claimed = await call('claim')
      if (claimed.isError) {
        if (claimed.text.startsWith('nothing_ready')) {
          await call('wait', { ready: true, timeout: 1 })
          continue
        }
        throw new Error(claimed.text)
      }
      const task = String((claimed.data.task as { id: string }).id)
      take({ task, by: name })
      if (toKill > 0) {
        toKill--
        killed++
        // From here on it holds nothing: its claim ends by itself after the grace time.
        holders.delete(task)
        process.kill(must(pid, 'a process'), 'SIGKILL')
        return true
      }
      const done = await call('update', { id: task, fields: { status: 'completed' } })
      if (done.isError) {
        if (!done.text.startsWith('fenced')) throw new Error(done.text)
        fenced++
        continue
      }
      completions.set(task, [...(completions.get(task) ?? []), name])
      holders.delete(task)
    }
    return false
  }

  await Promise.all(Array.from({ length: claimants }, (_, i) => work(`agent-${i}`)))
  return { tasks, kills: killed, completions, overlaps, fenced }
}

/** Makes the tasks of a round, all ready. */
export async function makeTasks(repo: TestRepo, round: number, tasks: number): Promise<readonly string[]> {
  const client = await connectStdio(repo.dir, repo.env, 'planner')
  const ids: string[] = []
  for (let i = 0; i < tasks; i++) {
    const { data } = await client.call('create', { title: `Round ${round}, task ${i}` })
    ids.push(String(data.id))
  }
  await client.close()
  return ids
}
