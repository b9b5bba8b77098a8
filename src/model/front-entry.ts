import {
  isAlias,
  isCollection,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  Scalar,
  visit,
  type YAMLSeq,
} from 'yaml'
import { isNullWord, type QuoteStyle } from './yaml-text.ts'

/** Stands in a skeleton where a value goes. No YAML value can begin with it. */
export const PLACEHOLDER = '@'

/**
 * One key of a front matter, cut so that `head + gap + value + tail` is its source: `status:`, blanks, the value's source
 * (beginning with the line break when it stands on the lines below), and the rest: comments and blank lines up to the
 * next key.
 */
export interface Entry {
  readonly key: string
  readonly head: string
  readonly gap: string
  readonly value: string
  readonly tail: string
  /** What the value says: text, null, a list of these, or something else. */
  readonly input: unknown
  readonly style: QuoteStyle
  readonly line: number
}

/** Why a text is no front matter; `at` is an offset in the text. */
export interface Fault {
  readonly reason: string
  readonly at: number
}

/** The source of one key and all that belongs to it, not yet read. */
export interface Chunk {
  readonly head: string
  readonly rest: string
  /** Whether the value goes on below the key's line. */
  readonly continued: boolean
  /** Offset in the text. */
  readonly at: number
  readonly line: number
}

export interface Chunks {
  /** Comments and blank lines before the first key. */
  readonly lead: string
  readonly chunks: readonly Chunk[]
  /** The first line that belongs to no key. */
  readonly stray: Fault | undefined
}

const BLANK_OR_COMMENT = /^[ \t]*(?:#.*)?$/
const CONTINUATION = /^(?:[ \t]|-(?:[ \t]|$)|[\]}])/
const KEY =
  /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?:[^\s#'"[\]{}&*!|>%@`,?:-]|[?:-](?=\S))(?:[^\s:#]|:(?=\S)|(?<=\S)#|[ \t]+(?=[^\s:#]))*)[ \t]*:(?=[ \t]|$)/

/** Cuts a front matter or a skeleton into its keys, line by line. Lines that belong to no key are left out; the first is named. */
export function splitChunks(text: string): Chunks {
  let lead = ''
  let stray: Fault | undefined
  const chunks: Chunk[] = []
  let at = 0
  for (const [index, line] of text.split('\n').entries()) {
    const end = at + line.length
    const source = end < text.length ? `${line}\n` : line
    const last = chunks.at(-1)
    const head = KEY.exec(line)?.[0]
    const trivial = BLANK_OR_COMMENT.test(line)
    if (trivial || (CONTINUATION.test(line) && last !== undefined)) {
      if (last === undefined) lead += source
      else chunks[chunks.length - 1] = { ...last, rest: last.rest + source, continued: last.continued || !trivial }
    } else if (head !== undefined) {
      chunks.push({ head, rest: source.slice(head.length), continued: false, at, line: index + 1 })
    } else {
      stray ??= { reason: 'expected `key: value`', at }
    }
    at = end + 1
  }
  return { lead, chunks, stray }
}

/** Reads a chunk of front matter. */
export function readEntry(chunk: Chunk): Entry | Fault {
  return readSimple(chunk) ?? readYaml(chunk)
}

/** Reads a chunk of a skeleton; undefined when merging has broken it. */
export function readSkeletonEntry(chunk: Chunk): Entry | undefined {
  const placeholder = chunk.continued ? null : /^([ \t]+)@(?=[ \t]*(?:\n|$)|[ \t]+#)/.exec(chunk.rest)
  if (placeholder !== null) {
    const key = keyOf(chunk.head)
    const [all, gap = ''] = placeholder
    return key === undefined
      ? undefined
      : entry(chunk, { key, gap, value: PLACEHOLDER, tailAt: all.length, input: null })
  }
  const read = readEntry(chunk)
  return 'reason' in read ? undefined : read
}

export function sourceOf({ head, gap, value, tail }: Entry): string {
  return head + gap + value + tail
}

/** An entry with another value, as it is written. Keeps the blanks so that `withValue(withValue(e, PLACEHOLDER), e.value)` is `e`. */
export function withValue(from: Entry, value: string): string {
  const { head, gap, tail } = from
  const wasBare = isBare(from.value)
  if (wasBare === isBare(value)) return head + gap + value + tail
  return wasBare ? `${head}${gap} ${value}${tail}` : head + gap.slice(0, -1) + value + tail
}

/** Whether no blank is needed between the colon and the value. */
function isBare(value: string): boolean {
  return value === '' || value.startsWith('\n')
}

interface Cut {
  readonly key: string
  readonly gap: string
  readonly value: string
  readonly tailAt: number
  readonly input: unknown
  readonly style?: QuoteStyle
}

function entry(chunk: Chunk, { key, gap, value, tailAt, input, style = 'plain' }: Cut): Entry {
  return { key, head: chunk.head, gap, value, tail: chunk.rest.slice(tailAt), input, style, line: chunk.line }
}

const SIMPLE_KEY = /^[\p{L}_][\p{L}\p{N}_-]*:$/u
const WORD = '[\\p{L}\\p{N}_](?:[\\p{L}\\p{N}_./-]|:(?=[\\p{L}\\p{N}]))*'
const SIMPLE_VALUE = new RegExp(`^( *)(${WORD}(?: ${WORD})*|\\[(?:${WORD}(?:, ${WORD})*)?\\])?(?=\\n|$)`, 'u')

/** Reads what nearly all entries are without the parser, which takes 50 times as long. */
function readSimple(chunk: Chunk): Entry | undefined {
  const { head, rest, continued } = chunk
  if (continued || !SIMPLE_KEY.test(head)) return undefined
  const [all, blanks = '', value] = SIMPLE_VALUE.exec(rest) ?? []
  if (all === undefined || (value !== undefined && blanks === '')) return undefined
  const key = head.slice(0, -1)
  if (value === undefined) return entry(chunk, { key, gap: '', value: '', tailAt: 0, input: null })
  const list = value.startsWith('[') ? value.slice(1, -1).split(', ') : undefined
  return entry(chunk, {
    key,
    gap: blanks,
    value,
    tailAt: all.length,
    input: list?.map(plainInput) ?? plainInput(value),
  })
}

function readYaml(chunk: Chunk): Entry | Fault {
  const source = chunk.head + chunk.rest
  const document = parseYaml(source)
  const blanks = /^[ \t]*/.exec(chunk.rest)?.[0] ?? ''
  const error = document.errors[0]
  if (error !== undefined) {
    // What is open at the end began with the value.
    const atEnd = error.pos[0] >= source.trimEnd().length
    return { reason: shorten(error.message), at: chunk.at + (atEnd ? chunk.head.length + blanks.length : error.pos[0]) }
  }
  const [pair, more] = isCollection(document.contents) ? document.contents.items : []
  if (!isPair(pair) || !isScalar(pair.key) || more !== undefined)
    return { reason: 'expected `key: value`', at: chunk.at }
  const refused = refusedNode(document)
  if (refused !== undefined) return { ...refused, at: chunk.at + refused.at }
  const value = isNode(pair.value) ? pair.value : null
  const { length } = chunk.head
  const end = contentEnd(source, Math.max(length, endOf(value))) - length
  const gap = end <= 0 ? '' : blanks
  return entry(chunk, {
    key: String(pair.key.value),
    gap,
    value: chunk.rest.slice(gap.length, Math.max(0, end)),
    tailAt: Math.max(0, end),
    input: inputOf(value),
    style: styleOf(value),
  })
}

/** What the entry's value is to YAML's own rules, for fields that hold any JSON. */
export function jsonInput(from: Entry): unknown {
  const document = parseDocument(sourceOf(from), { schema: 'core', prettyErrors: false, logLevel: 'silent' })
  const value: unknown = document.toJS()
  return typeof value === 'object' && value !== null ? Object.values(value)[0] : null
}

/** The list that is the entry's value, with the places of its items in the entry's source; undefined when it is none. */
export function listOf(from: Entry): YAMLSeq | undefined {
  const { contents } = parseYaml(sourceOf(from))
  const pair = isCollection(contents) ? contents.items[0] : undefined
  return isPair(pair) && isSeq(pair.value) ? pair.value : undefined
}

/** Without types: what a value is, its field says. (YAML's own guess turns 010 into 10 and 1.10 into 1.1.) */
function parseYaml(source: string) {
  return parseDocument(source, { schema: 'failsafe', prettyErrors: false, logLevel: 'silent' })
}

function keyOf(head: string): string | undefined {
  const source = head.slice(0, -1).trimEnd()
  if (!/^["']/.test(source)) return source
  const { contents, errors } = parseYaml(source)
  return errors.length === 0 && isScalar(contents) ? String(contents.value) : undefined
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isCollection(value) || isAlias(value)
}

/** What cannot be spliced key by key, or is dangerous to resolve. */
function refusedNode(document: ReturnType<typeof parseYaml>): Fault | undefined {
  let fault: Fault | undefined
  visit(document, {
    Alias(_, alias) {
      fault = { reason: 'aliases (*name) are not understood here; write the value out', at: alias.range?.[0] ?? 0 }
      return visit.BREAK
    },
    Pair(_, pair) {
      if (isScalar(pair.key)) return undefined
      fault = { reason: 'has a key that is not plain text', at: isNode(pair.key) ? (pair.key.range?.[0] ?? 0) : 0 }
      return visit.BREAK
    },
  })
  return fault
}

/** Where a value's last character is, or 0 when it has none. */
function endOf(node: Node | null): number {
  if (node === null || node.range == null) return 0
  if (isCollection(node) && !node.flow) {
    const last: unknown = node.items.at(-1)
    if (!isPair(last)) return isNode(last) ? endOf(last) : 0
    return Math.max(isNode(last.key) ? endOf(last.key) : 0, isNode(last.value) ? endOf(last.value) : 0)
  }
  const [start, end] = node.range
  if (start === end) return 0
  // The line break that ends a block of text is the line's, not the value's.
  return isScalar(node) && (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED) ? end - 1 : end
}

/** The end of the last thing after `from` that is no comment: a dash or a tag without a value is in no node's range. */
function contentEnd(source: string, from: number): number {
  let end = from
  let at = from
  for (const line of source.slice(from).split('\n')) {
    const content = /^(?:[ \t]*|.*?[ \t])(?=#)|^.*$/.exec(line)?.[0].trimEnd() ?? ''
    if (content !== '') end = at + content.length
    at += line.length + 1
  }
  return end
}

function inputOf(node: Node | null): unknown {
  if (node === null) return null
  if (isSeq(node)) return node.items.map((item) => (isNode(item) ? inputOf(item) : null))
  if (!isScalar(node)) return node
  return node.type === Scalar.PLAIN ? plainInput(String(node.value)) : String(node.value)
}

function plainInput(source: string): string | null {
  return isNullWord(source) ? null : source
}

function styleOf(node: Node | null): QuoteStyle {
  if (!isScalar(node)) return 'plain'
  if (node.type === Scalar.QUOTE_SINGLE) return 'single'
  return node.type === Scalar.QUOTE_DOUBLE ? 'double' : 'plain'
}

/** The first sentence of the parser's message. */
function shorten(message: string): string {
  return message.split('\n')[0]?.replace(/:$/, '') ?? message
}
