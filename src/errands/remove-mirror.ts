import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../base/hash.ts'
import type { Keyring } from '../base/keys.ts'
import { isLeftover } from '../mirror/leftovers.ts'
import { LOCAL, README } from '../mirror/places.ts'
import { displacedPath, SENTINEL } from '../mirror/replace.ts'
import { dayOfFile } from '../model/log.ts'
import { openDatabase } from '../store/database.ts'
import { type MirrorBases, openMirrorBases } from '../store/mirror-bases.ts'
import { openMirrorPlaces } from '../store/mirror-places.ts'

/**
 * Removes the files of all mirrors whose every byte is merged into the state, and the folders that this empties. Returns
 * what stays, as absolute paths: files that orch did not write, broken ones, and ones saved since. Only while
 * holding the lock.
 */
export function removeMirror(
  database: string,
  keyring: Keyring,
  mirror: string,
): { readonly removed: number; readonly kept: readonly string[] } {
  const db = openDatabase(database, keyring)
  const places = openMirrorPlaces(db)
  const removals = [
    removeFiles(openMirrorBases(db), mirror),
    ...places.list().map((place) => removeFiles(openMirrorBases(places.scope(place)), place.dir)),
  ]
  db.close()
  return {
    removed: removals.reduce((sum, one) => sum + one.removed, 0),
    kept: removals.flatMap((one) => one.kept),
  }
}

/** Removes the files of one mirror; paths of what stays are absolute. */
export function removeFiles(
  bases: MirrorBases,
  mirror: string,
): { readonly removed: number; readonly kept: readonly string[] } {
  const merged = new Map(bases.displaced().map(({ name, hash }) => [displacedPath(name), hash]))
  const hashOf = (path: string): string | undefined => {
    const base = bases.get(path)
    return base?.problem ? undefined : (base?.hash ?? merged.get(path))
  }
  let removed = 0
  const kept: string[] = []
  for (const path of filesBelow(mirror, '')) {
    const isOurs = isMade(path) || sha256(readFileSync(join(mirror, path))) === hashOf(path)
    if (isOurs) {
      rmSync(join(mirror, path))
      removed++
    } else kept.push(join(mirror, path))
  }
  removeEmpty(mirror)
  return { removed, kept }
}

/** Whether orch alone writes a file, and nothing of anybody's is in it. */
function isMade(path: string): boolean {
  if (dayOfFile(path) !== undefined) return true
  return [README, LOCAL, SENTINEL].includes(path) || isLeftover(path)
}

function filesBelow(root: string, dir: string): readonly string[] {
  return entriesOf(join(root, dir)).flatMap((entry) => {
    const path = dir === '' ? entry.name : `${dir}/${entry.name}`
    return entry.isDirectory() ? filesBelow(root, path) : entry.isFile() ? [path] : []
  })
}

function removeEmpty(dir: string): void {
  for (const entry of entriesOf(dir)) if (entry.isDirectory()) removeEmpty(join(dir, entry.name))
  if (entriesOf(dir).length === 0) rmSync(dir, { recursive: true, force: true })
}

function entriesOf(dir: string): ReturnType<typeof readEntries> {
  try {
    return readEntries(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function readEntries(dir: string) {
  return readdirSync(dir, { withFileTypes: true })
}
