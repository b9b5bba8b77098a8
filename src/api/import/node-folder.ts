import { constants, type Dirent } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Folder, FolderEntry } from './folder.ts'

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
      const handle = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      try {
        const stat = await handle.stat()
        if (!stat.isFile()) throw new Error('it is no plain file')
        if (stat.size > limit) throw new Error(`it is ${stat.size} bytes; the limit is ${limit}`)
        return await handle.readFile()
      } finally {
        await handle.close()
      }
    },
  }
}

function typeOf(entry: Dirent): FolderEntry['type'] {
  if (entry.isSymbolicLink()) return 'link'
  if (entry.isDirectory()) return 'folder'
  return entry.isFile() ? 'file' : 'other'
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
