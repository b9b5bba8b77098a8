import { z } from 'zod'
import type { Mapping } from '../../model/import/mapping.ts'
import { printMapping } from '../../model/import/mapping-file.ts'
import type { Kinds } from '../../model/kind-set.ts'

const fileReason = z.object({
  file: z.string().describe('the file, or the old id of an issue'),
  reason: z.string().describe('what about it'),
})

/** What an import did, or would do. */
export const reportSchema = z.object({
  dryRun: z.boolean().describe('whether nothing was written'),
  created: z.number().describe('records made'),
  createdDeleted: z.number().describe('records among them that are deleted, as they are there'),
  unchanged: z.number().describe('records that an earlier import made from the same text'),
  linked: z.number().describe('earlier imported records that got a link to one that came now'),
  differs: z.array(fileReason).describe('what changed there since it was imported; the records were left as they are'),
  skipped: z
    .array(fileReason.extend({ line: z.number().optional().describe('the line') }))
    .describe('what was not imported'),
  deleted: z.array(z.string()).describe('old ids that are deleted there and were not imported'),
  unresolved: z
    .array(fileReason.extend({ id: z.string().describe('the old id it names') }))
    .describe('links to what is not here, kept in the record as an extra key'),
  notes: z.array(fileReason).describe('what was read otherwise than it stands there'),
  keptAsExtra: z.record(z.string(), z.number()).describe('keys without a field, by how many records keep them'),
  notKept: z.record(z.string(), z.number()).describe('what has no place here, by how many records said it'),
  aliases: z.number().describe('old ids that every command accepts'),
  pages: z.number().describe('pages among the records made'),
  counts: z.record(z.string(), z.number()).describe('what was made, by kind'),
  format: z.string().optional().describe('the format that was found'),
  mapping: z
    .unknown()
    .optional()
    .describe(
      'of a home-made format: which key became which field; write it to a file, correct it, and give it as mapping',
    ),
  summary: z.string().describe('all of this to read'),
})

export type Report = z.infer<typeof reportSchema>

/** A report that is being filled. */
export type Draft = {
  -readonly [key in keyof Omit<Report, 'summary'>]: Report[key]
}

export function emptyDraft(dryRun: boolean): Draft {
  return {
    dryRun,
    created: 0,
    createdDeleted: 0,
    unchanged: 0,
    linked: 0,
    differs: [],
    skipped: [],
    deleted: [],
    unresolved: [],
    notes: [],
    keptAsExtra: {},
    notKept: {},
    aliases: 0,
    pages: 0,
    counts: {},
  }
}

export function finish(draft: Draft, kinds: Kinds): Report {
  return { ...draft, summary: summaryOf(draft, kinds) }
}

const SHOWN = 30
const MAPPED = 'Mapped like this; write it to a file, correct it, and give it with --mapping:'

function summaryOf(draft: Draft, kinds: Kinds): string {
  const { dryRun, created, createdDeleted, counts: by, unchanged, linked, aliases, deleted, mapping } = draft
  const parts = Object.entries(by).flatMap(([plural, count]) => {
    const one = kinds.all.find((kind) => kind.plural === plural)?.name ?? plural
    return count > 0 ? [`${count} ${count === 1 ? one : plural}`] : []
  })
  const last = parts.at(-1) ?? '0 tasks'
  const made = parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${last}` : last
  const valid = aliases > 0 ? `; ${aliases} old ids stay valid` : ''
  const lines = [`${dryRun ? 'Would create' : 'Created'} ${made}${valid}.`]
  if (createdDeleted > 0) lines.push(`Deleted there, and so here: ${createdDeleted} of them.`)
  if (unchanged > 0) lines.push(`Unchanged since an earlier import: ${unchanged}.`)
  if (linked > 0) lines.push(`Linked now with what came later: ${linked}.`)
  if (created === 0 && linked === 0 && parts.length === 0) lines.push('There is nothing new to import.')
  if (deleted.length > 0)
    lines.push(`Deleted there and not imported: ${deleted.length}; --deleted brings them in, deleted.`)
  lines.push(
    ...counts('Kept as extra keys', draft.keptAsExtra),
    ...counts('Not kept, there is no place for it', draft.notKept),
  )
  return [
    ...lines,
    ...(mapping === undefined ? [] : ['', MAPPED, printMapping(mapping as Mapping).trimEnd()]),
    ...section('Changed there since they were imported, left as they are here', draft.differs),
    ...section(
      'Not imported',
      draft.skipped.map(({ file, line, reason }) => ({ file: line === undefined ? file : `${file}:${line}`, reason })),
    ),
    ...section(
      'Links to what is not here, kept as extra keys',
      draft.unresolved.map(({ file, id, reason }) => ({ file, reason: `${id} ${reason}` })),
    ),
    ...section('To know', draft.notes),
  ].join('\n')
}

function counts(title: string, of: Readonly<Record<string, number>>): readonly string[] {
  const sorted = Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.length === 0 ? [] : [`${title}: ${sorted.map(([key, count]) => `${key} (${count})`).join(', ')}.`]
}

function section(
  title: string,
  items: readonly { readonly file: string; readonly reason: string }[],
): readonly string[] {
  if (items.length === 0) return []
  const rest = items.length > SHOWN ? [`  ... and ${items.length - SHOWN} more; --json shows all`] : []
  return [
    '',
    `${title}: ${items.length}`,
    ...items.slice(0, SHOWN).map(({ file, reason }) => `  ${file}: ${reason}`),
    ...rest,
  ]
}
