/** One of the texts that a field of entries holds: added once, never changed. */
export interface Entry {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly by: string
  readonly text: string
}

/** Longest text of an entry, in UTF-16 code units. */
export const MAX_ENTRY_LENGTH = 100_000

const ENTRY_ID = /^[0-9a-z]{1,32}$/
const MAX_TIME = 8.64e15

/** Tells what can be kept and shown as an entry: a foreign writer may have put anything there. */
export function isEntry(entry: Entry): boolean {
  const { id, at, by, text } = entry
  return (
    ENTRY_ID.test(id) &&
    Number.isInteger(at) &&
    Math.abs(at) <= MAX_TIME &&
    typeof by === 'string' &&
    by !== '' &&
    !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(by) &&
    typeof text === 'string' &&
    !/[\0\r]/.test(text)
  )
}

/** The order in which entries are shown: as they were added. */
export function inOrder(a: Entry, b: Entry): number {
  return a.at - b.at || (a.id < b.id ? -1 : 1)
}
