import type { Clock } from '../../base/clock.ts'
import { createTurns } from '../../base/turns.ts'
import type { RecordId } from '../../model/id.ts'
import type { LogEntry } from '../../model/log.ts'
import type { Changed } from '../../store/change-feed.ts'
import type { KeyedValue, Project, StoredRecord } from '../../store/project.ts'
import type { Vector } from '../../store/row.ts'

/** Everything that a project says, as it was at one moment: the rows of `have` and no others. */
export interface Content {
  readonly have: Vector
  /** By kind's name, in the order of its declaration; deleted records too. In the order of ids. */
  readonly records: ReadonlyMap<string, readonly StoredRecord[]>
  readonly keys: ReadonlyMap<string, readonly KeyedValue[]>
  /** The oldest first. */
  readonly log: readonly LogEntry[]
}

export interface ReadParts {
  readonly project: Project
  readonly clock: Pick<Clock, 'monotonic'>
  readonly progress: (done: number, total: number, what: string) => void
}

const PAGE = 500

/**
 * Reads all of a project in slices. What others write meanwhile is read again, until nothing was written since: so it is
 * one moment, and nobody waits for it.
 */
export async function readContent({ project, clock, progress }: ReadParts): Promise<Content> {
  const { kinds } = project
  const turns = createTurns(clock)
  const records = new Map(kinds.records.map(({ name }) => [name, new Map<string, StoredRecord>()]))
  const log = new Map<string, LogEntry>()
  let have = project.have()

  const readOne = (kindName: string, id: string): void => {
    const kind = kinds.record(kindName)
    const record = kind && project.read(kind, id as RecordId)
    if (record) records.get(kindName)?.set(id, record)
    const entry = kindName === kinds.log.name ? project.readLog(id as RecordId) : undefined
    if (entry) log.set(id, entry)
  }
  for (const kind of kinds.records) {
    const ids = project.ids(kind, { deleted: true })
    for (const [done, id] of ids.entries()) {
      readOne(kind.name, id)
      if (!turns.isOver()) continue
      progress(done, ids.length, `reading ${kind.plural}`)
      await turns.next()
    }
  }
  for (const day of project.logDays()) {
    for (let page = project.logOfDay(day, PAGE); page.length > 0; page = project.logOfDay(day, PAGE, page.at(-1))) {
      for (const entry of page) log.set(entry.id, entry)
      if (turns.isOver()) await turns.next()
    }
  }
  for (;;) {
    const page = project.changedSince(have, { limit: PAGE })
    for (const { kind, id } of page.items as readonly Changed[]) readOne(kind, id)
    have = page.upto
    if (page.items.length === 0 && !page.more) break
    if (turns.isOver()) await turns.next()
  }
  // From here on nothing waits: this is the moment.
  return {
    have,
    records: new Map([...records].map(([name, found]) => [name, [...found.values()].sort(byId)])),
    keys: new Map(
      kinds.keyed.map(({ name }) => [
        name,
        [...project.readKeys(name).values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
      ]),
    ),
    log: [...log.values()].sort((a, b) => (a.at === b.at ? byId(a, b) : a.at < b.at ? -1 : 1)),
  }
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}
