export type Fields = Readonly<Record<string, unknown>>
export type Level = 'debug' | 'info' | 'warn' | 'error'

/** Message is a constant sentence, variables are fields. Never log a token or the text of a record. */
export interface Logger {
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
  /** A logger that adds these fields to every line. */
  with(fields: Fields): Logger
}

export interface LogEntry {
  readonly at: number
  readonly level: Level
  readonly message: string
  readonly fields: Fields
}

export function createLogger(write: (entry: LogEntry) => void, now: () => number, fixed: Fields = {}): Logger {
  const at =
    (level: Level) =>
    (message: string, fields: Fields = {}) =>
      write({ at: now(), level, message, fields: { ...fixed, ...fields } })
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLogger(write, now, { ...fixed, ...fields }),
  }
}

export const silentLogger: Logger = createLogger(
  () => undefined,
  () => 0,
)

/** One JSON object a line; errors as message and stack. */
export function formatEntry({ at, level, message, fields }: LogEntry): string {
  const plain = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? { message: value.message, stack: value.stack } : value,
    ]),
  )
  return `${JSON.stringify({ at: new Date(at).toISOString(), level, message, ...plain })}\n`
}

const NEWLINE = 0x0a

/**
 * Writes entries as lines. One that cannot be written, as on a full disk, is left out, for nothing may end because of its
 * log; the next that can be comes after a line that says how many were. `write` returns how many bytes it wrote, or throws.
 */
export function createEntryWriter(write: (bytes: Uint8Array) => number): (entry: LogEntry) => void {
  let leftOut = 0
  /** The last line stops in the middle. */
  let isTorn = false
  const put = (text: string): boolean => {
    let rest = new TextEncoder().encode(isTorn ? `\n${text}` : text)
    try {
      while (rest.length > 0) {
        const count = write(rest)
        if (count === 0) return false
        isTorn = rest[count - 1] !== NEWLINE
        rest = rest.subarray(count)
      }
      return true
    } catch {
      return false
    }
  }
  return (entry) => {
    if (leftOut > 0) {
      const fields = { lines: leftOut }
      const isTold = put(formatEntry({ at: entry.at, level: 'warn', message: 'the log could not be written', fields }))
      if (isTold) leftOut = 0
    }
    if (leftOut > 0 || !put(formatEntry(entry))) leftOut++
  }
}
