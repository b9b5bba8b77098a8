import type { Folder, FolderEntry } from '../../src/api/import/folder.ts'

/** What is at a path: a text, bytes, or a symbolic link. */
export type MemoryFiles = Record<string, string | Uint8Array | { readonly link: string }>

/** A folder in memory. Reads see what `files` holds at that moment. */
export function createMemoryFolder(files: MemoryFiles): Folder {
  return {
    readDir(path) {
      const prefix = path === '' ? '' : `${path}/`
      const entries = new Map<string, FolderEntry>()
      for (const [file, content] of Object.entries(files)) {
        if (!file.startsWith(prefix)) continue
        const [name = '', ...rest] = file.slice(prefix.length).split('/')
        const isLink = typeof content === 'object' && 'link' in content
        entries.set(name, { name, type: rest.length > 0 ? 'folder' : isLink ? 'link' : 'file' })
      }
      if (entries.size === 0 && path !== '') return Promise.resolve(undefined)
      return Promise.resolve([...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1)))
    },
    readFile(path, limit) {
      const bytes = bytesOf(files[path])
      if (bytes === undefined) return Promise.reject(new Error('it is no plain file'))
      if (bytes.length > limit) {
        return Promise.reject(new Error(`it is ${bytes.length} bytes; the limit is ${limit}`))
      }
      return Promise.resolve(bytes)
    },
    async *streamFile(path) {
      const bytes = bytesOf(files[path])
      if (bytes === undefined) throw new Error('it is no plain file')
      // Small pieces: no line and no character may depend on where they are cut.
      for (let at = 0; at < bytes.length; at += 7) yield await Promise.resolve(bytes.subarray(at, at + 7))
    },
  }
}

function bytesOf(content: MemoryFiles[string] | undefined): Uint8Array | undefined {
  if (typeof content === 'string') return new TextEncoder().encode(content)
  return content instanceof Uint8Array ? content : undefined
}
