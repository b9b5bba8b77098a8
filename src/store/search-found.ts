import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Term } from '../model/search-words.ts'
import type { Database } from './database.ts'
import { logEntryOf, type SqlEntry } from './log-index.ts'
import type { Found } from './project.ts'
import { type SqlRecord, someFromSql } from './record-index.ts'
import { saidFields, saidIn, textsOfEntry } from './search-index.ts'

/** How much is shown before a word and from it on, in UTF-16 code units: so that it is seen where there is little room. */
const [BEFORE, AFTER] = [24, 120]

/**
 * What was found, as it is shown and in its order. Of each kind all are read at once, and of a record nothing but its texts;
 * those after the first that holds a word are not even looked at.
 */
export function shownHits(
  db: Database,
  kinds: Kinds,
  hits: readonly { readonly id: RecordId; readonly kind: string }[],
  terms: readonly Term[],
): readonly Found[] {
  const needles = terms.map(({ text, words }) => [text.toLowerCase(), (words[0] ?? text).toLowerCase()])
  const shown = new Map<string, Found>()
  for (const kind of new Set(hits.map((hit) => hit.kind))) {
    const ids = JSON.stringify(hits.filter((hit) => hit.kind === kind).map(({ id }) => id))
    for (const { id, title, others } of textsOf(db, kinds, kind, ids)) {
      shown.set(id, { kind, id, title: title.text, ...placeOf(title, others, needles) })
    }
  }
  return hits.flatMap(({ id }) => shown.get(id) ?? [])
}

interface Texts {
  readonly id: RecordId
  readonly title: Place
  /** In the order in which they are looked at. */
  readonly others: Iterable<Place>
}

interface Place {
  /** The field. */
  readonly name: string
  readonly text: string
}

const AMONG = 'WHERE id IN (SELECT value FROM json_each(?))'

function textsOf(db: Database, kinds: Kinds, kindName: string, ids: string): readonly Texts[] {
  if (kindName === 'log') {
    return db.all<SqlEntry>(`SELECT * FROM ${kinds.log.table} ${AMONG}`, ids).map((row) => {
      const { title, body } = textsOfEntry(logEntryOf(row))
      const others = [{ name: 'details', text: body }]
      return { id: row.id as RecordId, title: { name: 'action', text: title }, others }
    })
  }
  const kind = kinds.record(kindName)
  if (!kind) return []
  const columns = [...new Set(['id', kind.title, kind.body, ...saidFields(kind).all])]
    .map((name) => `"${name}"`)
    .join(', ')
  return db.all<SqlRecord>(`SELECT ${columns} FROM ${kind.table} ${AMONG}`, ids).map((row) => ({
    id: String(row.id) as RecordId,
    title: { name: kind.title, text: String(row[kind.title] ?? '') },
    others: othersOf(kind, row),
  }))
}

function* othersOf(kind: RecordKind, row: SqlRecord): Generator<Place> {
  yield { name: kind.body, text: String(row[kind.body] ?? '') }
  const { comments, all } = saidFields(kind)
  yield { name: comments ?? 'fields', text: saidIn(kind, someFromSql(kind, row, all)) }
}

/** Where the first of the words is, and what stands around it; of a title nothing, it is shown anyway. */
function placeOf(
  title: Place,
  others: Iterable<Place>,
  needles: readonly (readonly string[])[],
): Pick<Found, 'where' | 'snippet'> {
  if (indexOf(title.text, needles) >= 0) return { where: title.name, snippet: '' }
  for (const { name, text } of others) {
    const at = indexOf(text, needles)
    if (at >= 0) return { where: name, snippet: snippetOf(text, at) }
  }
  return { where: 'id', snippet: '' }
}

/** Where the first word begins: as it was typed or, where it is not so in the text, its first piece. */
function indexOf(text: string, needles: readonly (readonly string[])[]): number {
  const lower = text.toLowerCase()
  let first = -1
  for (const [typed = '', piece = ''] of needles) {
    const whole = lower.indexOf(typed)
    const at = whole >= 0 ? whole : lower.indexOf(piece)
    if (at >= 0 && (first < 0 || at < first)) first = at
  }
  return first
}

function snippetOf(text: string, at: number): string {
  const [start, end] = [Math.max(0, at - BEFORE), at + AFTER]
  // Half a character at either end is none.
  const piece = text.slice(start, end).replace(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g, '')
  const shown = piece.replace(/\s+/g, ' ').trim()
  return `${start > 0 ? '…' : ''}${shown}${end < text.length ? '…' : ''}`
}
