import { OrchError } from '../base/error.ts'
import { normalizeId, type RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import { pathKey } from '../model/layout.ts'
import type { Database } from './database.ts'

export interface Resolved {
  readonly kind: RecordKind
  readonly id: RecordId
}

const SHOWN_MATCHES = 5

/**
 * Finds the record a person means: a full id, an alias, a file's path, or the unique beginning of an id, with or without
 * the kind's letter. Living records come before deleted ones. Throws `record_not_found` or `ambiguous_id`.
 */
export function resolveRecord(db: Database, kinds: readonly RecordKind[], text: string, only?: RecordKind): Resolved {
  const wanted = only ? [only] : kinds
  const kindOf = (name: string): RecordKind | undefined => wanted.find((kind) => kind.name === name)
  const pick = (found: readonly Found[]): Resolved | undefined => {
    const known = found.flatMap(({ id, kind, deleted }) => {
      const of = kindOf(kind)
      return of ? [{ kind: of, id, deleted }] : []
    })
    const living = known.filter((one) => !one.deleted)
    const left = living.length > 0 ? living : known
    if (left.length > 1) {
      const shown = left.slice(0, SHOWN_MATCHES).map((one) => one.id)
      const matches = shown.join(', ') + (left.length > shown.length ? ', ...' : '')
      throw new OrchError('ambiguous_id', { id: text, count: left.length, matches })
    }
    return left[0]
  }

  const trimmed = text.trim()
  const id = normalizeId(trimmed)
  const found =
    pick(db.all<Found>('SELECT id, kind, deleted FROM ids WHERE id = ?', id)) ??
    pick(
      db.all<Found>(
        'SELECT ids.id, kind, deleted FROM aliases JOIN ids ON ids.id = aliases.id WHERE alias = ?',
        trimmed.toLowerCase(),
      ),
    ) ??
    pick(wanted.flatMap((kind) => byPath(db, kind, trimmed))) ??
    pick(byPrefix(db, wanted, id))
  if (!found) throw new OrchError('record_not_found', { kind: only?.name ?? 'record', id: text })
  return found
}

interface Found {
  readonly id: RecordId
  readonly kind: string
  readonly deleted: number
}

function byPath(db: Database, kind: RecordKind, text: string): readonly Found[] {
  const below = text.startsWith(`${kind.folder}/`) ? text.slice(kind.folder.length + 1) : text
  const names = below.endsWith('.md') ? [below] : [below, `${below}.md`]
  return names.flatMap((name) =>
    db
      .all<{ id: RecordId; path: string | null }>(
        `SELECT id, path FROM ${kind.table} WHERE path_key = ?`,
        pathKey(name),
      )
      .map(({ id, path }) => ({ id, kind: kind.name, deleted: path === null ? 1 : 0, path }))
      // Where two records ask for one name, the name means the one that has it.
      .filter((one, _, all) => all.length === 1 || one.path === `${kind.folder}/${name}`),
  )
}

function byPrefix(db: Database, kinds: readonly RecordKind[], prefix: string): readonly Found[] {
  if (!/^[0-9a-z-]+$/.test(prefix)) return []
  const beginnings = /^[a-z]-/.test(prefix) ? [prefix] : kinds.map((kind) => `${kind.letter}-${prefix}`)
  return beginnings.flatMap((beginning) =>
    db.all<Found>('SELECT id, kind, deleted FROM ids WHERE id >= ? AND id < ?', beginning, `${beginning}\u{ffff}`),
  )
}
