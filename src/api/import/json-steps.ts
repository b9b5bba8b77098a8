import { inTurnsOf, type Steps } from '../../base/turns.ts'
import type { Json } from '../../model/record.ts'

/** So much is read without a rest: about a millisecond. */
export const STEP_BYTES = 64 * 1024

const [QUOTE, BACKSLASH, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22, 0x5c, 0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d,
]

/**
 * What `JSON.parse` gives for a text in UTF-8, read piece by piece: lists and objects by their members, many small ones
 * together. Each step is short, so that other work comes in between. Throws an Error that says what is wrong.
 */
export function* parseInSteps(bytes: Uint8Array): Steps<Json> {
  const [first, last] = edgesOf(bytes)
  const isList = bytes[first] === OPEN_LIST
  if (bytes.length <= STEP_BYTES || (!isList && bytes[first] !== OPEN_OBJECT)) return parseNow(bytes)
  if (bytes[last] !== (isList ? CLOSE_LIST : CLOSE_OBJECT)) throw new Error('its brackets do not match')

  const list: Json[] = []
  const object: Record<string, Json> = {}
  const add = (members: Uint8Array): void => {
    const text = decode(members)
    if (text.trim() === '') throw new Error('a value is missing before a comma or a bracket')
    if (isList) for (const item of JSON.parse(`[${text}]`) as Json[]) list.push(item)
    else for (const [key, value] of Object.entries(JSON.parse(`{${text}}`) as object)) define(object, key, value)
  }
  /** Where the members that are not read yet begin, and where the last of them does. */
  let [from, begin] = [first + 1, first + 1]
  function* end(at: number): Steps<void> {
    const isLarge = at - begin > STEP_BYTES
    if (isLarge) {
      if (begin > from) add(bytes.subarray(from, begin - 1))
      yield
      const member = bytes.subarray(begin, at)
      if (isList) list.push(yield* parseInSteps(member))
      else {
        const colon = colonOf(member)
        const key = parseNow(member.subarray(0, colon))
        if (typeof key !== 'string') throw new Error('a key is no text')
        define(object, key, yield* parseInSteps(member.subarray(colon + 1)))
      }
    } else if (at - from > STEP_BYTES || at === last) {
      add(bytes.subarray(from, at))
      yield
    }
    begin = at + 1
    if (isLarge || at - from > STEP_BYTES) from = begin
  }

  let [depth, isText, isEscaped] = [0, false, false]
  for (let at = first + 1; at < last; at++) {
    if (at % STEP_BYTES === 0) yield
    const byte = bytes[at]
    if (isText) {
      if (isEscaped) isEscaped = false
      else if (byte === BACKSLASH) isEscaped = true
      else if (byte === QUOTE) isText = false
    } else if (byte === QUOTE) isText = true
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      if (--depth < 0) throw new Error('its brackets do not match')
    } else if (byte === COMMA && depth === 0) yield* end(at)
  }
  yield* end(last)
  return isList ? list : object
}

const STEPS_PER_TURN = 4

/** The same, with a rest for others now and then. */
export async function parseInTurns(bytes: Uint8Array): Promise<Json> {
  return await inTurnsOf(STEPS_PER_TURN, parseInSteps(bytes))
}

function parseNow(bytes: Uint8Array): Json {
  return JSON.parse(decode(bytes)) as Json
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}

/** As `JSON.parse` does it: `__proto__` is a key like others. */
function define(object: Record<string, Json>, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}

/** The first and the last byte that is no blank. */
function edgesOf(bytes: Uint8Array): readonly [number, number] {
  let [first, last] = [0, bytes.length - 1]
  while (first < last && (bytes[first] as number) <= 0x20) first++
  while (last > first && (bytes[last] as number) <= 0x20) last--
  return [first, last]
}

/** Where the key of a member ends. */
function colonOf(member: Uint8Array): number {
  const open = member.indexOf(QUOTE)
  let at = open + 1
  while (at < member.length && member[at] !== QUOTE) at += member[at] === BACKSLASH ? 2 : 1
  const colon = member.indexOf(COLON, at)
  if (open < 0 || colon < 0) throw new Error('a key or its colon is missing')
  return colon
}
