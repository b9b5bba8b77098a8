/**
 * One process that claims tasks, works a moment, and completes them under the number of its claim, until it is killed or
 * there is nothing left. Prints a line for each step, as JSON. Its connection is its life: it says `attach` first.
 */
import { connect } from 'node:net'

const [socketPath, hello, name, workMs] = process.argv.slice(2)
const socket = connect(socketPath)
const waiting = new Map()
let pending = ''
let count = 0
let greeted = false

socket.on('data', (bytes) => {
  pending += bytes
  for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
    const line = JSON.parse(pending.slice(0, end))
    pending = pending.slice(end + 1)
    if (!greeted) greeted = true
    else waiting.get(line.id)?.(line)
  }
})
socket.on('close', () => process.exit(3))
socket.write(`${hello}\n`)

function ask(op, input) {
  const id = ++count
  socket.write(`${JSON.stringify({ id, op, input, actor: { name, type: 'agent' } })}\n`)
  return new Promise((resolve) => {
    waiting.set(id, (line) => {
      waiting.delete(id)
      resolve(line)
    })
  })
}
const say = (step) => process.stdout.write(`${JSON.stringify({ name, ...step })}\n`)

await ask('attach')
for (;;) {
  const claimed = await ask('claim', {})
  if (claimed.error) {
    if (claimed.error.code !== 'nothing_ready') throw new Error(JSON.stringify(claimed.error))
    say({ step: 'idle' })
    await ask('wait', { ready: true, timeout: 5 })
    continue
  }
  const { task, fence } = claimed.result.claim
  say({ step: 'claimed', task, fence })
  await new Promise((resolve) => setTimeout(resolve, Math.random() * Number(workMs)))
  const done = await ask('task.update', { id: task, status: 'completed', fence })
  say({ step: done.error ? 'refused' : 'done', task, fence, code: done.error?.code })
}
