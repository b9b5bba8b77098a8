import { nameText, quoteInline } from '../../model/quoted.ts'
import type { Changed } from '../../store/change-feed.ts'
import type { Vector } from '../../store/row.ts'

/** A record, key or entry that changed, over all the rows that a reader is told of. */
export interface ChangeLine {
  readonly kind: string
  readonly id: string
  readonly what: Changed['what']
  readonly by: readonly string[]
  /** How it came, where that was not a call. */
  readonly notes: readonly string[]
  readonly times: number
  /** Field -> what it was and is now; null where that is too long to say. */
  readonly fields: Changed['fields']
  /** For one row that changed very many: how many more, by kind. */
  readonly more?: Readonly<Record<string, number>>
}

/** A row that changes more than this is told in one line: an import is one event, not a thousand. */
const MANY = 12

/** Puts rows together by record, in the order in which each was first changed. */
export function changeLines(rows: readonly (readonly Changed[])[], many = MANY): readonly ChangeLine[] {
  const lines = new Map<string, ChangeLine>()
  for (const row of rows) {
    const [first] = row
    if (!first) continue
    if (row.length > many) {
      const more: Record<string, number> = {}
      for (const { kind } of row) more[kind] = (more[kind] ?? 0) + 1
      lines.set(`${first.replica}:${first.seq}`, { ...lineOf(first), fields: {}, more })
      continue
    }
    for (const change of row) {
      const key = `${change.kind}/${change.id}`
      const before = lines.get(key)
      lines.set(key, before ? joined(before, change) : lineOf(change))
    }
  }
  return [...lines.values()]
}

function lineOf({ kind, id, what, actor, fields, ...change }: Changed): ChangeLine {
  return { kind, id, what, by: [nameText(actor)], notes: notesOf(change), times: 1, fields }
}

function joined(line: ChangeLine, change: Changed): ChangeLine {
  const fields: Record<string, Changed['fields'][string]> = { ...line.fields }
  for (const [name, pair] of Object.entries(change.fields)) {
    const before = fields[name]
    fields[name] = before && pair ? [before[0], pair[1]] : pair
  }
  const isFirst = line.what === 'created' || line.what === 'logged'
  return {
    ...line,
    what: change.what === 'changed' || (isFirst && change.what !== 'deleted') ? line.what : change.what,
    by: [...new Set([...line.by, nameText(change.actor)])],
    notes: [...new Set([...line.notes, ...notesOf(change)])],
    times: line.times + 1,
    fields,
  }
}

function notesOf({ source }: Pick<Changed, 'source'>): readonly string[] {
  switch (source) {
    case 'file':
      return ['edited by hand']
    case 'import':
      return ['imported']
    case 'room':
      return ['from the web or another program']
    case 'api':
      return []
  }
}

/** A change as one line, with who made it. `title` is what the record is called now. */
export function changeText(line: ChangeLine, title: string | undefined): string {
  const { by, notes, times } = line
  const often = times > 1 ? ` (${times} times)` : ''
  return `${changeWords(line, title)} by ${by.join(', ')}${often}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`
}

/** What a change did, without who made it. */
export function changeWords(line: ChangeLine, title: string | undefined): string {
  const { kind, id, what, fields, more } = line
  if (more) {
    const counts = Object.entries(more).map(([name, count]) => `${count} ${name}${count === 1 ? '' : 's'}`)
    return `${counts.join(', ')} changed in one step`
  }
  if (kind === 'log') {
    const about = fields.task?.[1] ? ` for ${valueText(fields.task[1])}` : ''
    return `logged ${quoteInline(fields.action?.[1] ?? '')}${about}`
  }
  const name = isId(id) ? id : `${kind} ${nameText(id)}`
  const called = title === undefined || title === '' ? '' : ` ${quoteInline(title, 80)}`
  const changed = Object.entries(fields)
    .filter(([field]) => field !== 'closedAt')
    .map(([field, pair]) => fieldText(field === 'value' ? '' : field, pair))
  const said =
    what === 'changed' ? (changed.length > 0 ? changed.join('; ') : 'changed') : [what, ...changed].join('; ')
  return `${name}${called}: ${said}`
}

function fieldText(name: string, pair: readonly [string | null, string | null] | null): string {
  if (pair === null) return nameText(name)
  return `${name === '' ? '' : `${nameText(name)} `}${valueText(pair[0])} -> ${valueText(pair[1])}`
}

/** A value that is a plain word as it is, all else as a quotation: it may say anything. */
export function valueText(value: string | null): string {
  if (value === null || value === '') return 'none'
  return /^[\w.:@+-]{1,40}$/.test(value) ? value : quoteInline(value, 80)
}

const isId = (text: string): boolean => /^[a-z]-[0-9a-z]{8}$/.test(text)

/** Parts changes into the rows they came in. */
export function rowsOf(changes: readonly Changed[]): readonly (readonly Changed[])[] {
  const rows: Changed[][] = []
  for (const change of changes) {
    const [last] = rows.at(-1) ?? []
    if (last && last.replica === change.replica && last.seq === change.seq) rows.at(-1)?.push(change)
    else rows.push([change])
  }
  return rows
}

/** The same change without the values: which fields, and no title. */
export function withoutValues(line: ChangeLine): ChangeLine {
  const names = Object.keys(line.fields).slice(0, 4)
  return { ...line, fields: Object.fromEntries(names.map((name) => [name, null])) }
}

/** All of a row in one line. */
export function asOne(row: readonly Changed[]): readonly ChangeLine[] {
  return changeLines([row], 0)
}

/** How far a reader has got who was told of these rows. */
export function raised(since: Vector, rows: readonly (readonly Changed[])[]): Vector {
  const upto: Record<string, number> = { ...since }
  for (const [first] of rows) {
    if (first) upto[first.replica] = Math.max(upto[first.replica] ?? 0, first.seq)
  }
  return upto
}
