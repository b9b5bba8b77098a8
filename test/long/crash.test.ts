import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { OrchError } from '../../src/base/error.ts'
import { countOf, createTestRepo, until } from '../flow/harness.ts'
import { createDaemonClient } from '../helpers/daemon-client.ts'
import { createRandom } from '../helpers/random.ts'

const rounds = Number(process.env.ORCH_CRASH_ROUNDS ?? 200)
const seed = Number(process.env.ORCH_CRASH_SEED ?? 1)
const WRITERS = 4

interface Listed {
  readonly items: readonly { readonly id: string; readonly title: string; readonly body: string }[]
  readonly next?: string
}

test(`[P1] kill -9 at random under ${WRITERS} writers, ${rounds} rounds: every acknowledged write is there once`, async () => {
  const random = createRandom(seed)
  const upTo = (limit: number): number => ((random(1)[0] ?? 0) * limit) / 256
  const repo = await createTestRepo()
  const { ask, paths } = createDaemonClient(repo.dir, repo.env, packageJson.version)
  const tasks = await Promise.all(
    [0, 1, 2].map((i) => ask<{ id: string }>('task.create', { title: `Task ${i}`, body: 'Start.' }, 'test')),
  )
  const acknowledged: string[] = []
  const inDoubt: string[] = []
  let next = 0
  let kills = 0

  const write = async (writer: number): Promise<void> => {
    const word = `w${writer}n${next++}e`
    const task = tasks[next % tasks.length]
    const actor = `agent-${writer}`
    try {
      if (next % 7 === 0) await ask('task.create', { title: word }, actor)
      else await ask('task.update', { id: task?.id, append: word }, actor)
      acknowledged.push(word)
    } catch (error) {
      // The daemon died under the call: the write may have happened or not, and nobody was told that it did.
      if (!(error instanceof OrchError) || error.exit !== 7) throw error
      inDoubt.push(word)
    }
  }

  const everything = async (): Promise<Listed['items']> => {
    const pages: Listed['items'][] = []
    for (let after: string | undefined; ; ) {
      const page = await ask<Listed>(
        'task.list',
        { full: true, limit: 1000, all: true, ...(after && { after }) },
        'test',
      )
      pages.push(page.items)
      after = page.next
      if (after === undefined) return pages.flat()
    }
  }

  try {
    for (let round = 0; round < rounds; round++) {
      let isOver = false
      const writers = Array.from({ length: WRITERS }, async (_, writer) => {
        while (!isOver) await write(writer)
      })
      await new Promise((resolve) => setTimeout(resolve, 20 + upTo(300)))
      const { pid } = JSON.parse(readFileSync(paths.daemonFile, 'utf8')) as { pid: number }
      process.kill(pid, 'SIGKILL')
      kills++
      isOver = true
      await Promise.all(writers)

      const items = await everything()
      const text = items.map(({ title, body }) => `${title}\n${body}`).join('\n')
      for (const word of acknowledged) expect(countOf(text, word), `${word} in round ${round}`).toBe(1)
      for (const word of inDoubt) expect(countOf(text, word), `${word} in round ${round}`).toBeLessThanOrEqual(1)
      if (round % 5 === 4) {
        const doctor = await ask<{ ok: boolean; findings: unknown[] }>('doctor', {}, 'test')
        expect(doctor.ok, JSON.stringify(doctor.findings)).toBe(true)
      }
    }
    await until(async () => (await ask<{ ok: boolean }>('doctor', {}, 'test')).ok, 'the doctor finds nothing')
    process.stdout.write(
      `\n${kills} kills, ${acknowledged.length} acknowledged writes all there, ${inDoubt.length} in doubt\n`,
    )
  } finally {
    await repo.remove()
  }
}, 1_200_000)
