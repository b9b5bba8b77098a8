import type { RecordKind } from '../kind.ts'
import type { Json } from '../record.ts'
import { parseValue } from '../validate.ts'
import { createExtras, extraKeyOf } from './extras.ts'
import { createFiller, fieldOf, type ImportedRecord, isClosed } from './imported.ts'
import { bodyOf, faultOf, type Item, itemOf, listOf, MAX_DEPTH, textOf, timeOf, titleOf } from './values.ts'
import { statusWord } from './words.ts'

const PREFIX = 'tm'
const MAIN_TAG = 'master'

/** The tags of a `tasks.json` with their tasks; a file from before there were tags is one. Undefined when it is none. */
export function tagsOf(value: Json): ReadonlyMap<string, Item> | undefined {
  const file = itemOf(value)
  if (!file) return undefined
  if (isTag(file)) return new Map([[MAIN_TAG, file]])
  const tags = Object.entries(file).flatMap(([name, one]) => {
    const tag = itemOf(one)
    return tag && isTag(tag) ? [[name, tag] as const] : []
  })
  return tags.length === 0 ? undefined : new Map(tags)
}

function isTag(item: Item): boolean {
  return Array.isArray(item.tasks) && (item.tasks as readonly Json[]).every((one) => isTask(one))
}

function isTask(value: Json): boolean {
  const item = itemOf(value)
  return item !== undefined && textOf(item.id) !== undefined && textOf(item.title) !== undefined
}

/** What a task of Task Master is called here: `tm-2.1`; of a tag, `tm-feature/2.1`. */
function aliasOf(tag: string, id: string): string {
  return tag === MAIN_TAG ? `${PREFIX}-${id}` : `${PREFIX}-${tag}/${id}`
}

export type ReadTask = ImportedRecord | { readonly name: string; readonly reason: string }

/** Makes tasks of one of a tag, and of its subtasks: parts of it, with dotted ids. */
export function toTasks(own: RecordKind, tag: string, value: Json): readonly ReadTask[] {
  return readTask(own, tag, value, undefined, 0)
}

interface Parent {
  readonly id: string
  readonly siblings: ReadonlySet<string>
}

function readTask(
  kind: RecordKind,
  tag: string,
  value: Json,
  parent: Parent | undefined,
  depth: number,
): readonly ReadTask[] {
  const item = itemOf(value)
  const own = textOf(item?.id)?.trim()
  const id = own === undefined || parent === undefined || own.startsWith(`${parent.id}.`) ? own : `${parent.id}.${own}`
  const name = aliasOf(tag, id ?? '?')
  if (!item || id === undefined) return [{ name: aliasOf(tag, parent?.id ?? '?'), reason: 'a task in it has no id' }]
  if (depth > MAX_DEPTH) return [{ name, reason: `it is nested deeper than ${MAX_DEPTH}` }]
  const { subtasks, ...rest } = item
  const fault = faultOf(rest)
  if (fault !== undefined) return [{ name, reason: fault }]
  const title = textOf(item.title)
  if (title === undefined) return [{ name, reason: 'it has no title' }]
  const children = listOf(subtasks)
  const siblings = new Set(children.flatMap((one) => textOf(itemOf(one)?.id)?.trim() ?? []))
  return [
    toTask(kind, tag, { ...rest, id, title }, parent),
    ...children.flatMap((one) => readTask(kind, tag, one, { id, siblings }, depth + 1)),
  ]
}

function toTask(
  kind: RecordKind,
  tag: string,
  item: Item & { readonly id: string; readonly title: string },
  parent: Parent | undefined,
): ReadTask {
  const filler = createFiller(kind, (key) => extraKeyOf(PREFIX, key))
  const { values, home, notes, take } = filler
  for (const key of [
    'id',
    'title',
    'dependencies',
    'parentId',
    'parentTaskId',
    'description',
    'details',
    'testStrategy',
  ])
    home.add(key)
  values.title = titleOf(item.title)
  if (values.title !== item.title.trim()) notes.push('its title was cut or made one line; the whole stands in the text')
  const status = textOf(item.status)
  values.status = status === undefined ? 'todo' : (statusWord(kind, status) ?? 'todo')
  if (status === undefined || EXACT.has(status) || values.status === status.trim()) home.add('status')
  else if (statusWord(kind, status) === undefined)
    notes.push(`status "${status}" is not known here: taken as todo; kept as tm_status`)
  take('priority', 'priority', textOf(item.priority))
  take('assignee', 'assignee', textOf(item.assignee))
  take('labels', 'labels', item.labels ?? undefined)
  if (tag !== MAIN_TAG) {
    const labels = Array.isArray(values.labels)
      ? values.labels.filter((one): one is string => typeof one === 'string')
      : []
    const parsed = parseValue(fieldOf(kind, 'labels'), [...labels, tag.replaceAll(',', ' ')])
    if (parsed.ok) values.labels = parsed.value
  }
  values.body = bodyOf([
    [undefined, values.title === item.title.trim() ? undefined : item.title],
    [undefined, textOf(item.description)],
    ['Details', textOf(item.details)],
    ['Test strategy', textOf(item.testStrategy)],
  ])
  const closed = timeOf(item.completedAt)
  if (isClosed(kind, String(values.status))) {
    values.closedAt = closed ?? timeOf(item.updatedAt) ?? null
    if (closed !== undefined) home.add('completedAt')
  }
  const createdAt = timeOf(item.createdAt)
  if (createdAt !== undefined) home.add('createdAt')
  const extras = createExtras(PREFIX)
  for (const [key, value] of Object.entries(item)) if (!home.has(key)) extras.add(key, value)
  const tooLarge = extras.fault()
  if (tooLarge !== undefined) return { name: aliasOf(tag, item.id), reason: tooLarge }
  return {
    kind: 'task',
    alias: aliasOf(tag, item.id),
    values,
    extra: extras.sources(),
    comments: [],
    file: undefined,
    createdAt,
    createdBy: undefined,
    dependencies: listOf(item.dependencies).flatMap((to) => dependencyOf(tag, to, parent) ?? []),
    parent: parent && aliasOf(tag, parent.id),
    isDeleted: false,
    notes: [...notes, ...extras.notes],
  }
}

/** Statuses of which nothing is lost. */
const EXACT = new Set([
  'pending',
  'todo',
  'in-progress',
  'in_progress',
  'done',
  'completed',
  'review',
  'blocked',
  'cancelled',
])

/** A number in a subtask means the one beside it, where there is one; everything else a task of the tag, by its dotted id. */
function dependencyOf(tag: string, to: Json, parent: Parent | undefined): string | undefined {
  const id = textOf(to)?.trim()
  if (id === undefined) return undefined
  return aliasOf(tag, parent?.siblings.has(id) ? `${parent.id}.${id}` : id)
}
