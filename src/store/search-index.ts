import { must } from '../base/assert.ts'
import { shortHash } from '../base/hash.ts'
import { entriesField, entriesOf } from '../model/comments.ts'
import type { RecordKind, Values } from '../model/kind.ts'
import type { LogEntry } from '../model/log.ts'
import { indexedText } from '../model/search-words.ts'
import type { Database } from './database.ts'

/** How SQLite takes texts apart: words without case and accents. */
export const TOKENIZER = 'unicode61 remove_diacritics 2'

/**
 * The tables of the full text search. The texts themselves are not kept a second time: what is found names a record, and
 * the record is read.
 */
export const SEARCH_TABLES = [
  'CREATE TABLE search_docs (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, deleted INTEGER NOT NULL, hash TEXT NOT NULL)',
  'CREATE INDEX search_docs_deleted ON search_docs (deleted) WHERE deleted = 1',
  // Raised, when what is put in changes, together with INDEX_FORMAT.
  `CREATE VIRTUAL TABLE search_text USING fts5 (title, body, said, content = '', contentless_delete = 1, tokenize = "${TOKENIZER}", prefix = '2 3')`,
] as const

/** What is searched of one record or entry. */
interface Texts {
  readonly title: string
  readonly body: string
  /** What was said about it, and the other texts of its fields. */
  readonly said: string
}

export interface SearchIndex {
  /** Takes what a record says now, and returns its number. Deleted ones stay to be found among the deleted. */
  put(kind: RecordKind, id: string, values: Values, isDeleted: boolean): number
  putEntry(entry: LogEntry): void
}

export function createSearchIndex(db: Database): SearchIndex {
  const put = (kind: string, id: string, texts: Texts, isDeleted: boolean): number => {
    const hash = shortHash(JSON.stringify(texts))
    const known = db.get<{ n: number; hash: string }>('SELECT n, hash FROM search_docs WHERE id = ?', id)
    const { n } = must(
      db.get<{ n: number }>(
        `INSERT INTO search_docs (id, kind, deleted, hash) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, deleted = excluded.deleted, hash = excluded.hash RETURNING n`,
        id,
        kind,
        isDeleted ? 1 : 0,
        hash,
      ),
      'RETURNING returns',
    )
    // Most changes are of a status or the like.
    if (known?.hash === hash) return n
    if (known) db.run('DELETE FROM search_text WHERE rowid = ?', known.n)
    // Values and no select: for each of those FTS5 would write out what it has gathered, where a savepoint is open.
    db.run(
      'INSERT INTO search_text (rowid, title, body, said) VALUES (?, ?, ?, ?)',
      n,
      indexedText(texts.title),
      indexedText(texts.body),
      indexedText(texts.said),
    )
    return n
  }
  return {
    put: (kind, id, values, isDeleted) => put(kind.name, id, textsOfRecord(kind, values), isDeleted),
    putEntry: (entry) => void put('log', entry.id, textsOfEntry(entry), false),
  }
}

/** The texts of a record: its title, its body, and what else people wrote into it. */
export function textsOfRecord(kind: RecordKind, values: Values): Texts {
  return {
    title: String(values[kind.title] ?? ''),
    body: String(values[kind.body] ?? ''),
    said: saidIn(kind, values),
  }
}

/** What was said about a record: its comments, and the other texts of its fields. */
export function saidIn(kind: RecordKind, values: Values): string {
  const { comments, others } = saidFields(kind)
  const said = comments === undefined ? [] : entriesOf(values[comments]).map(({ text }) => text)
  for (const name of others) {
    const found = values[name]
    if (Array.isArray(found)) said.push(...found.filter((one) => typeof one === 'string'))
    else if (typeof found === 'string') said.push(found)
  }
  return said.join('\n')
}

interface SaidFields {
  readonly comments: string | undefined
  readonly others: readonly string[]
  readonly all: readonly string[]
}

const saidFieldsOf = new WeakMap<RecordKind, SaidFields>()

/** The fields, beside title and body, into which people write words. */
export function saidFields(kind: RecordKind): SaidFields {
  const known = saidFieldsOf.get(kind)
  if (known) return known
  const comments = entriesField(kind)
  const others = Object.entries(kind.fields).flatMap(([name, { merge, value, readonly }]) => {
    const isOther = name !== kind.title && name !== kind.body && !readonly && merge !== 'entries'
    const isText = merge === 'set' || value.type === 'text' || value.type === 'json'
    return isOther && isText && value.type !== 'choice' && value.type !== 'ref' ? [name] : []
  })
  const fields = { comments, others, all: [...(comments === undefined ? [] : [comments]), ...others] }
  saidFieldsOf.set(kind, fields)
  return fields
}

export function textsOfEntry({ action, details }: Pick<LogEntry, 'action' | 'details'>): Texts {
  return { title: action, body: details === null ? '' : JSON.stringify(details), said: '' }
}
