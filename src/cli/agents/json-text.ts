/**
 * Edits of JSON as text, so that what a person wrote around them stays as it is: comments, order, blank lines. Reads what
 * editors read: comments and commas at the end are borne.
 */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

interface Container {
  readonly type: 'object' | 'array'
  /** Of the opening bracket, and behind the closing one. */
  readonly start: number
  readonly end: number
  readonly members: readonly Member[]
}

interface Member {
  /** In an array, none. */
  readonly key: string | undefined
  /** Where the member begins, key included, and ends. */
  readonly start: number
  readonly end: number
  readonly value: Node
}

type Node = Container | { readonly type: 'plain'; readonly start: number; readonly end: number }

/** The value at a path, as JSON; undefined when there is none. Throws `SyntaxError` on what is no JSON. */
export function valueAt(text: string, path: readonly string[]): Json | undefined {
  const node = nodeAt(read(text), path)
  return node && toJson(text, node)
}

/** The text with a member added to the object at a path, which is made when it is not there. */
export function withMember(text: string, path: readonly string[], key: string, value: Json): string {
  const [node, missing] = deepest(text, path)
  const nested = missing.reduceRight<readonly [string, Json]>(
    ([name, json], one) => [one, { [name]: json }],
    [key, value],
  )
  return insert(text, node, JSON.stringify(nested[0]), nested[1])
}

/** The text with an element added to the array at a path, which is made when it is not there. */
export function withElement(text: string, path: readonly string[], value: Json): string {
  const [node, missing] = deepest(text, path)
  if (missing.length === 0) return insert(text, node, undefined, value)
  const [name = '', ...rest] = missing
  const nested = rest.reduceRight<Json>((json, one) => ({ [one]: json }), [value])
  return insert(text, node, JSON.stringify(name), nested)
}

/** The text without the member at a path, if it says what is expected. Undefined when it says something else, or is not there. */
export function withoutMember(text: string, path: readonly string[], expected: Json): string | undefined {
  const parent = nodeAt(read(text), path.slice(0, -1))
  if (parent?.type !== 'object') return undefined
  const member = parent.members.find(({ key }) => key === path.at(-1))
  return member && isSame(toJson(text, member.value), expected) ? cut(text, parent, member) : undefined
}

/** The same for an element of the array at a path. */
export function withoutElement(text: string, path: readonly string[], expected: Json): string | undefined {
  const parent = nodeAt(read(text), path)
  if (parent?.type !== 'array') return undefined
  const element = parent.members.find(({ value }) => isSame(toJson(text, value), expected))
  return element && cut(text, parent, element)
}

function deepest(text: string, path: readonly string[]): readonly [Container, readonly string[]] {
  let node = read(text)
  for (const [i, name] of path.entries()) {
    if (node.type === 'plain') throw new SyntaxError(`${path.slice(0, i).join('.') || 'the file'} is no object`)
    const next = node.members.find(({ key }) => key === name)
    if (!next) return [node, path.slice(i)]
    node = next.value
  }
  if (node.type === 'plain') throw new SyntaxError(`${path.join('.')} is no object`)
  return [node, []]
}

function insert(text: string, { start, end, members }: Container, key: string | undefined, value: Json): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const outer = /(?:^|\n)([ \t]*)[^\n]*$/.exec(text.slice(0, start + 1))?.[1] ?? ''
  const last = members.at(-1)
  const first = members[0]
  const own = first && /\n([ \t]*)$/.exec(text.slice(0, first.start))?.[1]
  const unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
  const indent = own ?? outer + unit
  const json = JSON.stringify(value, null, unit).replaceAll('\n', newline + indent)
  const member = key === undefined ? json : `${key}: ${json}`
  if (!last) {
    // What is between the brackets may be a comment.
    const inside = text.slice(start + 1, end - 1).trimEnd()
    return `${text.slice(0, start + 1)}${inside}${newline}${indent}${member}${newline}${outer}${text.slice(end - 1)}`
  }
  const rest = text.slice(last.end)
  const hasComma = /^(?:\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*,/.exec(rest)
  if (hasComma) {
    const at = last.end + hasComma[0].length
    return `${text.slice(0, at)}${newline}${indent}${member}${text.slice(at)}`
  }
  return `${text.slice(0, last.end)},${newline}${indent}${member}${rest}`
}

/** Takes a member out, with the comma and the line that came with it. */
function cut(text: string, { members, start, end }: Container, member: Member): string {
  const i = members.indexOf(member)
  const before = members[i - 1]
  const after = members[i + 1]
  if (before) return text.slice(0, before.end) + text.slice(member.end)
  if (after) return text.slice(0, member.start) + text.slice(after.start)
  const rest = text.slice(member.end, end - 1).replace(/^\s*,/, '')
  const inside = (text.slice(start + 1, member.start) + rest).trim()
  return text.slice(0, start + 1) + inside + text.slice(end - 1)
}

function nodeAt(node: Node | undefined, path: readonly string[]): Node | undefined {
  return path.reduce<Node | undefined>(
    (one, name) => (one && one.type === 'object' ? one.members.find(({ key }) => key === name)?.value : undefined),
    node,
  )
}

function toJson(text: string, node: Node): Json {
  switch (node.type) {
    case 'plain':
      return JSON.parse(text.slice(node.start, node.end)) as Json
    case 'array':
      return node.members.map(({ value }) => toJson(text, value))
    case 'object':
      return Object.fromEntries(node.members.map(({ key, value }) => [key ?? '', toJson(text, value)]))
  }
}

function isSame(a: Json, b: Json): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one as Json)]),
  )
}

function read(text: string): Node {
  let at = 0
  const fail = (): never => {
    const before = text.slice(0, at).split('\n')
    throw new SyntaxError(`it is no JSON at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`)
  }
  const skip = (): void => {
    const blank = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/|\ufeff)*/y
    blank.lastIndex = at
    at += blank.exec(text)?.[0].length ?? 0
  }
  const plain = (): Node => {
    const scalar = /"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
    scalar.lastIndex = at
    const found = scalar.exec(text)?.[0] ?? fail()
    const start = at
    at += found.length
    return { type: 'plain', start, end: at }
  }
  const container = (type: Container['type'], close: string, depth: number): Node => {
    const start = at++
    const members: Member[] = []
    for (;;) {
      skip()
      if (text[at] === close) break
      const from = at
      let key: string | undefined
      if (type === 'object') {
        const name = plain()
        key = String(toJson(text, name))
        skip()
        if (text[at++] !== ':') fail()
        skip()
      }
      const value = node(depth + 1)
      members.push({ key, start: from, end: value.end, value })
      skip()
      if (text[at] === ',') at++
      else if (text[at] !== close) fail()
    }
    at++
    return { type, start, end: at, members }
  }
  const node = (depth: number): Node => {
    if (depth > 100) fail()
    skip()
    if (text[at] === '{') return container('object', '}', depth)
    if (text[at] === '[') return container('array', ']', depth)
    return plain()
  }
  const root = node(0)
  skip()
  return at === text.length ? root : fail()
}
