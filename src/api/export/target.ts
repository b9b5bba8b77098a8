import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { OrchError, reasonOf } from '../../base/error.ts'
import type { Piece } from './format.ts'

/** What was written to disk. */
export interface Written {
  readonly files: number
  readonly bytes: number
}

const FLUSH_LENGTH = 1 << 20

/**
 * Writes pieces to a file, or into a folder that is not there or empty. It is made beside the target and takes its name
 * when it is complete: a half export is never seen. Throws `already_exists` unless `replace` is set and it is a file,
 * and `read_only`.
 */
export async function writeTarget(
  pieces: AsyncIterable<Piece>,
  { to, isFolder, replace }: { readonly to: string; readonly isFolder: boolean; readonly replace: boolean },
): Promise<Written> {
  await assertFree(to, isFolder, replace)
  const temporary = join(dirname(to), `.orch-export-${randomUUID()}.tmp`)
  try {
    const written = isFolder ? await writeFolder(pieces, temporary) : await writeFile(pieces, temporary)
    // Somebody may have been here meanwhile.
    await assertFree(to, isFolder, replace)
    await rename(temporary, to)
    return written
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (error instanceof OrchError || !(error instanceof Error && 'syscall' in error)) throw error
    throw new OrchError('read_only', { path: to, reason: reasonOf(error) }, error)
  }
}

async function assertFree(to: string, isFolder: boolean, replace: boolean): Promise<void> {
  const found = await stat(to).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new OrchError('read_only', { path: to, reason: reasonOf(error) }, error)
  })
  if (!found) return
  if (isFolder) {
    if (found.isDirectory() && (await readdir(to)).length === 0) return
    throw new OrchError('already_exists', { what: `${to} (a folder must be new or empty; that path)` })
  }
  if (found.isDirectory())
    throw new OrchError('invalid_input', { field: 'to', reason: `${to} is a folder; name a file` })
  if (!replace) throw new OrchError('already_exists', { what: to })
}

async function writeFile(pieces: AsyncIterable<Piece>, path: string): Promise<Written> {
  const file = await open(path, 'wx')
  let bytes = 0
  let waiting = ''
  const flush = async (): Promise<void> => {
    const chunk = Buffer.from(waiting)
    waiting = ''
    bytes += chunk.length
    await file.writeFile(chunk)
  }
  try {
    for await (const { text } of pieces) {
      waiting += text
      if (waiting.length >= FLUSH_LENGTH) await flush()
    }
    await flush()
    await file.sync()
  } finally {
    await file.close()
  }
  return { files: 1, bytes }
}

async function writeFolder(pieces: AsyncIterable<Piece>, dir: string): Promise<Written> {
  await mkdir(dir)
  let files = 0
  let bytes = 0
  for await (const { file, text } of pieces) {
    const path = join(dir, file)
    await mkdir(dirname(path), { recursive: true })
    const one = await writeFile(only(text), path)
    files++
    bytes += one.bytes
  }
  return { files, bytes }
}

async function* only(text: string): AsyncGenerator<Piece> {
  yield await Promise.resolve({ file: '', text })
}
