import { sha256 } from '../base/hash.ts'
import type { Intent } from '../store/mirror-bases.ts'
import type { Disk, Steps } from './disk.ts'

/** The one directory in the mirror that is not for people: unfinished and displaced files, and the sentinel. */
export const PRIVATE_DIRECTORY = '.orch'
/** Says that this is the mirror, and not an empty mount point in its place. */
export const SENTINEL = `${PRIVATE_DIRECTORY}/root`

/** Where a write keeps its unfinished text and what it displaced. `name` is the intent's. */
export const freshPath = (name: string): string => `${PRIVATE_DIRECTORY}/${name}.new`
/** What a file where none was is called beside its own name, once it is in its place and until that is noted. */
export const madePath = (name: string): string => `${PRIVATE_DIRECTORY}/${name}.made`
export const displacedPath = (name: string): string => `${PRIVATE_DIRECTORY}/${name}.old`
/** The unfinished text before the exchange in one step, what was displaced after it. */
export const swappedPath = (name: string): string => `${PRIVATE_DIRECTORY}/${name}.swap`

/** All that a write may leave. */
export const privatePaths = (name: string): readonly string[] => [
  freshPath(name),
  swappedPath(name),
  madePath(name),
  displacedPath(name),
]

/** A change of one file that is about to be made. */
export type Exchange = Pick<Intent, 'name' | 'path' | 'from' | 'to'>

/**
 * - `done`: the file is as wished. What was displaced is kept at `displacedPath`, because a program that still has it
 *   open may write to it; look at it again before dropping it.
 * - `changed`: somebody saved. Their file is in its place, untouched, and nothing was displaced.
 * - `displaced`: somebody saved in the moment of the exchange. Their file is in its place, and what was there before is
 *   at `displacedPath`: both must be taken in.
 * - `crossed`: somebody saved in the moment of the exchange. Our file is in its place, and theirs is at `displacedPath`: it
 *   must be taken in.
 */
export type Outcome = 'done' | 'changed' | 'displaced' | 'crossed'

/**
 * Exchanges a file if it still holds what it should: compare and swap [M5]. Where the disk can, in one step: what was
 * there is in our hands then, and is looked at. Elsewhere the target is renamed aside, what was there is looked at, and
 * the new file is linked in, which fails when somebody saved meanwhile. There is a moment without the file; there is none
 * in which a save can be lost.
 *
 * A file where none was keeps a second name, `madePath`, until the outcome is noted and the caller removes it: renamed
 * before that, or saved and renamed, it could not be told from one that was never made.
 */
export async function exchange(
  disk: Disk,
  change: Exchange,
  bytes: Uint8Array | undefined,
  options: {
    readonly inOneStep: boolean
    readonly mode?: number | undefined
    /** Hears of a second name that the disk would not let go once the file was in its place: that is done all the same. */
    readonly onLeft: (path: string) => void
  },
): Promise<Outcome> {
  const { name, path, from } = change
  const fresh = freshPath(name)
  if (bytes) await disk.create(fresh, bytes, options.mode)
  if (bytes && from !== undefined && options.inOneStep) return swap(disk, change, from)
  if (from === undefined) {
    const linked = !bytes || (await disk.link(fresh, path))
    if (linked) await disk.move(fresh, madePath(name))
    return linked ? 'done' : 'changed'
  }
  const outcome = await disk.atOnce((steps) => replaceAside(steps, change, from, bytes ? fresh : undefined))
  if (outcome === 'changed') {
    await disk.remove(displacedPath(name))
    await disk.remove(fresh)
  } else await disk.remove(fresh).catch(() => options.onLeft(fresh))
  return outcome
}

async function swap(disk: Disk, { name, path, to }: Exchange, from: string): Promise<Outcome> {
  const swapped = swappedPath(name)
  // Under this name a file is complete: after a crash, other bytes than ours are what was displaced.
  await disk.move(freshPath(name), swapped)
  if (!(await disk.exchange(swapped, path))) {
    await disk.remove(swapped)
    return 'changed'
  }
  const found = await disk.read(swapped)
  if (found.type === 'refused') {
    // A link or a folder was put there. It goes back to where it was, whatever it is.
    const isBack = await disk.exchange(swapped, path)
    if (isBack && (await hashAt(disk, swapped)) === to) await disk.remove(swapped)
    return 'changed'
  }
  await disk.move(swapped, displacedPath(name))
  return found.type === 'file' && sha256(found.bytes) === from ? 'done' : 'crossed'
}

/** In one turn of the loop, whatever else waits for its own: an editor that opens the file just then finds none. */
function replaceAside(disk: Steps, { name, path }: Exchange, from: string, fresh: string | undefined): Outcome {
  const displaced = displacedPath(name)
  if (!disk.move(path, displaced)) return 'changed'
  const bytes = disk.bytesOf(displaced)
  if (!bytes || sha256(bytes) !== from) return disk.link(displaced, path) ? 'changed' : 'displaced'
  // Somebody may have saved into the moment without the file.
  return fresh === undefined || disk.link(fresh, path) ? 'done' : 'displaced'
}

async function putBack(disk: Disk, name: string, path: string): Promise<boolean> {
  if (!(await disk.link(displacedPath(name), path))) return false
  await disk.remove(displacedPath(name))
  return true
}

/**
 * How an exchange that was cut short stands after `recoverExchange`: as above, or
 * - `overtaken`: it was done, and somebody has saved since. What was displaced is kept at `displacedPath`. Where files are
 *   renamed aside, somebody may also have saved into the moment without the file: that looks the same.
 * - `unclear`: a file shall be new, and there is another one: made before ours was in its place, or saved over it.
 * - `unknown`: the disk cannot say. The intent must be kept.
 */
export type Recovered = Outcome | 'overtaken' | 'unclear' | 'unknown'

/**
 * Ends an exchange that a crash interrupted, at whichever step: it is found done, or it is undone. The second name of a file
 * where none was is the caller's to remove, as above. `isElsewhere`: whether there is a file that may be this one, renamed;
 * saved anew before that, it has no second name.
 */
export async function recoverExchange(
  disk: Disk,
  { name, path, from, to }: Exchange,
  isElsewhere: () => Promise<boolean> = async () => false,
): Promise<Recovered> {
  const swapped = await disk.read(swappedPath(name))
  if (swapped.type === 'unreadable' || swapped.type === 'changing') return 'unknown'
  if (swapped.type === 'file') {
    const isOurs = sha256(swapped.bytes) === to
    if (isOurs) await disk.remove(swappedPath(name))
    else await disk.move(swappedPath(name), displacedPath(name))
  }
  const [there, aside] = [await disk.read(path), await disk.read(displacedPath(name))]
  const [fresh, made] = [await disk.read(freshPath(name)), await disk.read(madePath(name))]
  const unclear = [there, aside, fresh, made].some(({ type }) => type === 'unreadable' || type === 'changing')
  if (unclear) return 'unknown'
  // With a second name the new file was linked into its place.
  const isLinked = made.type === 'file' || (fresh.type === 'file' && fresh.links > 1)
  // Somebody has moved it since.
  const isMoved = there.type === 'absent' && isLinked
  const wasMade = from === undefined && to !== undefined && there.type === 'absent' && fresh.type === 'file'
  if (from === undefined && (isMoved || (wasMade && (await isElsewhere())))) return 'done'
  if (to !== undefined && there.type === 'absent' && aside.type === 'file') {
    // The new file went into its place, and somebody has moved or removed it since.
    const wasThere = async (): Promise<boolean> => fresh.type === 'absent' || isMoved || (await isElsewhere())
    if (sha256(aside.bytes) === from && (await wasThere())) {
      await disk.remove(freshPath(name))
      return 'done'
    }
    // The new one goes last: without it, this would look as if it had been in its place.
    const isBack = await putBack(disk, name, path)
    await disk.remove(freshPath(name))
    return isBack ? 'changed' : 'displaced'
  }
  if (from !== undefined) await disk.remove(freshPath(name))
  const hash = there.type === 'file' ? sha256(there.bytes) : undefined
  if (there.type !== 'refused' && hash === to && (from === undefined || aside.type === 'file')) return 'done'
  if (aside.type !== 'file') {
    if (from !== undefined || hash === undefined) return 'changed'
    return isLinked ? 'overtaken' : 'unclear'
  }
  if (there.type === 'absent') return (await putBack(disk, name, path)) ? 'changed' : 'displaced'
  if (sha256(aside.bytes) !== from) return 'displaced'
  // What was displaced stays: should this not be noted, it is the only sign that the new file was there.
  if (hash !== from) return 'overtaken'
  await disk.remove(displacedPath(name))
  return 'changed'
}

async function hashAt(disk: Disk, path: string): Promise<string | undefined> {
  const found = await disk.read(path)
  return found.type === 'file' ? sha256(found.bytes) : undefined
}
