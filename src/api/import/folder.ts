/** PORT: a folder that is only read. No symbolic link in it is followed. */
export interface Folder {
  /** Everything in a folder below, `''` for the folder itself, in the order of names. Undefined when there is no such folder. */
  readDir(path: string): Promise<readonly FolderEntry[] | undefined>
  /** A file's bytes. Rejects when it cannot be read, is no plain file, or holds more than `limit` bytes. */
  readFile(path: string, limit: number): Promise<Uint8Array>
  /** A file's bytes, piece by piece, however large it is. Rejects when it cannot be read or is no plain file. */
  streamFile(path: string): AsyncIterable<Uint8Array>
}

export interface FolderEntry {
  readonly name: string
  readonly type: 'file' | 'folder' | 'link' | 'other'
}

/** A path of every file below a folder, and of everything else that is there and no folder, in the order of paths. */
export async function walk(folder: Folder, path = ''): Promise<readonly (FolderEntry & { readonly path: string })[]> {
  const found: (FolderEntry & { readonly path: string })[] = []
  for (const entry of (await folder.readDir(path)) ?? []) {
    const below = path === '' ? entry.name : `${path}/${entry.name}`
    if (entry.type === 'folder') found.push(...(await walk(folder, below)))
    else found.push({ ...entry, path: below })
  }
  return found
}
