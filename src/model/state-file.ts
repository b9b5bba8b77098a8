import type { Json } from './record.ts'
import { checkJson, STATE_KEY } from './validate.ts'

/** Renders a JSON file of keyed values: keys sorted at every level, two blanks of indent, one newline at the end. */
export function renderState(values: Readonly<Record<string, Json>>): string {
  return `${JSON.stringify(sorted(values), null, 2)}\n`
}

export type ParsedState =
  | { readonly ok: true; readonly values: Readonly<Record<string, Json>> }
  | { readonly ok: false; readonly reason: string; readonly line: number; readonly column: number }

/** Reads such a file. Refuses, with the place, bad JSON, a key twice, a number JavaScript cannot hold, and a key, size or depth that is not allowed. */
export function parseState(text: string): ParsedState {
  const reader = createReader(text)
  try {
    return { ok: true, values: readFile(reader) }
  } catch (error) {
    // The one way out of a recursive reader; anything else is a bug and rises.
    if (!(error instanceof Misread)) throw error
    const before = text.slice(0, error.at)
    const line = before.split('\n').length
    return { ok: false, reason: error.message, line, column: error.at - before.lastIndexOf('\n') }
  }
}

class Misread extends Error {
  readonly at: number
  constructor(reason: string, at: number) {
    super(reason)
    this.at = at
  }
}

/** Deeper nesting is refused later, with the key's name; this only keeps the stack safe. */
const MAX_DEPTH = 64

function readFile(reader: Reader): Readonly<Record<string, Json>> {
  reader.skip()
  if (reader.peek() !== '{') reader.fail('must be one JSON object: { "key": value, ... }')
  const values: Record<string, Json> = {}
  readMembers(reader, 0, (key, at, read) => {
    if (!STATE_KEY.test(key)) {
      reader.fail(`the key "${key}" must be 1 to 64 of A-Z a-z 0-9 _ . -, beginning with a letter or _`, at)
    }
    const start = reader.at()
    const value = read()
    const reason = checkJson(value)
    if (reason !== undefined) reader.fail(`the value of "${key}" ${reason}`, start)
    values[key] = value
  })
  reader.skip()
  if (reader.peek() !== '') reader.fail('there is more after the object')
  return values
}

interface Reader {
  at(): number
  /** The next character, '' at the end. */
  peek(): string
  /** Passes over blanks. */
  skip(): void
  /** Takes what the sticky pattern matches here; undefined when it does not. */
  take(pattern: RegExp): string | undefined
  fail(reason: string, at?: number): never
}

function createReader(text: string): Reader {
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }
  return {
    at: () => at,
    peek: () => text[at] ?? '',
    skip: () => {
      take(/[ \t\n\r]*/y)
    },
    take,
    fail(reason, place = at): never {
      throw new Misread(reason, place)
    },
  }
}

function readValue(reader: Reader, depth: number): Json {
  if (depth > MAX_DEPTH) reader.fail('is nested too deeply')
  switch (reader.peek()) {
    case '{':
      return readObject(reader, depth)
    case '[':
      return readArray(reader, depth)
    case '"':
      return readString(reader)
    default:
      return readWord(reader)
  }
}

function readObject(reader: Reader, depth: number): Json {
  const object: Record<string, Json> = {}
  readMembers(reader, depth, (key, at, read) => {
    if (key === '__proto__') reader.fail('the key __proto__ is not allowed', at)
    object[key] = read()
  })
  return object
}

type Member = (key: string, at: number, read: () => Json) => void

function readMembers(reader: Reader, depth: number, member: Member): void {
  const keys = new Set<string>()
  readList(reader, '}', () => {
    const at = reader.at()
    if (reader.peek() !== '"') reader.fail(`expected a key in double quotes, found ${shown(reader.peek())}`)
    const key = readString(reader)
    if (keys.has(key)) reader.fail(`the key "${key}" is there twice`, at)
    keys.add(key)
    reader.skip()
    if (reader.take(/:/y) === undefined) reader.fail(`expected ":" after the key, found ${shown(reader.peek())}`)
    reader.skip()
    member(key, at, () => readValue(reader, depth + 1))
  })
}

function readArray(reader: Reader, depth: number): Json {
  const items: Json[] = []
  readList(reader, ']', () => {
    items.push(readValue(reader, depth + 1))
  })
  return items
}

/** Reads what stands between brackets, item by item. */
function readList(reader: Reader, close: '}' | ']', item: () => void): void {
  reader.take(/[[{]/y)
  reader.skip()
  if (reader.peek() === close) {
    reader.take(/./y)
    return
  }
  for (;;) {
    item()
    reader.skip()
    const next = reader.take(/[,}\]]/y)
    if (next === close) return
    if (next !== ',') reader.fail(`expected "," or "${close}", found ${shown(next ?? reader.peek())}`)
    reader.skip()
    if (reader.peek() === close) reader.fail('a comma before the closing bracket is not allowed in JSON')
  }
}

function readString(reader: Reader): string {
  const at = reader.at()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them inside strings.
  const source = reader.take(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y)
  return source === undefined ? reader.fail('this text does not end, or holds a wrong escape', at) : JSON.parse(source)
}

function readWord(reader: Reader): Json {
  const at = reader.at()
  const word = reader.take(/[^\s,:[\]{}"]+/y)
  if (word === undefined) return reader.fail(`expected a value, found ${shown(reader.peek())}`)
  if (word === 'true' || word === 'false' || word === 'null') return JSON.parse(word)
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word)) return reader.fail(`"${word}" is no JSON value`, at)
  const value = Number(word)
  const exact = Number.isFinite(value) && (!/^-?\d+$/.test(word) || Number.isSafeInteger(value))
  return exact ? value : reader.fail(`${word} is too large to be kept exactly; write it as text, in quotes`, at)
}

function shown(c: string): string {
  return c === '' ? 'the end of the file' : `"${c}"`
}

function sorted(value: Json): Json {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(sorted)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]))
}
