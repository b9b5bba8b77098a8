import type { RecordId } from '../../model/id.ts'

/** The record that an old id means, if one does. */
export type Names = (name: string) => RecordId | undefined

/**
 * Reads old ids as Backlog.md does: in any case, with or without leading zeros, and with the prefix that was used
 * before the project chose another one (`task-4` for `BACK-4`), where the number alone says enough.
 */
export function createNames(items: readonly { readonly id: RecordId; readonly alias: string | undefined }[]): Names {
  const exact = new Map<string, RecordId>()
  const byNumber = new Map<string, RecordId | undefined>()
  for (const { id, alias } of items) {
    if (alias === undefined) continue
    exact.set(alias.toLowerCase(), id)
    const { number, isDraft } = partsOf(alias)
    if (number !== undefined && !isDraft) byNumber.set(number, byNumber.has(number) ? undefined : id)
  }
  return (name) => {
    const found = exact.get(name.trim().toLowerCase())
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
