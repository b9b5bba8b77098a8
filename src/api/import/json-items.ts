/** Longest item that is read, in bytes. */
const MAX_ITEM_BYTES = 16 << 20
/** What a text in UTF-8 may begin with. */
const BOM: readonly number[] = [0xef, 0xbb, 0xbf]
/** Deepest nesting that is read. */
const MAX_DEPTH = 100

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
]

/**
 * Cuts JSON into the texts of its items, however large it is: of one list its items, else every value that stands on its
 * own, as in JSON Lines. Keeps no more than one item. Whether an item is JSON, its reader sees. Throws an Error that says
 * what is wrong.
 */
export async function* splitJson(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let size = 0
  let seen = 0
  let depth = 0
  let [isText, isEscaped, begun] = [false, false, false]
  /** Whether the value at the top is a list, whose items are meant; undefined between two values. */
  let isList: boolean | undefined
  const add = (part: Uint8Array): void => {
    size += part.length
    if (size > MAX_ITEM_BYTES) throw new Error(`an item in it is larger than ${MAX_ITEM_BYTES} bytes`)
    parts.push(part)
  }
  const take = (last: Uint8Array): Uint8Array => {
    add(last)
    const item = Buffer.concat(parts)
    parts = []
    size = 0
    begun = false
    return item
  }
  for await (const piece of pieces) {
    if (seen === 0) {
      if (piece[0] === 0xff || piece[0] === 0xfe || piece[1] === 0)
        throw new Error('it is not UTF-8: write it as UTF-8 first')
    }
    seen += piece.length
    let from = 0
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] as number
      if (isText) {
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) isText = false
        continue
      }
      if (byte <= 0x20 || (isList === undefined && BOM.includes(byte))) continue
      if (isList === undefined) {
        isList = byte === OPEN_LIST
        if (isList) continue
      }
      if (!begun) {
        if (isList && byte === COMMA) continue
        if (isList && byte === CLOSE_LIST) {
          isList = undefined
          continue
        }
        begun = true
        from = at
      }
      if (byte === QUOTE) isText = true
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        if (++depth > MAX_DEPTH) throw new Error(`it is nested deeper than ${MAX_DEPTH}`)
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        if (depth === 0) {
          if (!isList) throw new Error('it is no JSON: a bracket in it closes nothing')
          yield take(piece.subarray(from, at))
          isList = undefined
        } else if (--depth === 0 && !isList) {
          yield take(piece.subarray(from, at + 1))
          isList = undefined
        }
      } else if (byte === COMMA && isList && depth === 0) yield take(piece.subarray(from, at))
    }
    if (begun) add(piece.subarray(from))
  }
  if (isText || depth > 0 || isList) throw new Error('it is cut off: its last bracket or quote is missing')
  if (begun) yield take(new Uint8Array())
}
