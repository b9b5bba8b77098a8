import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { Actor } from '../model/actor.ts'
import type { Happened } from '../model/attention.ts'
import { isRecordId, type RecordId } from '../model/id.ts'
import { renderRecord, sameText } from '../model/markdown.ts'
import { recordHash } from '../model/record.ts'
import type { Base, MirrorBases } from '../store/mirror-bases.ts'
import type { Project } from '../store/project.ts'
import { placeOf, type Ref } from './places.ts'
import type { Notices } from './problem.ts'
import { DELETE, type HeldDeletes } from './ways.ts'

/** How long a file must be gone before that means something: programs remove and make again when they save. */
export const GONE_MS = 1000
/** More than this many files within this time, and more than this part of all, is an accident. */
const MANY = 10
const MANY_PART = 0.2
const MANY_MS = 10_000
/** How long apart it is asked, at least, whether the new files have settled. */
const UNSETTLED_MS = 250

const WHOLE_DIRECTORY: Happened = {
  kind: 'held_deletes',
  key: 'directory',
  what: 'the directory was gone: all files are there again',
  where: '.',
  fix: 'There is nothing to do. To be rid of the files, a person uninstalls orch from this repository.',
}

export interface VanishedParts {
  readonly project: Project
  readonly bases: MirrorBases
  readonly clock: Clock
  readonly notices: Notices
  readonly fileActor: () => Actor
  readonly onTaken: (ref: Ref) => void
}

/** Decides what it means that files are gone [M8]: absence is not deletion. */
export interface Vanished {
  /**
   * Takes what the last scan did not find, of `total` files, and decides what has been gone long enough. `isGone`: the
   * whole directory is. `isUnsettled`: new files are still being written, or cannot be taken in, one of which may be the
   * renamed one.
   */
  update(
    missing: readonly string[],
    facts: { readonly total: number; readonly isGone: boolean; readonly isUnsettled: boolean },
  ): Promise<void>
  /** When the next decision is due, in milliseconds from now; undefined when nothing is gone. */
  due(): number | undefined
}

export function createVanished({ project, bases, clock, notices, fileActor, onTaken }: VanishedParts): Vanished {
  let since = new Map<string, number>()
  /** Nothing is decided before. */
  let notBefore = 0
  /** When files were last taken as deleted. */
  let taken: readonly number[] = []

  /** Writes the file again: the record is as it was. */
  const bringBack = (base: Base): void => {
    bases.drop(base.path)
    onTaken(base)
  }

  const decide = async (base: Base): Promise<void> => {
    const place = placeOf(project.kinds, base.path)
    if (base.id === '' && place?.type === 'record') return bases.drop(base.path)
    if (place?.type !== 'record') return bringBack(base)
    const id = base.id as RecordId
    const record = project.read(place.kind, id)
    if (!record || record.deletedAt !== undefined) return bases.drop(base.path)
    // A second file of a record that is moving.
    if (project.pathOf(place.kind, id) !== base.path) return bringBack(base)
    if (!sameText(renderRecord(place.kind, record), base.text)) {
      return bases.atomically(() => {
        bringBack(base)
        notices.happened({
          kind: 'kept_record',
          record: id,
          what: 'was removed while it was being changed: it is there again',
          where: base.path,
          fix: 'Read the change, and delete it again if you meant to.',
        })
      })
    }
    try {
      await project.transact(
        { source: 'file', actor: fileActor(), path: base.path },
        (tx) => tx.delete(place.kind, id),
        { also: () => bases.drop(base.path) },
      )
      taken = [...taken, clock.monotonic()]
    } catch (error) {
      // Deleted by somebody else in this moment.
      if (!(error instanceof OrchError && error.code === 'record_deleted')) throw error
      bases.drop(base.path)
    }
  }

  /** Nobody knows whether they were meant to go: the records stay, and a person decides. */
  const held = (missing: readonly string[], gone: readonly Base[]): Happened => {
    const records = gone.flatMap(({ path, id }) => {
      const place = placeOf(project.kinds, path)
      const record = place?.type === 'record' && isRecordId(id) ? project.read(place.kind, id) : undefined
      return record ? [{ kind: record.kind, id: record.id, hash: recordHash(record) }] : []
    })
    return {
      kind: 'held_deletes',
      key: [...missing].sort().join('\n'),
      what: `${missing.length} files were gone at once: they are there again, and no record was deleted`,
      where: '.',
      why: `More than ${MANY} files, and more than a fifth of them, went within ten seconds: that may be an accident.`,
      fix: 'If they were meant to go, a person says so at a terminal; else there is nothing to do. A few files at a time are deleted without a question.',
      ways: [DELETE],
      data: records satisfies HeldDeletes,
    }
  }

  return {
    async update(missing, { total, isGone, isUnsettled }) {
      const now = clock.monotonic()
      since = new Map(missing.map((path) => [path, since.get(path) ?? now]))
      const due = [...since].filter(([, at]) => isGone || now - at >= GONE_MS).map(([path]) => path)
      if (due.length === 0) return
      if (isUnsettled && !isGone) {
        notBefore = now + UNSETTLED_MS
        return
      }
      taken = taken.filter((at) => now - at < MANY_MS)
      const isMany = missing.length + taken.length > Math.max(MANY, (total + taken.length) * MANY_PART)
      const gone = (isMany || isGone ? missing : due).flatMap((path) => bases.get(path) ?? [])
      for (const path of isMany || isGone ? missing : due) since.delete(path)
      if (!isMany && !isGone) {
        for (const base of gone) await decide(base)
        return
      }
      bases.atomically(() => {
        for (const base of gone) bringBack(base)
        notices.happened(isGone ? WHOLE_DIRECTORY : held(missing, gone))
      })
    },
    due() {
      if (since.size === 0) return undefined
      return Math.max(0, Math.max(Math.min(...since.values()) + GONE_MS, notBefore) - clock.monotonic())
    },
  }
}
