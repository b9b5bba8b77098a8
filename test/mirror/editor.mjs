// A person at an editor: reads the file, thinks for a moment, saves it with a change. Arguments: file, style, saves. Says
// on stdout, one JSON line a save, which words were put in and which ones that stood there were taken out.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

const [file, style, count] = process.argv.slice(2)
const random = (limit) => Math.floor(Math.random() * limit)
const SLOT = 'slot: '

async function read() {
  for (;;) {
    try {
      const text = readFileSync(file, 'utf8')
      if (text.endsWith('\n')) return text
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
    }
    await wait(1)
  }
}

function unlessMissing(call) {
  try {
    call()
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
}

const save = {
  async truncate(text) {
    writeFileSync(file, text)
  },
  async rename(text) {
    writeFileSync(`${file}.tmp`, text)
    renameSync(`${file}.tmp`, file)
  },
  async backup(text) {
    unlessMissing(() => renameSync(file, `${file}~`))
    const handle = openSync(file, 'w')
    writeSync(handle, text)
    fsyncSync(handle)
    closeSync(handle)
    unlessMissing(() => unlinkSync(`${file}~`))
  },
  async slow(text) {
    const handle = openSync(file, 'w')
    const half = Math.floor(text.length / 2)
    await wait(random(30))
    writeSync(handle, text.slice(0, half))
    await wait(random(30))
    writeSync(handle, text.slice(half))
    closeSync(handle)
  },
}

for (let i = 0; i < Number(count); i++) {
  const lines = (await read()).split('\n')
  await wait(random(16))
  const word = `hand${style}${i}x`
  const slot = lines.findIndex((line) => line.startsWith(SLOT))
  const isReplacement = slot >= 0 && random(3) === 0
  const removed = isReplacement ? lines[slot].slice(SLOT.length).match(/[a-z]+\d+x/g) : undefined
  if (isReplacement) lines[slot] = SLOT + word
  else {
    const first = lines.indexOf('---', 1) + 2
    lines.splice(first + random(Math.max(1, lines.length - first)), 0, word)
  }
  process.stdout.write(`${JSON.stringify({ inserted: word, removed: removed ?? [] })}\n`)
  await save[style](lines.join('\n'))
  await wait(random(10) === 0 ? 400 : random(60))
}
