/** Characters that show nothing, or turn the order of others around: written out, so that what is read is what is there. */
const INVISIBLE =
  /(?![\n\t])\p{Cc}|[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu

/** A text whose every character can be seen. Unlike in a quotation nothing else of it changes: it may be looked for again. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (letter) => `\\u{${letter.codePointAt(0)?.toString(16)}}`)
}

/** The same for all texts of a JSON value. */
export function visibleJson(value: unknown): unknown {
  if (typeof value === 'string') return visible(value)
  if (Array.isArray(value)) return value.map(visibleJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [visible(key), visibleJson(one)]))
}
