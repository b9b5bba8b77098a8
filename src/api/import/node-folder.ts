import { constants, type Dirent } from 'node:fs'
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Folder, FolderEntry } from './folder.ts'

const PIECE_BYTES = 256 * 1024

/** The folder that a path on disk names, or the one that holds the file it names. Only here a link is followed: the caller named it. */
export async function openPath(path: string): Promise<{ readonly folder: Folder; readonly file: string | undefined }> {
  const isFile = await stat(path).then(
    (found) => !found.isDirectory(),
    // What is not there has no folder either: whoever reads it says so.
    () => false,
  )
  if (!isFile) return { folder: openFolder(path), file: undefined }
  const real = await realpath(path)
  return { folder: openFolder(dirname(real)), file: basename(real) }
}

/** A folder on disk. */
export function openFolder(root: string): Folder {
  return {
    async readDir(path) {
      try {
        const entries = await readdir(join(root, path), { withFileTypes: true })
        return entries
          .map((entry) => ({ name: entry.name, type: typeOf(entry) }))
          .sort((a, b) => (a.name < b.name ? -1 : 1))
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async readFile(path, limit) {
      const handle = await openPlain(join(root, path))
      try {
        const { size } = await handle.stat()
        if (size > limit) throw new Error(`it is ${size} bytes; the limit is ${limit}`)
        return await handle.readFile()
      } finally {
        await handle.close()
      }
    },
    async *streamFile(path) {
      const handle = await openPlain(join(root, path))
      try {
        for (;;) {
          const { bytesRead, buffer } = await handle.read(new Uint8Array(PIECE_BYTES), 0, PIECE_BYTES)
          if (bytesRead === 0) return
          yield buffer.subarray(0, bytesRead)
        }
      } finally {
        await handle.close()
      }
    },
  }
}

async function openPlain(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  if ((await handle.stat()).isFile()) return handle
  await handle.close()
  throw new Error('it is no plain file')
}

function typeOf(entry: Dirent): FolderEntry['type'] {
  if (entry.isSymbolicLink()) return 'link'
  if (entry.isDirectory()) return 'folder'
  return entry.isFile() ? 'file' : 'other'
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
