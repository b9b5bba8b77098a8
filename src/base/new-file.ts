import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'

/**
 * Makes a file with this text where none may be. One that cannot be written whole is not left behind: its name would say
 * something that its text does not. Throws what the system says: `EEXIST` when it is there, `ENOSPC`.
 */
export function writeNewFile(file: string, text: string, mode = 0o666): void {
  const descriptor = openSync(file, 'wx', mode)
  let isWhole = false
  try {
    writeFileSync(descriptor, text)
    isWhole = true
  } finally {
    closeSync(descriptor)
    if (!isWhole) rmSync(file, { force: true })
  }
}
