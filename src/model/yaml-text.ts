/** What other YAML readers take for a number, a truth value, a date or nothing. */
const LOOKS_TYPED =
  /^(?:[-+.\d][-+.,:_\d\sTZeExXoOa-fA-F]*|[-+]?\.(?:inf|nan)|~|null|true|false|yes|no|on|off|y|n|<<|=)$/i
const PLAIN = /^[\p{L}\p{N}_(/.][^\p{Cc}\p{Cs}\u2028\u2029\ufeff]*$/u
const SINGLE_QUOTED = /^[^\p{Cc}\p{Cs}\u2028\u2029\ufeff]*$/u

export type QuoteStyle = 'plain' | 'single' | 'double'

/**
 * Prints text as a YAML scalar on one line, in the given style where the text allows it: plain text that every YAML
 * reader takes for the same text, else in quotes. `flow` is inside brackets.
 */
export function printText(
  text: string,
  { style = 'plain', flow = false }: { style?: QuoteStyle; flow?: boolean } = {},
): string {
  if (style === 'plain' && isPlain(text, flow)) return text
  const single = style === 'single' || (style === 'plain' && /["\\]/.test(text))
  return single && SINGLE_QUOTED.test(text) ? `'${text.replaceAll("'", "''")}'` : doubleQuoted(text)
}

function isPlain(text: string, flow: boolean): boolean {
  if (!PLAIN.test(text) || LOOKS_TYPED.test(text)) return false
  if (/: | #|:$|\s$/.test(text)) return false
  return !flow || !/[,[\]{}]/.test(text)
}

function doubleQuoted(text: string): string {
  return JSON.stringify(text).replace(
    // JSON leaves these bare; YAML does not allow them so.
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Whether a plain YAML scalar means nothing. */
export function isNullWord(source: string): boolean {
  return source === '' || source === '~' || /^(?:null|Null|NULL)$/.test(source)
}
