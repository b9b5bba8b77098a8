import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { OrchError, reasonOf } from '../base/error.ts'

/** Adds a line to git's exclude file, unless it is there. Every other byte stays. Throws `read_only`. */
export function addExclude(file: string, line: string): void {
  const before = read(file)
  if (linesOf(before).includes(line)) return
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  write(file, `${before}${gap}${line}\n`)
}

/** Whether git's exclude file holds a line. */
export function isExcluded(file: string, line: string): boolean {
  return linesOf(read(file)).includes(line)
}

/** Takes a line out of git's exclude file. Every other byte stays. Throws `read_only`. */
export function removeExclude(file: string, line: string): void {
  const before = read(file)
  if (!linesOf(before).includes(line)) return
  const kept = before.split(/(?<=\n)/).filter((each) => each.replace(/\r?\n$/, '') !== line)
  write(file, kept.join(''))
}

function linesOf(text: string): readonly string[] {
  return text.split(/\r?\n/)
}

/** One character per byte, so that what is no UTF-8 comes back as it was. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
}

function write(file: string, text: string): void {
  const temporary = `${file}.orch-${process.pid}`
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(temporary, text, 'latin1')
    renameSync(temporary, file)
  } catch (error) {
    throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
}
