import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { sha256 } from '../base/hash.ts'
import type { RecordId } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import { decodeFile, type FileStyle, sameText } from '../model/markdown.ts'
import type { Base, FileProblem, MirrorBases } from '../store/mirror-bases.ts'
import type { Disk, FileRead, Stamp } from './disk.ts'
import { FIGHT, type Fights } from './fights.ts'
import type { MergeIn } from './merge-in.ts'
import { type Place, placeOf, refKindOf } from './places.ts'
import type { Notices } from './problem.ts'
import type { NotYet } from './renamed.ts'
import { idIn, type Saved } from './saved.ts'
import { looksTorn, OPEN_TOLD_MS, type Quiet, type Settling, TORN_MS } from './settle.ts'

export interface TakeInParts {
  readonly kinds: Kinds
  readonly disk: Disk
  readonly bases: MirrorBases
  readonly clock: Clock
  readonly notices: Notices
  readonly quiet: Quiet
  readonly settling: Settling
  readonly fights: Fights
  readonly mergeIn: MergeIn
}

/**
 * - `wait`: not settled; look again after `ms`.
 * - `looked`: everything that can be done is done. While the file has this signature there is no need to look again; ''
 *   when that cannot be told, undefined when there is no base for it.
 */
export type Visit =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'absent' }
  | { readonly type: 'looked'; readonly signature: string | undefined }

/** A signature says nothing about changes within the resolution of the disk's clock, which is up to 2 s. */
const RACY_MS = 2000

/** How long apart it is asked, at most, whether a file is closed. */
const OPEN_ASK_MS = 250

/** How long apart it is asked whether an exchange has ended. */
const UNENDED_MS = 1000

/** Looks at one path and takes in what was saved there, once it is settled. Rejects when the change cannot be made durable. */
export type TakeIn = (path: string) => Promise<Visit>

const LF: FileStyle = { bom: false, eol: 'lf' }

export function createTakeIn({
  kinds,
  disk,
  bases,
  clock,
  notices,
  quiet,
  settling,
  fights,
  mergeIn,
}: TakeInParts): TakeIn {
  /** Since when a changed file has been found open for writing. */
  const openSince = new Map<string, number>()
  const begun = clock.monotonic()

  const forget = (path: string): void => {
    settling.forget(path)
    openSince.delete(path)
    notices.works(path)
  }

  /** How long to wait before asking again whether it is closed: nothing tells, and nobody may wait for long. */
  const untilClosed = (path: string): number => {
    const now = clock.monotonic()
    const since = openSince.get(path) ?? now
    openSince.set(path, since)
    if (now - since >= OPEN_TOLD_MS) {
      notices.failing({
        what: `a program has had it open for writing for ${Math.round((now - since) / 1000)} s; its changes wait`,
        where: path,
        fix: 'Close it in that program: then it is read. `mirror.tier: basic` in .orchrc reads files that are only quiet.',
      })
    }
    return Math.min(Math.max(quiet(true), (now - since) / 4), OPEN_ASK_MS)
  }

  const visit = async (path: string): Promise<Visit> => {
    const place = placeOf(kinds, path)
    if (!place) return { type: 'looked', signature: undefined }
    const found = await disk.read(path)
    if (found.type !== 'unreadable' && found.type !== 'file') notices.works(path)
    switch (found.type) {
      case 'absent':
        forget(path)
        return { type: 'absent' }
      case 'changing':
        return { type: 'wait', ms: quiet(undefined) }
      case 'unreadable':
        notices.failing({
          what: `cannot be read: ${found.reason}`,
          where: path,
          fix: 'Make it readable; nothing is lost, and it is not taken as deleted.',
        })
        return { type: 'looked', signature: undefined }
      case 'refused':
        leaveAlone(path, place, '', { reason: found.reason })
        return { type: 'looked', signature: '' }
      case 'file':
        return look(path, place, found)
    }
  }

  const look = async (path: string, place: Place, found: FileRead & { readonly type: 'file' }): Promise<Visit> => {
    const { isBeingWritten } = found
    const hash = sha256(found.bytes)
    const base = bases.get(path)
    if (fights.isOn(path, hash)) {
      leaveAlone(path, place, hash, { reason: FIGHT })
      return { type: 'looked', signature: '' }
    }
    const wasPaused = base?.problem?.reason === FIGHT
    if (base?.hash === hash && !wasPaused) {
      forget(path)
      return { type: 'looked', signature: trusted(found) }
    }
    if (isBeingWritten) return { type: 'wait', ms: untilClosed(path) }
    const decoded = decodeFile(found.bytes)
    const isTorn = decoded.ok ? base && looksTorn(base.text, decoded.text) : true
    const quietMs = quiet(isBeingWritten)
    const ms = settling.delay(path, found, isTorn ? Math.max(TORN_MS, quietMs) : quietMs)
    if (ms > 0) return { type: 'wait', ms }
    // What is there may be our own, written by an exchange that the disk did not let end, or which files its record has
    // may not be known before that has ended: the next scan ends it first.
    const id = base || !decoded.ok ? '' : idIn(decoded.text)
    const isUnended = bases.intents().some((intent) => intent.path === path || (id !== '' && intent.id === id))
    if (isUnended) return { type: 'wait', ms: UNENDED_MS }
    forget(path)
    if (!decoded.ok)
      leaveAlone(path, place, hash, { reason: decoded.reason, line: decoded.line, column: decoded.column })
    else {
      const ageMs = Math.max(0, Math.min(clock.now() - found.changedAt, clock.monotonic() - begun))
      const later = await take(place, base, { path, hash, text: decoded.text, style: decoded.style, ageMs })
      if (later) return { type: 'wait', ms: later.waitMs }
    }
    return { type: 'looked', signature: bases.get(path) && trusted(found) }
  }

  const trusted = ({ signature, changedAt }: Stamp): string => (clock.now() - changedAt > RACY_MS ? signature : '')

  /** Notes that a file is broken and touches nothing [M7]; the base stays what is merged. */
  const leaveAlone = (path: string, place: Place, hash: string, problem: FileProblem): void => {
    const base = bases.get(path)
    if (base?.problem?.reason === problem.reason && base.hash === hash) return
    bases.put({ ...(base ?? { path, kind: refKindOf(place), id: '', text: '', style: LF }), hash, problem })
  }

  const take = async (place: Place, base: Base | undefined, saved: Saved): Promise<NotYet | undefined> => {
    const isBlank = saved.text.trim() === ''
    // Somebody has made the file and is about to write it.
    if (isBlank && !base) return undefined
    if (!isBlank && base && !base.problem && sameText(base.text, saved.text)) {
      bases.put({ ...base, text: saved.text, hash: saved.hash, style: saved.style })
      return undefined
    }
    const problem = await problemOf(place, base, saved)
    if (problem && 'waitMs' in problem) return problem
    if (problem) leaveAlone(saved.path, place, saved.hash, problem)
    return undefined
  }

  const problemOf = async (
    place: Place,
    base: Base | undefined,
    saved: Saved,
  ): Promise<FileProblem | NotYet | undefined> => {
    if (base && fights.changed(saved.path, saved.hash, 'others')) return { reason: FIGHT }
    return saved.text.trim() === '' ? { reason: 'is empty', line: 1, column: 1 } : merge(place, base, saved)
  }

  const merge = async (
    place: Place,
    base: Base | undefined,
    saved: Saved,
  ): Promise<FileProblem | NotYet | undefined> => {
    try {
      if (place.type === 'board') return await mergeIn.board(base, saved)
      if (place.type === 'keys') return await mergeIn.keys(place.kind, base, saved)
      if (base && base.id !== '') return await mergeIn.record(place.kind, base.id as RecordId, base, saved)
      return await mergeIn.newcomer(place.kind, place.file, saved)
    } catch (error) {
      // A refusal of what the file says is the writer's to mend; anything else is tried again.
      if (!(error instanceof OrchError) || error.code === 'storage_failed') throw error
      return { reason: error.message }
    }
  }

  return visit
}
