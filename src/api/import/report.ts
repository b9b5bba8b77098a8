import { z } from 'zod'

const fileReason = z.object({
  file: z.string().describe('the file'),
  reason: z.string().describe('what about it'),
})

/** What an import did, or would do. */
export const reportSchema = z.object({
  dryRun: z.boolean().describe('whether nothing was written'),
  created: z.number().describe('records made'),
  unchanged: z.number().describe('records that an earlier import made from the same text'),
  linked: z.number().describe('earlier imported records that got a link to one that came now'),
  differs: z.array(fileReason).describe('files changed since they were imported; the records were left as they are'),
  skipped: z
    .array(fileReason.extend({ line: z.number().optional().describe('the line') }))
    .describe('files that were not imported'),
  unresolved: z
    .array(fileReason.extend({ id: z.string().describe('the old id it names') }))
    .describe('links to what is not here, kept in the record as an extra key'),
  notes: z.array(fileReason).describe('what was read otherwise than it stands there'),
  keptAsExtra: z.record(z.string(), z.number()).describe('keys without a field, by how many records keep them'),
  aliases: z.number().describe('old ids that every command accepts'),
  pages: z.number().describe('pages among the records made'),
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
    unchanged: 0,
    linked: 0,
    differs: [],
    skipped: [],
    unresolved: [],
    notes: [],
    keptAsExtra: {},
    aliases: 0,
    pages: 0,
  }
}

export function finish(draft: Draft): Report {
  return { ...draft, summary: summaryOf(draft) }
}

const SHOWN = 30

function summaryOf(draft: Draft): string {
  const { dryRun, created, pages, unchanged, linked, aliases } = draft
  const made = `${dryRun ? 'Would create' : 'Created'} ${created - pages} tasks and ${pages} pages`
  const lines = [`${made}; ${aliases} old ids stay valid.`]
  if (unchanged > 0) lines.push(`Unchanged since an earlier import: ${unchanged}.`)
  if (linked > 0) lines.push(`Linked now with what came later: ${linked}.`)
  if (created === 0 && linked === 0) lines.push('There is nothing new to import.')
  const extra = Object.entries(draft.keptAsExtra).sort(([a], [b]) => (a < b ? -1 : 1))
  if (extra.length > 0)
    lines.push(`Kept as extra keys: ${extra.map(([key, count]) => `${key} (${count})`).join(', ')}.`)
  return [
    ...lines,
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
