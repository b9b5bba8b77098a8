import { FILLER, type Needle } from '../doc/purge-places.ts'
import { slug } from '../model/layout.ts'

/** Text to look for, and what stands in its place. */
export interface Replacement {
  readonly text: string
  readonly filler: string
}

/** The same text with every secret in it replaced. */
export function replaced(text: string, replacements: readonly Replacement[]): string {
  return replacements.reduce((now, { text: secret, filler }) => now.replaceAll(secret, filler), text)
}

/** How long a secret must be, in UTF-16 units: a shorter one stands by chance in what is none. */
export const MIN_SECRET = 6

/**
 * The forms in which a secret stands in files, commits and tables: as it is, with the line ends of Windows, as JSON and
 * YAML quote it, as a file's name has it, and every longer line of it alone; the longest first.
 */
export function formsOf(secrets: Iterable<string>): readonly Replacement[] {
  const forms = new Map<string, string>()
  const put = (text: string | undefined): void => {
    if (text !== undefined && text.length >= MIN_SECRET) forms.set(text, FILLER.repeat(text.length))
  }
  for (const secret of secrets) {
    // A file's text keeps its length in units, which the places of the texts in it have, too.
    put(secret)
    put(secret.replaceAll('\n', '\r\n'))
    put(JSON.stringify(secret).slice(1, -1))
    put(JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1))
    put(secret.replaceAll("'", "''"))
    put(inNames(secret))
    const lines = secret.split('\n').map((line) => line.trim())
    if (lines.length > 1) for (const line of lines) if (line.length >= LONG_LINE) put(line)
  }
  return [...forms].map(([text, filler]) => ({ text, filler })).sort((a, b) => b.text.length - a.text.length)
}

const LONG_LINE = 16

/** What to look for in updates. */
export const needleOf = (secret: string): Needle => ({ secret, inNames: inNames(secret) })

/** How a file's name has it; undefined where that says too little. */
function inNames(secret: string): string | undefined {
  const name = slug(secret)
  return name.length >= Math.max(MIN_SECRET, secret.length / 2) && name !== secret ? name : undefined
}
