/** What may be written, for help texts. */
export const timeHelp = '2026-11-23, 2026-11-23T08:30, "2h ago", yesterday'

/** Milliseconds of the units that people write. */
const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  sec: 1000,
  second: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  w: 7 * 86_400_000,
  week: 7 * 86_400_000,
}

const AGO = /^(\d{1,6}(?:\.\d{1,3})?)\s*([a-z]+?)s?(?:\s+ago)?$/
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/

/**
 * Reads a time as people write it: `now`, `2h ago`, `yesterday`, a date, or a date with a time. Days are those of the
 * place where this runs; a day stands for its beginning or for its end. Undefined when it is none.
 *
 * @param now milliseconds since 1970
 * @returns milliseconds since 1970
 */
export function parseTime(text: string, now: number, edge: 'start' | 'end'): number | undefined {
  const word = text.trim().toLowerCase()
  if (word === 'now') return now
  if (word === 'today' || word === 'yesterday') {
    const day = new Date(now)
    return edgeOf(new Date(day.getFullYear(), day.getMonth(), day.getDate() - (word === 'today' ? 0 : 1)), edge)
  }
  const [, year, month, date] = DATE.exec(word)?.map(Number) ?? []
  if (year !== undefined && month !== undefined && date !== undefined) {
    const day = new Date(year, month - 1, date)
    // `2026-02-31` is no day.
    return day.getMonth() === month - 1 && day.getDate() === date ? edgeOf(day, edge) : undefined
  }
  const [, amount = '', name = ''] = AGO.exec(word) ?? []
  const unit = UNITS[name]
  if (unit !== undefined) return now - Number(amount) * unit
  if (!TIME.test(text.trim())) return undefined
  const time = Date.parse(text.trim().replace(' ', 'T'))
  return Number.isNaN(time) ? undefined : time
}

function edgeOf(day: Date, edge: 'start' | 'end'): number {
  if (edge === 'start') return day.getTime()
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1).getTime() - 1
}
