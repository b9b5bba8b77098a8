import { OrchError } from '../base/error.ts'
import { type CheckEntry, type LogAdditions, readLogUpdate, writeLogUpdate } from '../doc/log-update.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { ClientEntry } from '../doc/project-doc.ts'
import { checkLogEntry, type LogEntry, logDocOf, logValues } from '../model/log.ts'
import type { Clients } from './clients.ts'
import { type Outcome, refusalOf } from './intake.ts'
import type { Journal } from './journal.ts'
import type { LogIndex } from './log-index.ts'
import type { BeginRows, OwnRows } from './own-rows.ts'
import type { RowHead, Taken } from './project.ts'
import type { Row } from './row.ts'

export interface LogRowsParts {
  readonly journal: Pick<Journal, 'append'>
  readonly logs: LogIndex
  readonly clients: Pick<Clients, 'of'>
  readonly beginRows: BeginRows
  /** Hears what each row added to the work log, inside its SQL transaction. */
  readonly noteEntries: (row: RowHead, entries: readonly LogEntry[]) => void
}

/** What is added to the documents of the months of the work log. All of it inside the transaction of a job. */
export interface LogRows {
  /** Adds entries to the documents of their months: a row for each. */
  write(
    byDoc: ReadonlyMap<string, readonly LogEntry[]>,
    author: ClientEntry,
    rows: Pick<OwnRows, 'make'>,
  ): readonly LogEntry[]
  /** Takes the entries that a client adds to a month. */
  takeUpdate(doc: string, update: Uint8Array, origin: WriteOrigin): Outcome
  /** Takes a row of another replica; an error says why not. */
  takeRow(row: Row): readonly LogEntry[] | OrchError
}

export function createLogRows({ journal, logs, clients, beginRows, noteEntries }: LogRowsParts): LogRows {
  /** Appends the row of what was added and shows it in the index. */
  const record = (row: Row, additions: LogAdditions): readonly LogEntry[] => {
    journal.append(row)
    const entries = logs.add(row.doc, additions)
    noteEntries(row, entries)
    return entries
  }

  const read = (doc: string, update: Uint8Array, check?: CheckEntry): LogAdditions | OrchError => {
    const found = readLogUpdate(update, (client) => logs.clock(doc, client), check)
    return found.type === 'added' ? found.additions : refusalOf(found.verdict, update)
  }

  return {
    write(byDoc, author, rows) {
      if (byDoc.size === 0) return []
      const client = clients.of(author.actor)
      return [...byDoc].flatMap(([doc, added]) => {
        const pairs = added.map((entry) => [entry.id, logValues(entry)] as const)
        const update = writeLogUpdate(client, logs.clock(doc, client), author, pairs)
        const additions = read(doc, update)
        if (additions instanceof OrchError) throw additions
        return record(rows.make(doc, update), additions)
      })
    },
    takeUpdate(doc, update, origin) {
      const additions = read(doc, update, clientCheck(doc, origin.actor.name))
      if (additions instanceof OrchError) return { refusal: additions, commits: [] }
      const value: Taken = 'applied'
      if (additions.clocks.size === 0) return { value, commits: [] }
      const row = beginRows(origin).make(doc, update)
      return { value, commits: [{ rows: [row], changes: [], entries: record(row, additions), origin }] }
    },
    takeRow(row) {
      const additions = read(row.doc, row.update)
      return additions instanceof OrchError ? additions : record(row, additions)
    },
  }
}

/** A client writes in its own name, and into the month it is in. */
function clientCheck(doc: string, actor: string): CheckEntry {
  return (id, value) => {
    const reason = checkLogEntry(id, value)
    if (reason !== undefined) return reason
    const entry = value as LogEntry
    if (entry.actor !== actor) return `the entry ${id} is in the name of ${entry.actor}, not of ${actor}`
    return logDocOf(entry.at) === doc ? undefined : `the entry ${id} belongs to ${logDocOf(entry.at)}`
  }
}
