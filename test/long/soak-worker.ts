/** One of the processes of the soak: mixed operations on one repository until told to stop; then says what was acknowledged. */
import packageJson from '../../package.json' with { type: 'json' }
import { createDaemonClient } from '../helpers/daemon-client.ts'
import { createRandom } from '../helpers/random.ts'
import type { Told } from './soak-run.ts'

const [dir = '', number = '0', pause = '100'] = process.argv.slice(2)
const { ask } = createDaemonClient(dir, process.env as Record<string, string>, packageJson.version)
const actor = `agent-${number}`
const random = createRandom(Number(number) + 1)
const upTo = (limit: number): number => Math.floor(((random(1)[0] ?? 0) * limit) / 256)

/** Words that were acknowledged, by where they must be found. */
const words: Record<keyof Told['words'], string[]> = { tasks: [], pages: [], sessions: [], contexts: [], log: [] }
const refused: string[] = []
const latencies: number[] = []
let hours = 0
let count = 0
let isOver = false
process.on('message', () => {
  isOver = true
})

const call = <T = { id: string }>(op: string, input: object): Promise<T> => ask<T>(op, input, actor)
const { items: shared } = await call<{ items: readonly { id: string }[] }>('task.list', {
  limit: 20,
  sort: 'createdAt',
})
const any = (): string => shared[upTo(shared.length)]?.id ?? ''
let task = (await call('task.create', { title: `Of ${number}` })).id
let page = (await call('page.write', { path: `notes/${number}-0.md`, text: `# Notes of ${number}\n` })).id
let context = (await call('context.publish', { title: `By ${number}` })).id
let session: string | undefined
let key: string | undefined
let isTaskDeleted = false

/** What a process does, by how often. Texts that grow for ever would measure nothing else: each process goes on to new records. */
const steps: readonly (readonly [times: number, run: (word: string) => Promise<void>])[] = [
  [
    2,
    async (word) => {
      task = (await call('task.create', { title: word, labels: ['soak'], dependencies: [any()] })).id
      isTaskDeleted = false
      words.tasks.push(word)
    },
  ],
  [
    4,
    async (word) => {
      if (isTaskDeleted) return
      await call('task.update', { id: task, append: word })
      words.tasks.push(word)
    },
  ],
  [
    2,
    async (word) => {
      await call('task.comment', { id: isTaskDeleted ? any() : task, text: word })
      words.tasks.push(word)
    },
  ],
  [
    2,
    async () => {
      await call('task.update', { id: any(), addSpentHours: 1 })
      hours++
    },
  ],
  [
    2,
    async () => {
      const status = count % 2 ? 'in_progress' : 'review'
      await call('task.update', { id: any(), status, addLabels: [`l${upTo(5)}`], removeLabels: [`l${upTo(5)}`] })
    },
  ],
  [
    2,
    async () => {
      await call(isTaskDeleted ? 'task.restore' : 'task.delete', { id: task })
      isTaskDeleted = !isTaskDeleted
    },
  ],
  [2, async (word) => void (await call('state.set', { key: `k${number}`, value: word }))],
  [1, async (word) => void (await call('state.patch', { patch: { [`k${number}`]: { [`of${upTo(3)}`]: word } } }))],
  [
    2,
    async (word) => {
      await call('page.update', { id: page, append: word })
      words.pages.push(word)
    },
  ],
  [
    1,
    async (word) => {
      page = (await call('page.write', { path: `notes/${number}-${count}.md`, text: `Seen: ${word}\n` })).id
      words.pages.push(word)
    },
  ],
  [
    1,
    async () => {
      await call('page.delete', { id: page })
      await call('page.restore', { id: page })
    },
  ],
  [
    2,
    async (word) => {
      if (session) await ask('session.end', { id: session, summary: word }, actor, key)
      else {
        const begun = await call<{ id: string; key: string }>('session.start', { goal: word, tasks: [any()] })
        session = begun.id
        key = begun.key
      }
      words.sessions.push(word)
      session = words.sessions.length % 2 === 0 ? undefined : session
    },
  ],
  [
    1,
    async (word) => {
      if (session) await call('session.update', { id: session, addArtifacts: [`src/${word}.ts`] })
    },
  ],
  [
    4,
    async (word) => {
      await call('log.append', { action: word, task: any(), details: { lines: upTo(100) } })
      words.log.push(word)
    },
  ],
  [
    1,
    async (word) => {
      context = (await call('context.publish', { title: word, type: 'finding', supersedes: context })).id
      words.contexts.push(word)
    },
  ],
  [
    1,
    async (word) => {
      await call('context.update', { id: context, append: word })
      words.contexts.push(word)
    },
  ],
  [2, async () => void (await call('task.show', { id: any() }))],
  [2, async () => void (await call('task.list', { limit: 20 }))],
  [1, async () => void (await call('overview', {}))],
  [1, async () => void (await call('search', { text: 'Shared', limit: 10 }))],
  [1, async () => void (await call('log.list', { limit: 20, actor }))],
  [1, async () => void (await call('context.query', { limit: 10 }))],
]
const weighted = steps.flatMap(([times, run]) => Array.from({ length: times }, () => run))

while (!isOver) {
  const before = performance.now()
  try {
    await weighted[upTo(weighted.length)]?.(`s${number}n${count++}e`)
  } catch (error) {
    refused.push(String(error))
  }
  latencies.push(performance.now() - before)
  await new Promise((resolve) => setTimeout(resolve, upTo(2 * Number(pause))))
}
process.send?.({ words, refused, hours, latencies } satisfies Told)
process.disconnect?.()
