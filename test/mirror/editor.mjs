// A person at an editor: reads the file, thinks for a moment, saves it with a line more. Arguments: file, style, saves.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

const [file, style, count] = process.argv.slice(2)
const random = (limit) => Math.floor(Math.random() * limit)

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

const save = {
  async truncate(text) {
    writeFileSync(file, text)
  },
  async rename(text) {
    writeFileSync(`${file}.tmp`, text)
    renameSync(`${file}.tmp`, file)
  },
  async backup(text) {
    try {
      renameSync(file, `${file}~`)
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
    }
    const handle = openSync(file, 'w')
    writeSync(handle, text)
    fsyncSync(handle)
    closeSync(handle)
    try {
      unlinkSync(`${file}~`)
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
    }
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
  const first = lines.indexOf('---', 1) + 2
  lines.splice(first + random(Math.max(1, lines.length - first)), 0, `hand${style}${i}x`)
  await save[style](lines.join('\n'))
  await wait(random(10) === 0 ? 400 : random(60))
}
