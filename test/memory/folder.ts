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
      const content = files[path]
      if (content === undefined || (typeof content === 'object' && 'link' in content)) {
        return Promise.reject(new Error('it is no plain file'))
      }
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
      if (bytes.length > limit) {
        return Promise.reject(new Error(`it is ${bytes.length} bytes; the limit is ${limit}`))
      }
      return Promise.resolve(bytes)
    },
  }
}
