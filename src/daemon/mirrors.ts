import { existsSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import type { MirrorInfo } from '../api/operation.ts'
import { OrchError } from '../base/error.ts'
import { findRepository } from '../base/repository.ts'
import { removeFiles } from '../errands/remove-mirror.ts'
import type { Disk } from '../mirror/disk.ts'
import { createMirror, type Mirror, type MirrorParts } from '../mirror/mirror.ts'
import type { Problem } from '../model/attention.ts'
import type { Database } from '../store/database.ts'
import { openMirrorBases } from '../store/mirror-bases.ts'
import { openMirrorLogs } from '../store/mirror-logs.ts'
import { type LinkedMirror, openMirrorPlaces } from '../store/mirror-places.ts'

type Shared = Omit<MirrorParts, 'disk' | 'watch' | 'bases' | 'writtenLogs' | 'facts' | 'nameOf' | 'stands' | 'onFallen'>

export interface MirrorsParts extends Shared {
  readonly db: Database
  readonly commonDir: string
  readonly mainWorktree: string
  /** The main mirror. */
  readonly dir: string
  /** What crash tests put around the main mirror's parts. */
  readonly around: {
    readonly disk: (disk: Disk) => Disk
    readonly bases: (bases: MirrorParts['bases']) => MirrorParts['bases']
  }
  readonly diskAt: (dir: string) => Disk
  readonly watchAt: (dir: string) => MirrorParts['watch']
  readonly factsOf: (dir: string) => ReturnType<MirrorParts['facts']>
  /** Throws `already_exists` where git tracks files at a place. */
  readonly assertFree: (worktree: string, dir: string) => Promise<void>
}

/** All mirrors of a project: the main one, and one for each linked worktree that asked for it. Together they are one. */
export interface Mirrors extends Mirror {
  list(): readonly MirrorInfo[]
  /**
   * Makes a mirror in a linked worktree; the main one has its own. Resolves when the files are there. Throws `usage`,
   * `already_exists`.
   */
  add(worktree: string): Promise<MirrorInfo>
  /** Takes the mirror of a linked worktree away: its files, but for what is not merged. */
  remove(worktree: string): Promise<{ readonly removed: number; readonly kept: readonly string[] }>
  /** Which mirror shows what, and how it names a path in problems. */
  each(): readonly { readonly dir: string; readonly nameOf: (path: string) => string }[]
}

interface Linked {
  readonly place: LinkedMirror
  readonly mirror: Mirror
  /** Resolves when its worktree is gone: nothing has to be waited for then. */
  readonly gone: Promise<void>
  readonly go: () => void
}

export function createMirrors(parts: MirrorsParts): Mirrors {
  const { db, dir, mainWorktree, commonDir, log } = parts
  const places = openMirrorPlaces(db)
  const main = createMirror({
    ...parts,
    disk: parts.around.disk(parts.diskAt(dir)),
    watch: parts.watchAt(dir),
    bases: parts.around.bases(openMirrorBases(db)),
    writtenLogs: openMirrorLogs(db),
    facts: () => parts.factsOf(dir),
  })
  const linked = new Map<string, Linked>()
  let started: (outcome: Promise<void>) => void = () => undefined
  let giveUp: (error: OrchError) => void = () => undefined
  const whenStarted = new Promise<void>((resolve, reject) => {
    started = resolve
    giveUp = reject
  })
  // Who waits for it is told; it may be nobody.
  whenStarted.catch(() => undefined)
  const all = (): readonly Mirror[] => [main, ...[...linked.values()].map(({ mirror }) => mirror)]

  /** A linked worktree stands as long as git's file is in it. */
  const stands = ({ worktree }: LinkedMirror): boolean => existsSync(join(worktree, '.git'))
  const nameIn =
    ({ worktree }: LinkedMirror) =>
    (path: string): string =>
      `${basename(worktree)}:${path}`

  const open = (place: LinkedMirror): Mirror => {
    const own = places.scope(place)
    const mirror = createMirror({
      ...parts,
      log: log.with({ worktree: place.worktree }),
      disk: onGround(parts.diskAt(place.dir), () => stands(place)),
      watch: parts.watchAt(place.dir),
      bases: openMirrorBases(own),
      writtenLogs: openMirrorLogs(own),
      facts: () => parts.factsOf(place.dir),
      nameOf: nameIn(place),
      stands: () => stands(place),
      onFallen: () => fall(place),
    })
    let go = (): void => undefined
    const gone = new Promise<void>((resolve) => {
      go = resolve
    })
    linked.set(place.worktree, { place, mirror, gone, go })
    return mirror
  }

  /** The worktree was removed: its mirror goes with it, no record does. */
  const fall = (place: LinkedMirror): void => {
    if (!linked.has(place.worktree)) return
    const held = linked.get(place.worktree)
    linked.delete(place.worktree)
    held?.go()
    log.info('a worktree is gone, and its mirror with it', { worktree: place.worktree })
    parts.attention.keep(
      {
        kind: 'mirror',
        key: 'gone',
        where: place.worktree,
        what: 'the worktree is gone: its folder of files is no longer kept; no record was deleted',
        fix: 'There is nothing to do. A new worktree gets one with `orch init` there.',
        forMs: GONE_MS,
      },
      parts.clock.now(),
    )
    main.refreshLocal()
    void held?.mirror
      .stop()
      .catch((error: unknown) => log.warn('a mirror did not stop', { error }))
      .then(() => places.drop(place))
      .catch((error: unknown) => log.error('a mirror could not be forgotten', { error }))
  }

  const syncEach = async (): Promise<void> => {
    await main.sync()
    for (const { place, mirror, gone } of [...linked.values()]) {
      try {
        await Promise.race([mirror.sync(), gone])
      } catch (error) {
        // Its worktree went meanwhile.
        if (linked.has(place.worktree)) throw error
      }
    }
  }

  const infoOf = ({ worktree, dir: at }: LinkedMirror): MirrorInfo => ({ dir: at, worktree, main: false })

  const start = async (): Promise<void> => {
    await main.start()
    for (const place of places.list()) {
      const mirror = open(place)
      if (stands(place)) await mirror.start()
      else fall(place)
    }
  }

  return {
    name: 'mirrors',
    start() {
      const outcome = start()
      started(outcome)
      return outcome
    },
    async stop() {
      giveUp(new OrchError('daemon_stopping'))
      await Promise.all(all().map((mirror) => mirror.stop()))
    },
    async sync() {
      // What one of them takes in, the others have to write.
      await syncEach()
      if (linked.size > 0) await syncEach()
    },
    problems: (): readonly Problem[] => all().flatMap((mirror) => mirror.problems()),
    abilities: () => main.abilities(),
    note(commit) {
      for (const mirror of all()) mirror.note(commit)
    },
    refreshLocal() {
      for (const mirror of all()) mirror.refreshLocal()
    },
    resume: (where) => all().some((mirror) => mirror.resume(where)),
    async restore(where) {
      for (const mirror of all()) {
        const kept = await mirror.restore(where)
        if (kept !== undefined) return kept
      }
      return undefined
    },
    list: () => [
      { dir, worktree: mainWorktree, main: true },
      ...[...linked.values()].map(({ place }) => infoOf(place)),
    ],
    async add(worktree) {
      await whenStarted
      const found = findRepository(worktree)
      const [tree, folder] = [found.worktree, relative(mainWorktree, dir)]
      if (found.commonDir !== commonDir || tree === undefined) {
        throw new OrchError('usage', { reason: `${worktree} is no worktree of this repository` })
      }
      if (!found.isLinked) {
        await main.sync()
        return { dir, worktree: tree, main: true }
      }
      if (folder.startsWith('..') || folder.startsWith(sep)) {
        throw new OrchError('usage', {
          reason: 'The files are outside the repository (mirror.dir): there is one folder for all',
        })
      }
      const known = linked.get(tree)
      if (known) return infoOf(known.place)
      const at = join(tree, folder)
      await parts.assertFree(tree, at)
      const place = places.add(tree, at)
      const mirror = open(place)
      await mirror.start()
      await Promise.race([mirror.sync(), linked.get(tree)?.gone])
      return infoOf(place)
    },
    async remove(worktree) {
      const tree = existsSync(worktree) ? (findRepository(worktree).worktree ?? worktree) : worktree
      const held = linked.get(tree)
      if (!held) throw new OrchError('usage', { reason: `There is no folder of files of orch in ${worktree}` })
      await held.mirror.sync()
      linked.delete(tree)
      await held.mirror.stop()
      const removal = removeFiles(openMirrorBases(places.scope(held.place)), held.place.dir)
      places.drop(held.place)
      return removal
    },
    each: () => [
      { dir, nameOf: (path) => path },
      ...[...linked.values()].map(({ place }) => ({ dir: place.dir, nameOf: nameIn(place) })),
    ],
  }
}

const GONE_MS = 24 * 60 * 60 * 1000

/** Writes nothing where a worktree was: that would make a part of it again. */
function onGround(disk: Disk, stands: () => boolean): Disk {
  const check = (): void => {
    if (!stands()) throw new Error('its worktree is gone')
  }
  return {
    ...disk,
    async makeDirectory(path) {
      check()
      await disk.makeDirectory(path)
    },
    async create(path, bytes, mode) {
      check()
      await disk.create(path, bytes, mode)
    },
    async link(from, to) {
      check()
      return await disk.link(from, to)
    },
  }
}
