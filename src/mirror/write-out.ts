import type { Clock } from '../base/clock.ts'
import { sha256 } from '../base/hash.ts'
import type { Logger } from '../base/log.ts'
import { createTurns, nextTurn } from '../base/turns.ts'
import type { Random } from '../model/id.ts'
import { decodeFile, encodeFile } from '../model/markdown.ts'
import type { Intent, MirrorBases } from '../store/mirror-bases.ts'
import type { Project } from '../store/project.ts'
import type { Disk } from './disk.ts'
import { eachOf, firstOf } from './each-of.ts'
import { isOpenInEditor } from './editor-locks.ts'
import { diskReason } from './errno.ts'
import { BOARD_REF, type Ref } from './places.ts'
import type { Notices } from './problem.ts'
import { displacedPath, exchange, type Recovered, recoverExchange } from './replace.ts'
import { createResting } from './resting.ts'
import { createSecondNames } from './second-names.ts'
import { unknownFiles } from './unknown-files.ts'
import { createWritePlan } from './write-plan.ts'

/** How long a displaced file is kept: programs that still have it open may write to it. */
export const DISPLACED_MS = 10_000
/**
 * Files that share one commit of intents and one of bases. What is noted of an exchange before it is made is on disk by
 * then, which is waited for aside. What is noted after it need not be: a power cut that takes it back leaves what a crash
 * right after the exchange would, and it is ended from its intent. What was displaced is dropped only when that is on disk.
 */
const BATCH = 32
/** Records that are marked in a turn. */
const MARKS_PER_TURN = 1000
const WIDTH = 8
/** How long apart it is asked whether a file that shall be written is closed. */
const BUSY_MS = 100
/** What the disk refuses to write is another matter than what cannot be read there. */
const UNWRITABLE = 'unwritable'
/** What to do when something cannot be written. */
export const WRITABLE = 'Make room, or make it writable. It is tried again by itself.'

export interface WriteOutParts {
  readonly project: Project
  readonly disk: Disk
  readonly bases: MirrorBases
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly notices: Notices
  /** Somebody saved there: it must be taken in before it can be written. */
  readonly onChanged: (path: string) => void
  /** A file was made, replaced or removed by us; the hash of what it holds now. */
  readonly onWritten: (path: string, hash: string | undefined) => void
  /** A save was set aside and must be taken in. */
  readonly onDisplaced: () => void
  /** What had to wait, because a program had the file open or the disk refused it, can be tried again. */
  readonly onFree: () => void
  /** Whether the disk exchanges files in one step. */
  readonly exchanges: () => boolean
}

/** Brings the document to disk: only files whose rendering differs from their base, only over bytes that are merged. */
export interface WriteOut {
  mark(ref: Ref): void
  /** Marks everything that has, or should have, a file. */
  markAll(): Promise<void>
  /** Whether something waits for a program to close its file. */
  isWaiting(): boolean
  /** Writes some of what is marked; resolves with whether there is more. */
  step(): Promise<boolean>
  /** What the disk refused is tried again with the next step. */
  retry(): void
  /** Marks what could not be written because of what stood at a path; without one, all of it. */
  unblock(path?: string): void
  /** Ends exchanges that were cut short, by a crash or a failing disk. Resolves with the paths where it cannot yet. */
  recover(): Promise<ReadonlySet<string>>
}

export function createWriteOut(parts: WriteOutParts): WriteOut {
  const { project, disk, bases, clock, log, notices } = parts
  const marked = new Map<string, Ref>()
  const blocked = new Map<string, Ref>()
  /** What waits for a program to close its file, by path. */
  const busy = new Map<string, Ref>()
  let isAsking = false
  const plan = createWritePlan(parts)
  const secondNames = createSecondNames(disk)

  const resting = createResting(clock, (ref) => {
    mark(ref)
    parts.onFree()
  })

  const mark = (ref: Ref): void => {
    marked.set(`${ref.kind}/${ref.id}`, ref)
  }

  /** Paths with an exchange that could not be ended: nothing is known of what is there until it is. */
  const unended = (): ReadonlySet<string> => new Set(bases.intents().map(({ path }) => path))

  const writeBatch = async (intents: readonly Intent[]): Promise<void> => {
    const ready: { readonly intent: Intent; readonly mode: number | undefined }[] = []
    const stuck = unended()
    await eachOf(intents, WIDTH, async (intent) => {
      if (intent.from !== undefined) await noteOpen(intent.path)
      const found = await disk.read(intent.path)
      const hash = found.type === 'file' ? sha256(found.bytes) : undefined
      const isFree = (found.type === 'file' || found.type === 'absent') && !stuck.has(intent.path)
      const isBusy = found.type === 'file' && found.isBeingWritten === true
      if (isFree && hash === intent.from && isBusy) wait(intent)
      else if (isFree && hash === intent.from)
        ready.push({ intent, mode: found.type === 'file' ? found.mode : undefined })
      else block(intent)
    })
    if (ready.length === 0) return
    await begin(ready.map(({ intent }) => intent))
    const outcomes: { readonly intent: Intent; readonly outcome: Recovered }[] = []
    await eachOf(ready, WIDTH, async ({ intent, mode }) => {
      outcomes.push({ intent, outcome: await attempt(intent, mode) })
    })
    await finish(outcomes)
  }

  const begin = async (intents: readonly Intent[]): Promise<void> => {
    bases.begin(intents)
    try {
      await bases.synced()
      await secondNames.remove()
    } catch (error) {
      // Nothing was done to the files. Should this fail, too, each exchange is found not begun.
      bases.relaxed(() => {
        for (const { name } of intents) bases.end(name)
      })
      throw error
    }
  }

  /** Remembers since when an editor has had a file open over our writing. */
  const noteOpen = async (path: string): Promise<void> => {
    const isOpen = await isOpenInEditor(disk, path)
    const isNoted = bases.openSince(path) !== undefined
    if (isOpen !== isNoted) bases.noteOpen(path, isOpen ? clock.now() : undefined)
  }

  const block = (intent: Intent): void => {
    blocked.set(intent.path, intent)
    parts.onChanged(intent.path)
  }

  /** A program has the file open and has not written yet: what it writes must find its file in its place. */
  const wait = (intent: Intent): void => {
    busy.set(intent.path, intent)
    if (isAsking) return
    isAsking = true
    clock.after(BUSY_MS, () => {
      isAsking = false
      for (const ref of busy.values()) mark(ref)
      busy.clear()
      parts.onFree()
    })
  }

  const attempt = (intent: Intent, mode: number | undefined): Promise<Recovered> => {
    const bytes = intent.to === undefined ? undefined : encodeFile(intent.toText, intent.style)
    const options = { inOneStep: parts.exchanges(), mode, onLeft: secondNames.add }
    return orUnknown(intent, exchange(disk, intent, bytes, options))
  }

  const works = (ref: Ref): void => {
    for (const path of resting.settle(ref)) notices.works(path, UNWRITABLE)
  }

  /** The disk may refuse a step: then the intent stays until the exchange can be ended. */
  const orUnknown = async (intent: Intent, outcome: Promise<Recovered>): Promise<Recovered> => {
    try {
      return await outcome
    } catch (error) {
      log.warn('a file could not be written', { path: intent.path, error })
      resting.refuse(intent, intent.path)
      notices.failing({
        key: UNWRITABLE,
        what: `cannot be written: ${diskReason(error)}`,
        where: intent.path,
        fix: WRITABLE,
      })
      return 'unknown'
    }
  }

  const finish = async (
    outcomes: readonly { readonly intent: Intent; readonly outcome: Recovered }[],
  ): Promise<void> => {
    const aside = new Map<Intent, string>()
    for (const { intent, outcome } of outcomes) {
      if (outcome === 'displaced' || outcome === 'crossed') aside.set(intent, await textAside(intent))
    }
    bases.relaxed(() => {
      for (const { intent, outcome } of outcomes) {
        settle(intent, outcome)
        // Whoever saves next, or has already, may have loaded the one that was set aside.
        const text = aside.get(intent)
        if (text) bases.addVersion(intent.path, { text, next: '', replacedAt: clock.now() })
      }
    })
    for (const { intent, outcome } of outcomes) {
      if (outcome === 'unknown') continue
      if (intent.from === undefined) secondNames.addOf(intent.name)
      if (outcome !== 'done' && outcome !== 'changed') parts.onDisplaced()
      if (outcome !== 'done' && outcome !== 'crossed') {
        block(intent)
        continue
      }
      works(intent)
      parts.onWritten(intent.path, intent.to)
      // What was changed since is marked. Of what is written there may be another file, which goes next.
      const isAll = intent.to !== undefined && bases.pathsOf(intent.kind, intent.id).length === 1
      if (!isAll) mark(intent)
      // A name that became free may be the one that another record asks for.
      const next = intent.to === undefined ? project.recordAt(intent.path) : undefined
      if (next) mark({ kind: next.kind.name, id: next.id })
    }
  }

  /** There is no next batch for now, with which they would go. */
  const end = async (): Promise<void> => {
    if (secondNames.isEmpty()) return
    await bases.synced()
    await secondNames.remove()
  }

  const textAside = async ({ name }: Intent): Promise<string> => {
    const found = await disk.read(displacedPath(name))
    const decoded = found.type === 'file' ? decodeFile(found.bytes) : undefined
    return decoded?.ok ? decoded.text : ''
  }

  /** Whether a file that is not known may be this one, renamed. */
  const hasMoved = async ({ path, kind, id }: Intent): Promise<boolean> => {
    if (id === '') return false
    // It may as well be another file of that record, which somebody renamed while the record moves here.
    if (bases.pathsOf(kind, id).some((one) => one !== path)) return false
    for await (const _ of unknownFiles({ disk, bases }, [path], id)) return true
    return false
  }

  const settle = (intent: Intent, outcome: Recovered): void => {
    const { name, path, kind, id, from, to, fromText, toText, style } = intent
    const now = clock.now()
    if (outcome === 'unknown') return
    bases.end(name)
    // It may be what the other file was made from.
    if (outcome === 'unclear') bases.addVersion(path, { text: toText, next: '', replacedAt: now })
    // What was set aside was made from this or something before.
    if (outcome === 'displaced') bases.addVersion(path, { text: fromText, next: '', replacedAt: now })
    const isDone = outcome === 'done' || outcome === 'crossed' || outcome === 'overtaken'
    if (outcome !== 'changed' && from !== undefined) {
      const until = outcome === 'displaced' || outcome === 'crossed' ? now : now + DISPLACED_MS
      bases.keep({ name, path, kind, id, hash: from, text: fromText, until })
    }
    if (!isDone) return
    if (from !== undefined) bases.addVersion(path, { text: fromText, next: toText, replacedAt: now })
    if (to === undefined) bases.drop(path)
    else bases.put({ path, kind, id, text: toText, hash: to, style, problem: undefined })
  }

  return {
    mark,
    async markAll() {
      mark(BOARD_REF)
      for (const kind of project.kinds.keyed) mark({ kind: kind.name, id: '' })
      for (const kind of project.kinds.records) {
        for (let after = '', size = MARKS_PER_TURN; size === MARKS_PER_TURN; ) {
          const page = project.ids(kind, { deleted: true, after, limit: MARKS_PER_TURN })
          for (const id of page) mark({ kind: kind.name, id })
          after = page.at(-1) ?? ''
          size = page.length
          await nextTurn()
        }
      }
    },
    isWaiting: () => busy.size > 0,
    retry: () => resting.wake(),
    async step() {
      const batch = firstOf(marked, BATCH)
      for (const [key] of batch) marked.delete(key)
      try {
        const intents: Intent[] = []
        const slices = createTurns(clock)
        for (const [, ref] of batch) {
          if (resting.rests(ref)) continue
          // Of all there is, and long enough for a slice.
          if (ref.kind === BOARD_REF.kind) await slices.next()
          const intent = plan(ref)
          if (intent) intents.push(intent)
          else works(ref)
          if (slices.isOver()) await slices.next()
        }
        if (intents.length > 0) await writeBatch(intents)
      } catch (error) {
        // The database refused: nothing else would ever mark them again.
        for (const [, ref] of batch) mark(ref)
        throw error
      }
      await nextTurn()
      if (marked.size > 0) return true
      await end()
      return marked.size > 0
    },
    unblock(path) {
      for (const [at, ref] of blocked) {
        if (path !== undefined && at !== path) continue
        blocked.delete(at)
        mark(ref)
      }
    },
    async recover() {
      for (const intent of bases.intents()) {
        const outcome = recoverExchange(disk, intent, () => hasMoved(intent))
        await finish([{ intent, outcome: await orUnknown(intent, outcome) }])
        mark(intent)
      }
      await end()
      return unended()
    },
  }
}
