import type { RecordId } from '../../model/id.ts'

/** The record that an old id means, if one does. */
export type Names = (name: string) => RecordId | undefined

interface Named {
  readonly id: RecordId
  readonly alias: string | undefined
}

/** Reads old ids as they are, in any case. */
export function createExactNames(items: readonly Named[]): Names {
  const exact = new Map(items.flatMap(({ id, alias }) => (alias === undefined ? [] : [[alias.toLowerCase(), id]])))
  return (name) => exact.get(name.trim().toLowerCase())
}

/**
 * Reads old ids as Backlog.md does: in any case, with or without leading zeros, and with the prefix that was used
 * before the project chose another one (`task-4` for `BACK-4`), where the number alone says enough.
 */
export function createNames(items: readonly Named[]): Names {
  const exact = createExactNames(items)
  const byNumber = new Map<string, RecordId | undefined>()
  for (const { id, alias } of items) {
    if (alias === undefined) continue
    const { number, isDraft } = partsOf(alias)
    if (number !== undefined && !isDraft) byNumber.set(number, byNumber.has(number) ? undefined : id)
  }
  return (name) => {
    const found = exact(name)
    if (found) return found
    const { number, isDraft } = partsOf(name)
    return number === undefined || isDraft ? undefined : byNumber.get(number)
  }
}

function partsOf(name: string): { readonly number: string | undefined; readonly isDraft: boolean } {
  const [, prefix = '', digits] = /^(?:([a-z]+)-)?(\d+(?:\.\d+)*)$/.exec(name.trim().toLowerCase()) ?? []
  const number = digits?.split('.').map(Number).join('.')
  return { number, isDraft: prefix === 'draft' }
}
