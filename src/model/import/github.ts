import { toActorName } from '../actor.ts'
import { MAX_ENTRY_LENGTH } from '../entry.ts'
import { task } from '../kinds/task.ts'
import type { Json } from '../record.ts'
import { createExtras, extraKeyOf } from './extras.ts'
import { createFiller, type ImportedComment, type ImportedRecord } from './imported.ts'
import { faultOf, type Item, itemOf, listOf, textOf, timeOf, titleOf } from './values.ts'
import { priorityWord } from './words.ts'

const PREFIX = 'github'

/** Whether a value is an issue as `gh issue list --json` or the REST interface writes it. */
export function isGithubIssue(value: Json): boolean {
  const item = itemOf(value)
  return (
    item !== undefined &&
    typeof item.number === 'number' &&
    typeof item.title === 'string' &&
    ['state', 'url', 'html_url', 'labels', 'assignees', 'body'].some((key) => key in item)
  )
}

/** What an issue is called here: `owner/name#12` where its address says so, else `gh-12`. */
function aliasOf(item: Item): string {
  const [, repository] =
    /^https?:\/\/[^/]+\/([\w.-]+\/[\w.-]+)\/issues\//.exec(String(item.html_url ?? item.url ?? '')) ?? []
  return repository === undefined ? `gh-${String(item.number)}` : `${repository}#${String(item.number)}`
}

/** Makes a task of an issue. */
export function toTask(value: Json): ImportedRecord | { readonly name: string; readonly reason: string } {
  const item = itemOf(value)
  if (!item || typeof item.number !== 'number') return { name: '?', reason: 'it is no issue: it has no number' }
  const name = aliasOf(item)
  const title = textOf(item.title)
  if (title === undefined) return { name, reason: 'it has no title' }
  if (item.pull_request !== undefined && item.pull_request !== null) return { name, reason: 'it is a pull request' }
  const fault = faultOf(item)
  if (fault !== undefined) return { name, reason: fault }

  const { values, home, notes, take } = createFiller(task, (key) => extraKeyOf(PREFIX, key))
  const use = (...keys: readonly string[]): Json | undefined => {
    const found = keys.find((key) => item[key] !== undefined && item[key] !== null)
    for (const key of keys) home.add(key)
    return found === undefined ? undefined : item[found]
  }
  const labels = listOf(item.labels).flatMap((one) => textOf(itemOf(one)?.name ?? one)?.replaceAll(',', ' ') ?? [])
  const assignees = [...listOf(item.assignees), ...listOf(item.assignee)].flatMap((one) => loginOf(one) ?? [])
  const milestone = itemOf(item.milestone)

  use('number', 'title')
  values.title = titleOf(title)
  values.body = textOf(use('body')) ?? ''
  take('labels', 'labels', labels)
  const priority = labels.map(priorityWord).find((word) => word !== undefined)
  if (priority !== undefined) values.priority = priority
  take('assignees', 'assignee', assignees[0])
  home.add('assignee')
  if (new Set(assignees).size > 1) home.delete('assignees')
  const isClosed = /^closed$/i.test(String(use('state') ?? 'open'))
  const reason = String(item.stateReason ?? item.state_reason ?? '').toLowerCase()
  values.status = isClosed ? (/^(?:not_planned|duplicate)$/.test(reason) ? 'cancelled' : 'completed') : 'todo'
  if (reason === '' || reason === 'completed' || (isClosed && reason === 'not_planned'))
    use('stateReason', 'state_reason')
  home.add('closed')
  const closedAt = timeOf(use('closedAt', 'closed_at'))
  if (isClosed) values.closedAt = closedAt ?? null
  const due = timeOf(milestone?.dueOn ?? milestone?.due_on)
  if (due !== undefined) values.due = due
  const createdAt = timeOf(use('createdAt', 'created_at'))
  const by = loginOf(use('author', 'user'))

  const extras = createExtras(PREFIX)
  if (milestone) {
    home.add('milestone')
    extras.add('milestone', textOf(milestone.title) ?? null)
  }
  if (!home.has('assignees')) {
    home.add('assignees')
    extras.add('assignees', [...new Set(assignees)])
  }
  const said = commentsOf(item.comments)
  if (Array.isArray(item.comments)) home.add('comments')
  // A number of comments, or where they can be asked for, is none of them.
  else if (typeof item.comments === 'number') {
    home.add('comments')
    if (item.comments > 0)
      notes.push(
        `it has ${item.comments} comments, which this file does not hold: export them with gh and --json comments`,
      )
  }
  for (const [key, member] of Object.entries(item)) if (!home.has(key) && !isNoise(key)) extras.add(key, member)
  extras.add('github_comments', said.rest)
  const tooLarge = extras.fault()
  if (tooLarge !== undefined) return { name, reason: tooLarge }
  const parent = itemOf(item.parent)
  return {
    kind: 'task',
    alias: name,
    values,
    extra: extras.sources(),
    comments: said.comments,
    file: undefined,
    createdAt,
    createdBy: by,
    dependencies: [...listOf(item.blockedBy), ...listOf(item.blocked_by)].flatMap((one) => {
      const other = itemOf(one)
      return other && typeof other.number === 'number'
        ? [
            aliasOf({
              ...other,
              ...(other.url === undefined && { url: item.url ?? null, html_url: item.html_url ?? null }),
            }),
          ]
        : []
    }),
    parent: parent && typeof parent.number === 'number' ? aliasOf(parent) : undefined,
    isDeleted: false,
    notes: [...notes, ...extras.notes],
    notKept: lostOf(item),
  }
}

/** Of what an issue names, the keys that are read; of what else is said there, nothing is kept. */
const READ = {
  labels: ['name'],
  assignees: ['login'],
  assignee: ['login'],
  author: ['login'],
  user: ['login'],
  milestone: ['title', 'dueOn', 'due_on'],
  comments: ['body', 'author', 'user', 'createdAt', 'created_at'],
} as const

/** What is said of labels, people, the milestone and comments, and has no place: `labels.color`, each once. */
function lostOf(item: Item): readonly string[] {
  const lost = Object.entries(READ).flatMap(([key, read]: readonly [string, readonly string[]]) =>
    listOf(item[key]).flatMap((one) =>
      Object.entries(itemOf(one) ?? {}).flatMap(([name, value]) =>
        read.includes(name) || isNoise(name) || isAddress(name) || isSilent(value) ? [] : [`${key}.${name}`],
      ),
    ),
  )
  return [...new Set(lost)]
}

/** What tells who or where something is for machines alone. */
function isAddress(key: string): boolean {
  return /^(?:id|url|html_url|type|user_view_type|is_bot|site_admin)$/.test(key)
}

/** Whether a value says no more than that there is nothing. */
function isSilent(value: Json): boolean {
  return (
    value === null || value === false || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
  )
}

/** Addresses of the interface, and numbers that only it knows: they say nothing about the issue. */
function isNoise(key: string): boolean {
  return /_url$/.test(key) ? key !== 'html_url' : ['node_id', 'performed_via_github_app'].includes(key)
}

function loginOf(value: Json | undefined): string | undefined {
  const login = textOf(itemOf(value ?? null)?.login ?? (typeof value === 'string' ? value : undefined))
  return login === undefined ? undefined : toActorName(login, '') || undefined
}

function commentsOf(value: Json | undefined): {
  readonly comments: readonly ImportedComment[]
  readonly rest: readonly Json[]
} {
  const comments: ImportedComment[] = []
  const rest: Json[] = []
  for (const one of Array.isArray(value) ? (value as readonly Json[]) : []) {
    const item = itemOf(one)
    const text = textOf(item?.body)?.replace(/\r\n?/g, '\n')
    const at = Date.parse(String(item?.createdAt ?? item?.created_at))
    if (item === undefined || text === undefined || text.length > MAX_ENTRY_LENGTH || text.includes('\0'))
      rest.push(one)
    else comments.push({ text, by: loginOf(item.author ?? item.user) ?? 'somebody', ...(!Number.isNaN(at) && { at }) })
  }
  return { comments, rest }
}
