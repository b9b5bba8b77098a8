import { nextTurn } from '../base/turns.ts'
import type { Kinds } from '../model/kind-set.ts'
import { isIgnoredName } from '../model/layout.ts'
import type { Disk } from './disk.ts'
import { LOG_FOLDER } from './log-files.ts'
import { LOCAL, placeOf, README } from './places.ts'
import { SENTINEL } from './replace.ts'
import type { Stray } from './strays.ts'

/** What a look at the whole directory found. */
export interface Scan {
  /** Every path that stands for something, and its signature; '' for what is not a regular file. */
  readonly found: ReadonlyMap<string, string>
  /** Folders that could not be read, and why: nothing is known of what is below them. '' is the mirror's own. */
  readonly unreadable: ReadonlyMap<string, string>
  /** Texts that lie where none is read. */
  readonly strays: readonly Stray[]
  /** Folders that could be. */
  readonly folders: readonly string[]
  /** The directory itself is gone, or another one is in its place. */
  readonly isGone: boolean
}

/** How deep folders of a kind may be nested. */
const MAX_DEPTH = 16
const PER_TURN = 1000
const TEXT = /\.(?:md|markdown)$/i

/** Looks at every file of the mirror: what is there, without opening anything [M3]. */
export async function scan(disk: Disk, kinds: Kinds): Promise<Scan> {
  const found = new Map<string, string>()
  const unreadable = new Map<string, string>()
  const folders: string[] = []
  const strays: Stray[] = []

  const noteStray = (path: string, name: string, why: Stray['why']): void => {
    if (TEXT.test(name) && !isIgnoredName(name) && path !== README && path !== LOCAL) strays.push({ path, why })
  }

  /** What others keep there is theirs, but for texts; of what is deeper nothing is asked. */
  const lookFor = async (folder: string): Promise<void> => {
    const listing = await disk.list(folder)
    if (listing.type !== 'entries') return
    for (const { type, name } of listing.entries) if (type === 'file') noteStray(`${folder}/${name}`, name, 'folder')
  }

  const walk = async (folder: string, depth: number): Promise<void> => {
    const listing = await disk.list(folder)
    if (listing.type === 'unreadable' || listing.type === 'refused') unreadable.set(folder, listing.reason)
    if (listing.type !== 'entries') return
    folders.push(folder)
    for (const [i, entry] of listing.entries.entries()) {
      if (i % PER_TURN === PER_TURN - 1) await nextTurn()
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.type === 'directory') {
        const isOurs = folder === '' ? kinds.inFolder(entry.name) !== undefined : !isIgnoredName(entry.name)
        if (isOurs && depth < MAX_DEPTH) await walk(path, depth + 1)
        else if (folder === '' && path !== LOG_FOLDER && !isIgnoredName(path)) await lookFor(path)
      } else if (placeOf(kinds, path)) {
        found.set(path, entry.type === 'file' ? entry.signature : '')
      } else if (entry.type === 'file') {
        noteStray(path, entry.name, folder === '' ? 'folder' : 'name')
      } else if (entry.type === 'other' && kinds.inFolder(path)) {
        unreadable.set(path, `is ${entry.what}`)
      }
    }
  }

  await walk('', 0)
  const isGone = unreadable.size === 0 && (await disk.read(SENTINEL)).type === 'absent'
  return { found, unreadable, strays, folders, isGone }
}

/** The files that a scan should have found and did not: not those of folders that could not be read [M8]. */
export function missingFrom({ found, unreadable }: Scan, known: Iterable<string>): readonly string[] {
  const blind = [...unreadable.keys()]
  const isBelow = (path: string): boolean => blind.some((folder) => folder === '' || path.startsWith(`${folder}/`))
  return [...known].filter((path) => !found.has(path) && !isBelow(path))
}

/** Folders that stand there from the start, so that a person sees where to put a file. */
export function foldersToMake({ keyed, records }: Kinds): readonly string[] {
  const files = keyed.map((kind) => kind.file.slice(0, Math.max(0, kind.file.lastIndexOf('/'))))
  return [...new Set(['', ...records.map((kind) => kind.folder), ...files])]
}
