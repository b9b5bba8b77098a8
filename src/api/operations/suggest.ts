import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { RecordKind } from '../../model/kind.ts'
import { task } from '../../model/kinds/task.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { Operation, OperationContext } from '../operation.ts'
import { defineOperation } from './define.ts'

const DEFAULT_LIMIT = 100
/** How many records are looked at for the values of a field: those that were changed last. */
const LOOKED_AT = 1000

interface Suggestion {
  readonly value: string
  readonly help: string
}

/** Values to choose from, for who is typing one. */
export const suggestOperations: readonly Operation[] = [
  defineOperation<{ of: string; prefix: string; limit: number }, unknown>({
    name: 'suggest',
    effect: 'read',
    role: 'reader',
    help: 'Lists values to choose from: ids with their titles, paths of pages, labels, assignees, peers. Shells complete with it.',
    input: z.strictObject({
      of: z
        .string()
        .describe(
          'what is wanted: a kind (task), "record", a field of a kind (task.labels), "actor", "peer" or "state"',
        ),
      prefix: z.string().default('').describe('what the values begin with'),
      limit: z.number().int().min(1).max(1000).default(DEFAULT_LIMIT).describe('how many at most'),
    }),
    output: z.object({
      items: z
        .array(z.object({ value: z.string().describe('the value'), help: z.string().describe('what it stands for') }))
        .describe('the values'),
    }),
    cli: {
      command: 'suggest',
      positionals: ['of', 'prefix'],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'value', head: 'value', style: 'id' },
          { key: 'help', head: 'what' },
        ],
        empty: 'There is nothing to suggest.',
      },
      examples: ['orch suggest task t-7', 'orch suggest task.labels'],
    },
    run: (context, { of, prefix, limit }) => ({
      items: suggestions(context, of, prefix, limit)
        .filter(({ value }) => value.startsWith(prefix))
        .slice(0, limit),
    }),
  }),
]

function suggestions(
  { project, parts }: OperationContext,
  of: string,
  prefix: string,
  limit: number,
): readonly Suggestion[] {
  const [, isDeleted, name = ''] = /^(deleted )?(.*)$/s.exec(of) ?? []
  const kinds = project.kinds.records.filter((kind) => name === 'record' || kind.name === name)
  if (kinds.length > 0) return kinds.flatMap((kind) => recordsOf(project, kind, prefix, limit, isDeleted !== undefined))
  if (of === 'peer') return parts.peers.list().map((peer) => ({ value: peer.name, help: peer.url }))
  if (of === 'actor')
    return valuesOf(project, task, ({ values, updatedBy }) => [values.assignee, values.createdBy, updatedBy])
  const keyed = project.kinds.keys(of)
  if (keyed) {
    const values = [...project.readKeys(keyed.name).values()].filter(({ value }) => value !== undefined)
    return values.map(({ key, value }) => ({ value: key, help: JSON.stringify(value) ?? '' }))
  }
  const [kindName = '', field = ''] = of.split('.')
  const kind = project.kinds.record(kindName)
  const declared = kind && Object.hasOwn(kind.fields, field) ? kind.fields[field] : undefined
  if (!kind || !declared) throw new OrchError('invalid_input', { field: 'of', reason: `there is no "${of}"` })
  const { value } = declared
  if (value.type === 'choice') return value.choices.map((choice) => ({ value: choice, help: '' }))
  return valuesOf(project, kind, ({ values }) => [values[field]].flat())
}

/** Records by what a person types for them: a path where they have one, else the id. Before a letter is typed, open ones. */
function recordsOf(
  project: Project,
  kind: RecordKind,
  prefix: string,
  limit: number,
  isDeleted: boolean,
): readonly Suggestion[] {
  const isPath = kind.fileName === 'path'
  const item = (record: StoredRecord): Suggestion => ({
    value: isPath ? project.pathOf(kind, record.id).slice(kind.folder.length + 1) : record.id,
    help: String(record.values[kind.title] ?? ''),
  })
  if (isDeleted) return project.list(kind, { deleted: 'only', limit: LOOKED_AT }).items.map(item)
  if (prefix === '' || isPath) {
    const open = Object.keys(kind.stamps).map((name) => [name, [null]])
    return project.list(kind, { where: Object.fromEntries(open), limit: isPath ? LOOKED_AT : limit }).items.map(item)
  }
  const ids = project.ids(kind).filter((id) => id.startsWith(prefix))
  return ids.slice(0, limit).flatMap((id) => {
    const record = project.read(kind, id)
    return record ? [item(record)] : []
  })
}

/** What records hold, the most frequent first. */
function valuesOf(
  project: Project,
  kind: RecordKind,
  held: (record: StoredRecord) => readonly unknown[],
): readonly Suggestion[] {
  const counts = new Map<string, number>()
  for (const record of project.list(kind, { sort: '-updatedAt', limit: LOOKED_AT }).items) {
    for (const value of new Set(held(record))) {
      if (typeof value === 'string' && value !== '') counts.set(value, (counts.get(value) ?? 0) + 1)
    }
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([value, count]) => ({ value, help: `${count} ${count === 1 ? kind.name : kind.plural}` }))
}
