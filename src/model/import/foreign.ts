import { parseDocument } from 'yaml'
import { prose } from '../field.ts'
import { defineKind } from '../kind.ts'
import { parseRecord } from '../markdown.ts'

/** A Markdown file that another tool wrote. */
export interface ForeignFile {
  readonly ok: true
  readonly hasFrontMatter: boolean
  /** Every key of the front matter with its value, scalars as the texts that stand there. */
  readonly values: ReadonlyMap<string, ForeignValue>
  /** Every key with the YAML source of its value. */
  readonly sources: Readonly<Record<string, string>>
  readonly body: string
}

export type ForeignValue = string | null | readonly ForeignValue[] | { readonly [key: string]: ForeignValue }

export interface BrokenForeignFile {
  readonly ok: false
  readonly reason: string
  readonly line: number
}

/** Reads such a file (LF, no BOM) with all keys of its front matter, whatever they are. */
export function readForeign(text: string): ForeignFile | BrokenForeignFile {
  const fence = /^---[ \t]*\n([\s\S]*?\n)?---[ \t]*(?:\n|$)/.exec(text)
  const yaml = quoteReserved(fence?.[1] ?? '')
  const parsed = parseRecord(anyKeys, fence ? `---\n${yaml}---\n${text.slice(fence[0].length)}` : text)
  if (!parsed.ok) return { ok: false, reason: parsed.reason, line: parsed.line }
  const values = new Map(Object.entries(readYaml(yaml)))
  const { id, extra, hasFrontMatter } = parsed
  return {
    ok: true,
    hasFrontMatter,
    values,
    sources: id === undefined ? extra : { id, ...extra },
    body: String(parsed.values[anyKeys.body] ?? ''),
  }
}

/** A kind that knows no key, so that each is kept with its source. */
const anyKeys = defineKind('foreign', {
  plural: 'foreign',
  letter: 'x',
  help: 'a file of another tool',
  fields: { body: prose({ help: 'the text' }) },
})

/** The keys as plain values. What is no mapping has none; that it can be read at all was checked before. */
function readYaml(yaml: string): Readonly<Record<string, ForeignValue>> {
  const value: unknown = parseDocument(yaml, { schema: 'failsafe', uniqueKeys: false }).toJS({ maxAliasCount: 100 })
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, ForeignValue>)
    : {}
}

/** `assignee: @ann` is no YAML, but it is what some tools write and read: it gets the quotes that it lacks. */
function quoteReserved(yaml: string): string {
  return yaml
    .replace(/^([ \t]*(?:-|[\w-]+:)[ \t]+)([@`][^'"\n]*?)[ \t]*$/gm, "$1'$2'")
    .replace(/^([\w-]+:[ \t]+\[)([^\n'"]*)(\][ \t]*)$/gm, (line, start: string, items: string, end: string) =>
      /(?:^|,)[ \t]*[@`]/.test(items)
        ? start + items.replace(/(^|,)([ \t]*)([@`][^,]*?)(?=[ \t]*(?:,|$))/g, "$1$2'$3'") + end
        : line,
    )
}
