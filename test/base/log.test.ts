import { expect, test } from 'vitest'
import { createEntryWriter, type LogEntry } from '../../src/base/log.ts'

const entryOf = (message: string): LogEntry => ({ at: 0, level: 'error', message, fields: {} })

/** A file on a disk that has room for so many bytes, and writes at most as many at once. */
function createFile(atOnce = 1000) {
  const file = { text: '', room: Number.POSITIVE_INFINITY }
  const write = (bytes: Uint8Array): number => {
    const count = Math.min(bytes.length, file.room, atOnce)
    if (count === 0) throw new Error('ENOSPC: no space left on device, write')
    file.text += new TextDecoder().decode(bytes.subarray(0, count))
    file.room -= count
    return count
  }
  return { file, write: createEntryWriter(write) }
}

const messages = (text: string): readonly string[] =>
  text.split('\n').flatMap((line) => {
    try {
      const { message, lines } = JSON.parse(line) as { message: string; lines?: number }
      return [lines === undefined ? message : `${message}: ${lines}`]
    } catch {
      return []
    }
  })

test('what cannot be logged is left out without a failure, and counted in the next line that can be', () => {
  const { file, write } = createFile()
  write(entryOf('one'))
  file.room = 20
  for (const message of ['two', 'three', 'four']) write(entryOf(message))
  file.room = Number.POSITIVE_INFINITY
  write(entryOf('five'))
  write(entryOf('six'))
  expect(messages(file.text)).toEqual(['one', 'the log could not be written: 3', 'five', 'six'])
})

test('a line that is written in pieces is one line', () => {
  const { file, write } = createFile(7)
  write(entryOf('one'))
  write(entryOf('two'))
  expect(messages(file.text)).toEqual(['one', 'two'])
})
