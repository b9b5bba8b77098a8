import { z } from 'zod'
import type { Item } from './values.ts'
import { itemOf, textOf } from './values.ts'

/** How items of a home-made system become records: which of their keys is which field. */
export const mappingSchema = z.strictObject({
  /** What an item becomes. */
  kind: z.enum(['task', 'page']).default('task'),
  /** Where the list of items is: keys with dots between, '' for the top. */
  items: z.string().default(''),
  /** Field here -> the key there, or several: of texts all are used, under their names; of others the first that is there. */
  fields: z.partialRecord(
    z.enum([
      'id',
      'title',
      'status',
      'priority',
      'assignee',
      'labels',
      'dependencies',
      'parent',
      'children',
      'estimatedHours',
      'spentHours',
      'due',
      'body',
      'comments',
      'createdAt',
      'createdBy',
      'closedAt',
    ]),
    z.union([z.string(), z.array(z.string())]),
  ),
  /** Words there -> words here. */
  status: z.record(z.string(), z.string()).default({}),
  priority: z.record(z.string(), z.string()).default({}),
  /** Put before ids, so that they are told apart from those of others. */
  prefix: z.string().max(40).default('old-'),
})

export type Mapping = z.infer<typeof mappingSchema>
export type MappedField = keyof Mapping['fields'] & string

/** Words that such systems use for a field, in lower case without blanks, `_` and `-`; the likeliest first. */
const GUESSES: Readonly<Record<MappedField, readonly string[]>> = {
  id: ['id', 'key', 'uid', 'uuid', 'taskid', 'issueid', 'number', 'no', 'nr', 'code'],
  title: ['title', 'name', 'summary', 'subject', 'task', 'headline', 'todo', 'text', 'content'],
  status: [
    'status',
    'state',
    'stage',
    'column',
    'progress',
    'done',
    'completed',
    'isdone',
    'iscompleted',
    'checked',
    'closed',
  ],
  priority: ['priority', 'prio', 'importance', 'severity', 'urgency'],
  assignee: ['assignee', 'assignedto', 'assigned', 'owner', 'assignees', 'responsible', 'who'],
  labels: ['labels', 'tags', 'label', 'tag', 'categories', 'category', 'keywords'],
  dependencies: ['dependencies', 'dependson', 'blockedby', 'requires', 'deps', 'prerequisites', 'after'],
  parent: ['parent', 'parentid', 'parenttask', 'epic', 'partof'],
  children: ['subtasks', 'children', 'subitems', 'steps', 'checklist'],
  estimatedHours: ['estimatedhours', 'estimate', 'hours', 'estimatehours', 'effort'],
  spentHours: ['spenthours', 'actualhours', 'timespent', 'loggedhours', 'spent'],
  due: ['due', 'duedate', 'deadline', 'dueat', 'dueon'],
  body: ['body', 'description', 'details', 'notes', 'note', 'content', 'text', 'acceptancecriteria'],
  comments: ['comments', 'discussion'],
  createdAt: ['createdat', 'created', 'createddate', 'createdon', 'date', 'creationdate', 'timestamp'],
  createdBy: ['createdby', 'author', 'reporter', 'creator'],
  closedAt: ['closedat', 'completedat', 'completeddate', 'finishedat', 'doneat', 'closed'],
}

const LISTS = ['tasks', 'issues', 'items', 'todos', 'tickets', 'stories', 'cards', 'entries', 'data', 'records']

/** Where the list of items of a file is; undefined when there is none that looks like one. */
export function guessList(file: unknown): string | undefined {
  if (Array.isArray(file)) return ''
  const top = itemOf(file as never)
  if (!top) return undefined
  const lists = Object.entries(top).filter(([, value]) => isList(value))
  const [found] = lists.toSorted(([a], [b]) => rank(a) - rank(b))
  if (found) return found[0]
  for (const [key, value] of Object.entries(top)) {
    const below =
      itemOf(value) && !Array.isArray(value)
        ? Object.entries(value as Item).find(([name, one]) => LISTS.includes(name) && isList(one))
        : undefined
    if (below) return `${key}.${below[0]}`
  }
  return undefined
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((one) => itemOf(one as never) !== undefined)
}

function rank(name: string): number {
  const at = LISTS.indexOf(name.toLowerCase())
  return at < 0 ? LISTS.length : at
}

/** Guesses by their keys how items become tasks. */
export function guessMapping(items: readonly Item[], where: string): Mapping {
  const keys = new Map<string, string>()
  for (const item of items) {
    for (const [key, value] of Object.entries(item)) {
      const name = key.toLowerCase().replace(/[\s_-]+/g, '')
      if (value !== null && value !== '' && !keys.has(name)) keys.set(name, key)
    }
  }
  const used = new Set<string>()
  const fields: Mapping['fields'] = {}
  const order = ['title', ...Object.keys(GUESSES).filter((name) => name !== 'title')] as MappedField[]
  for (const field of order) {
    const found = GUESSES[field]
      .flatMap((word) => keys.get(word) ?? [])
      .filter((key) => !used.has(key) && fits(field, items, key))
    const chosen = field === 'body' ? found : found.slice(0, 1)
    for (const key of chosen) used.add(key)
    if (chosen.length > 0) fields[field] = chosen.length === 1 ? String(chosen[0]) : chosen
  }
  return mappingSchema.parse({ items: where, fields })
}

/** Whether values of a key can be those of a field. */
function fits(field: MappedField, items: readonly Item[], key: string): boolean {
  const values = items.map((item) => item[key]).filter((value) => value !== undefined && value !== null && value !== '')
  switch (field) {
    case 'title':
    case 'body':
      return values.every((value) => textOf(value) !== undefined || (field === 'body' && Array.isArray(value)))
    case 'children':
      return values.every((value) => Array.isArray(value))
    case 'comments':
      return values.every((value) => Array.isArray(value))
    case 'estimatedHours':
    case 'spentHours':
      return values.every((value) => value !== '' && !Number.isNaN(Number(value)))
    case 'createdAt':
    case 'closedAt':
      return values.every((value) => typeof value === 'string' || typeof value === 'number')
    default:
      return true
  }
}
