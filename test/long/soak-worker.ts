/** One of the processes of the soak: mixed operations on one repository until told to stop; then says what was acknowledged. */
import packageJson from '../../package.json' with { type: 'json' }
import { createDaemonClient } from '../helpers/daemon-client.ts'
import { createRandom } from '../helpers/random.ts'

const [dir = '', number = '0', pause = '100'] = process.argv.slice(2)
const { ask } = createDaemonClient(dir, process.env as Record<string, string>, packageJson.version)
const actor = `agent-${number}`
const random = createRandom(Number(number) + 1)
const upTo = (limit: number): number => Math.floor(((random(1)[0] ?? 0) * limit) / 256)

const words: string[] = []
const refused: string[] = []
const latencies: number[] = []
const mine: string[] = []
let hours = 0
let count = 0
let isOver = false
process.on('message', () => {
  isOver = true
})

const { items: shared } = await ask<{ items: readonly { id: string }[] }>('task.list', { limit: 20 }, actor)
const any = (): string => shared[upTo(shared.length)]?.id ?? ''

async function step(): Promise<void> {
  const word = `s${number}n${count++}e`
  switch (upTo(12)) {
    case 0: {
      const { id } = await ask<{ id: string }>('task.create', { title: word, labels: ['soak'] }, actor)
      mine.push(id)
      words.push(word)
      return
    }
    case 1:
    case 2:
    case 3:
      // Texts that grow for ever would measure nothing else: most go into the process's own records.
      await ask('task.update', { id: mine.at(-1) ?? any(), append: word }, actor)
      words.push(word)
      return
    case 4:
      await ask('task.update', { id: any(), addSpentHours: 1 }, actor)
      hours++
      return
    case 5:
      await ask('task.update', { id: mine.at(-1) ?? any(), status: count % 2 ? 'in_progress' : 'review' }, actor)
      return
    case 6:
      await ask('state.set', { key: `k${number}`, value: word }, actor)
      return
    case 7:
      await ask('task.show', { id: any() }, actor)
      return
    case 8:
      await ask('task.update', { id: any(), addLabels: [`l${upTo(5)}`] }, actor)
      return
    default:
      await ask('task.list', { limit: 20 }, actor)
  }
}

while (!isOver) {
  const before = performance.now()
  try {
    await step()
  } catch (error) {
    refused.push(String(error))
  }
  latencies.push(performance.now() - before)
  await new Promise((resolve) => setTimeout(resolve, upTo(2 * Number(pause))))
}
process.send?.({ words, refused, hours, count, latencies })
process.disconnect?.()
