import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import { type TextPiece, textPieces } from '../../model/text-pieces.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import { keyDifference, oneLine, recordDifference } from '../../store/record-diff.ts'
import type { Traced } from '../../store/traces.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation } from './define.ts'
import { kindNamed } from './fields.ts'
import { keyOf } from './history.ts'
import { type Moment, momentHelp, readMoment } from './moments.ts'
import { toOutput } from './output.ts'

export const recordHelp = 'the record: its id, a unique beginning of it, an alias, or its file'

const pieceSchema = z.object({
  type: z.enum(['same', 'added', 'removed', 'skipped']).describe('what became of it'),
  text: z.string().optional().describe('the piece'),
  lines: z.number().optional().describe('how many lines that stayed are left out'),
})

export const differenceSchema = z.object({
  key: z.string().describe('the record, or `state/` and a key'),
  kind: z.string().describe('its kind'),
  title: z.string().describe('what it is called'),
  headline: z.string().describe('what happened to it, in a few words'),
  lines: z.array(z.string()).describe('every field that changed, in words'),
  texts: z
    .array(z.object({ field: z.string().describe('the field'), pieces: z.array(pieceSchema).describe('its text') }))
    .describe('texts that changed, by words'),
})

/** A record or key at two moments, as people compare it. */
export interface ShownDifference {
  readonly key: string
  readonly kind: string
  readonly title: string
  readonly headline: string
  readonly lines: readonly string[]
  readonly texts: readonly { readonly field: string; readonly pieces: readonly TextPiece[] }[]
}

interface DiffInput {
  readonly from: string
  readonly to?: string | undefined
  readonly id?: string | undefined
  readonly limit: number
  readonly after?: string | undefined
}

/** Looking back: a record as it was, and what is different since. */
export const pastOperations: readonly Operation[] = [
  defineOperation<{ id: string; at?: string | undefined }, unknown>({
    name: 'record.show',
    effect: 'read',
    role: 'reader',
    help: 'Shows any record, now or as it was.',
    input: z.strictObject({
      id: z.string().describe(recordHelp),
      at: z.string().optional().describe(`as it was at ${momentHelp}`),
    }),
    output: z.looseObject({
      id: z.string().describe('its id'),
      kind: z.string().describe('its kind'),
      asOf: z.string().optional().describe('the moment, where one was asked for'),
    }),
    cli: {
      command: 'show',
      positionals: ['id'],
      view: { type: 'record' },
      examples: ['orch show t-7f3k', "orch show t-7f3k --at '2h ago'", 'orch show guides/start.md --at s-91qc'],
    },
    async run(context, input) {
      const { project } = context
      const { kind, id } = project.resolve(input.id)
      if (input.at === undefined) {
        const record = project.read(kind, id)
        if (!record) throw new OrchError('record_not_found', { kind: kind.name, id })
        return toOutput(project, kind, record)
      }
      const moment = await readMoment(context, input.at)
      const record = await project.past.record(kind, id, moment.vector)
      if (!record) throw new OrchError('record_not_then', { id, moment: moment.name })
      const then = { kinds: project.kinds, pathOf: () => `${kind.folder}/${record.file}` }
      return { ...toOutput(then, kind, record), asOf: moment.name }
    },
  }),
  defineOperation<DiffInput, unknown>({
    name: 'diff',
    effect: 'read',
    role: 'reader',
    help: 'Shows what is different between two moments, record by record and word by word.',
    input: z.strictObject({
      from: z.string().describe(momentHelp),
      to: z.string().optional().describe('the other moment; now, when it is left out'),
      id: z.string().optional().describe('only this record, or key of the state'),
      limit: z.number().int().min(1).max(500).default(50).describe('how many records at most'),
      after: z.string().optional().describe('go on after this page: the next of the page before'),
    }),
    output: z.object({
      from: z.string().describe('the one moment'),
      to: z.string().describe('the other'),
      items: z.array(differenceSchema).describe('what is different'),
      next: z.string().optional().describe('where the next page begins'),
    }),
    cli: {
      command: 'diff',
      positionals: ['from', 'to'],
      view: { type: 'changes', rows: 'items', empty: 'Nothing is different.' },
      examples: ['orch diff yesterday', 'orch diff s-91qc now --id t-7f3k', 'orch diff orch-history~3 orch-history'],
    },
    async run(context, { from, to = 'now', id, limit, after = '' }) {
      const { project } = context
      const [a, b] = [await readMoment(context, from), await readMoment(context, to)]
      const only = id === undefined ? undefined : keyOf(project, id)
      const keys = only === undefined ? await project.past.keysBetween(a.vector, b.vector) : [only]
      const items: ShownDifference[] = []
      for (const key of keys.filter((one) => one > after)) {
        if (items.length > limit) break
        const found = await differenceAt(context, key, a, b)
        if (found) items.push(found)
      }
      const shown = items.slice(0, limit)
      const next = items.length > limit ? shown.at(-1)?.key : undefined
      return { from: a.name, to: b.name, items: shown, ...(next !== undefined && { next }) }
    },
  }),
]

async function differenceAt(
  { project }: OperationContext,
  key: string,
  a: Moment,
  b: Moment,
): Promise<ShownDifference | undefined> {
  const { past } = project
  return differenceOf(project, key, await past.key(key, a.vector), await past.key(key, b.vector))
}

/** What is different; undefined when nothing is that anybody could see. */
export function differenceOf(
  project: Pick<Project, 'kinds'>,
  key: string,
  before: Traced,
  after: Traced,
): ShownDifference | undefined {
  if (!isRecord(before) && !isRecord(after)) {
    if (JSON.stringify(before?.value) === JSON.stringify(after?.value)) return undefined
    const slash = key.indexOf('/')
    return { key, kind: key.slice(0, slash), title: key.slice(slash + 1), texts: [], ...keyDifference(before, after) }
  }
  const [was, is] = [before, after].map((one) => (isRecord(one) ? one : undefined))
  const one = is ?? was
  if (!one) return undefined
  const kind = kindNamed(project, one.kind)
  // Not there and deleted are alike to who looks back.
  const isThere = (record: StoredRecord | undefined): boolean => record !== undefined && record.deletedAt === undefined
  if (!isThere(was) && !isThere(is)) return undefined
  const difference = is
    ? recordDifference(kind, was, is)
    : { headline: `not there ("${oneLine(one.values[kind.title] ?? one.id, 60)}" was)`, lines: [] }
  const texts = Object.entries(kind.fields).flatMap(([field, { merge }]) => {
    if (merge !== 'prose') return []
    const text = (record: StoredRecord | undefined): string =>
      isThere(record) ? String(record?.values[field] ?? '') : ''
    const pieces = is && isThere(is) ? textPieces(text(was), text(is)) : []
    return pieces.length > 0 ? [{ field, pieces }] : []
  })
  if (difference.lines.length === 0 && texts.length === 0 && isThere(was) === isThere(is)) return undefined
  return { key, kind: kind.name, title: oneLine(one.values[kind.title] ?? '', 100), ...difference, texts }
}

function isRecord(traced: Traced): traced is StoredRecord {
  return traced !== undefined && 'values' in traced
}
