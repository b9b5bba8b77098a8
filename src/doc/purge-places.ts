import * as Y from 'yjs'

/** A stretch of structs of one clientID that hold the text to cover: each of them one UTF-16 unit of it. */
export type TextPlace = readonly [client: number, clock: number, length: number]

/**
 * A part of a string in a value, or in the key that it was put under: `string` counts the strings of a value in the order
 * in which they stand in it, keys of objects included, and is -1 for the key itself.
 */
export type ValuePlace = readonly [client: number, clock: number, string: number, at: number, length: number]

/** Where a secret stands in the updates of one document. It says nothing of what it is. */
export interface Places {
  /** Each time that it was in a text: the stretches of it in their order, for it may have been typed in pieces. */
  readonly texts: readonly (readonly TextPlace[])[]
  readonly values: readonly ValuePlace[]
}

/** What stands in the place of each UTF-16 unit that is taken out. */
export const FILLER = '\u2588'

/** What to look for, in texts and values as it is, and in values also as a file's name has it. */
export interface Needle {
  readonly secret: string
  readonly inNames: string | undefined
}

export type Decoded = ReturnType<typeof Y.decodeUpdate>

/** The values that an item holds, each of them one struct long; none where it holds text or a type. */
export function valuesOf(content: Y.Item['content']): readonly unknown[] {
  if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON) return content.arr
  if (content instanceof Y.ContentEmbed) return [content.embed]
  if (content instanceof Y.ContentFormat) return [[content.key, content.value]]
  return []
}

/** What an item holds, with these values in the place of its own. */
export function withValues(content: Y.Item['content'], values: readonly unknown[]): Y.Item['content'] {
  if (content instanceof Y.ContentAny) return new Y.ContentAny([...values])
  if (content instanceof Y.ContentJSON) return new Y.ContentJSON([...values])
  if (content instanceof Y.ContentEmbed) return new Y.ContentEmbed(values[0] as object)
  const [key, value] = values[0] as [string, object]
  return new Y.ContentFormat(key, value)
}

/** The same value with every string of it, keys of objects included, as `change` gives it, in their order. */
export function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((one) => mapStrings(one, change))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [change(key), mapStrings(one, change)]))
}
