import type { KeyedKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'
import { isIgnoredName } from '../model/layout.ts'

/** What a path below the mirror directory stands for. */
export type Place =
  | { readonly type: 'record'; readonly kind: RecordKind /** Below the kind's folder. */; readonly file: string }
  | { readonly type: 'keys'; readonly kind: KeyedKind }
  | { readonly type: 'board' }

/** Rendered for people, never read. */
export const README = 'README.md'
export const LOCAL = 'LOCAL.md'

/** Tasks by status, to be edited. */
export const BOARD = 'BOARD.md'

/** What a path stands for; undefined where no kind lives. */
export function placeOf(kinds: Kinds, path: string): Place | undefined {
  if (path === BOARD) return { type: 'board' }
  const keyed = kinds.keyed.find((kind) => kind.file === path)
  if (keyed) return { type: 'keys', kind: keyed }
  const [folder = '', ...rest] = path.split('/')
  const kind = kinds.inFolder(folder)
  if (!kind || rest.length === 0 || !path.endsWith('.md') || rest.some(isIgnoredName)) return undefined
  return { type: 'record', kind, file: rest.join('/') }
}

/** Names something that has files, for lists of work: a record, a keyed kind with id '', or the board. */
export interface Ref {
  readonly kind: string
  readonly id: string
}

/** The board, in lists of work and in bases: no kind is called so. */
export const BOARD_REF: Ref = { kind: '.board', id: '' }

/** What the base of a place says it is of. */
export function refKindOf(place: Place): string {
  return place.type === 'board' ? BOARD_REF.kind : place.kind.name
}
