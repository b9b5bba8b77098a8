/**
 * Words as the full text index knows them. Chinese, Japanese and others are written without blanks: a run of them becomes
 * overlapping pairs (東京都 -> 東京 京都 都), so that any piece of it is found as a phrase, a single sign as a beginning.
 * Trigrams, which SQLite has built in, find nothing shorter than three signs, and most Japanese words are two.
 */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々〆〤]+/gu

/** A text as it is put into the index. */
export function indexedText(text: string): string {
  return text.normalize('NFKC').replace(UNSPACED, (run) => ` ${pairsOf(run).join(' ')} `)
}

/** What is searched for: words, and phrases in quotes. */
export interface Term {
  /** As it was typed, without quotes. */
  readonly text: string
  /** As the index knows them; they stand one after the other. */
  readonly words: readonly string[]
  /** The last word may go on: `log` finds login. */
  readonly isBeginning: boolean
}

const MAX_TERMS = 20

/** Reads what somebody typed: `login "expired token" 東京`. What holds no word (`%`, `--`) is passed over. */
export function searchTerms(query: string): readonly Term[] {
  const typed = query.normalize('NFKC').match(/"[^"]*"?|[^\s"]+/g) ?? []
  return typed
    .flatMap((part): readonly Term[] => {
      const isPhrase = part.startsWith('"')
      const text = part.replace(/"/g, '').trim()
      const words: string[] = []
      let endsUnspaced = false
      for (const piece of text.match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu) ?? []) {
        for (const run of piece.split(UNSPACED_OR_NOT).filter(Boolean)) {
          endsUnspaced = isUnspaced(run)
          // The last sign alone is no word of what goes on behind it.
          words.push(...(endsUnspaced ? pairsOf(run).slice(0, Math.max(1, [...run].length - 1)) : [run]))
        }
      }
      if (words.length === 0) return []
      const isSingleSign = endsUnspaced && [...(words.at(-1) ?? '')].length === 1
      return [{ text, words, isBeginning: isSingleSign || (!isPhrase && !endsUnspaced) }]
    })
    .slice(0, MAX_TERMS)
}

/** Terms in the query language of FTS5: all of them, each as a phrase. Words hold nothing that it could take for its own. */
export function matchExpression(terms: readonly Term[]): string {
  return terms.map(({ words, isBeginning }) => `"${words.join(' ')}"${isBeginning ? ' *' : ''}`).join(' AND ')
}

const UNSPACED_OR_NOT = new RegExp(`(${UNSPACED.source})`, 'u')

/** Made once: to read these classes of signs takes the engine milliseconds. */
const IS_UNSPACED = new RegExp(`^${UNSPACED.source}$`, 'u')

function isUnspaced(run: string): boolean {
  return IS_UNSPACED.test(run)
}

function pairsOf(run: string): readonly string[] {
  const signs = [...run]
  return signs.map((sign, i) => sign + (signs[i + 1] ?? ''))
}
