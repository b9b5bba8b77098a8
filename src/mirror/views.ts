import { placeText } from '../base/place-text.ts'
import type { Turns } from '../base/turns.ts'
import type { AttentionItem } from '../model/attention.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind, Values } from '../model/kind.ts'
import { context } from '../model/kinds/context.ts'
import { session } from '../model/kinds/session.ts'
import { state as stateKind } from '../model/kinds/state.ts'
import { task } from '../model/kinds/task.ts'
import { statusesOf } from '../model/statuses.ts'
import { heldContexts } from '../store/held-contexts.ts'
import type { Project, StoredRecord } from '../store/project.ts'

/** How many records one list of the overview shows. */
const LIST = 20
/** Of what is only beside the work. */
const FEW = 5
/** The longest value of the state that is shown. */
const MAX_VALUE = 80

export interface Overview {
  /** `3 todo, 1 in progress`; '' without tasks. */
  readonly tasks: string
  /** The project's state, as far as it is short: `currentPhase: beta`. */
  readonly state: readonly string[]
  readonly name: string
  readonly lists: readonly { readonly title: string; readonly items: readonly Item[]; readonly more: number }[]
  readonly counts: readonly { readonly folder: string; readonly count: number }[]
  /** Files of keyed kinds. */
  readonly files: readonly string[]
}

export interface Item {
  readonly id: string
  readonly title: string
  /** Below the mirror directory. */
  readonly path: string
  readonly note: string
}

/** What the mirror cannot know of this replica. */
export interface LocalFacts {
  readonly replica: string
  /** What listens where: `['dashboard', 'http://127.0.0.1:4321']`. */
  readonly addresses: readonly (readonly [string, string])[]
  /** Who is in the room now: actors, and replicas that dialled in. */
  readonly here?: readonly string[]
  readonly peers: readonly {
    readonly name: string
    readonly url: string
    readonly state: string
    readonly error?: string
  }[]
  /** Problems of all parts, the mirror's own included. */
  readonly problems: readonly AttentionItem[]
}

/** Collects what the overview shows, in slices: shared state only, so that it is equal on every replica. */
export async function overviewOf(project: Project, turns: Turns): Promise<Overview> {
  type Some = Pick<StoredRecord, 'id' | 'values'>
  const item = ({ id, values }: Some, note: string, kind: RecordKind = task): Item => ({
    id,
    title: String(values[kind.title] ?? '') || id,
    path: project.pathOf(kind, id),
    note,
  })
  const rest = async <T>(part: T): Promise<T> => {
    if (turns.isOver()) await turns.next()
    return part
  }
  const list = (title: string, status: readonly string[], sort?: string): Promise<Overview['lists'][number]> => {
    const query = { where: { status }, limit: LIST, ...(sort !== undefined && { sort }) }
    const page = project.briefs(task, query, ['title', 'assignee'])
    const items = page.items.map((one) => item(one, String(one.values.assignee ?? '')))
    return rest({ title, items, more: page.total - items.length })
  }
  const { like } = statusesOf(project.kinds)
  const inProgress = await list('In progress', like('in_progress'))
  const inReview = await list('In review', like('review'))
  const { ready, waiting } = await rest(project.todo(LIST))
  const readyItems = await rest(ready.ids.flatMap((id) => taskItem(id, ({ priority }) => String(priority))))
  const blocked = await list('Blocked', like('blocked'))
  const alsoBlocked = await rest(
    waiting.items.flatMap(({ id, by }) => taskItem(id, () => `waits for ${by.slice(0, 3).join(', ')}`)),
  )
  const blockedItems = [...blocked.items, ...alsoBlocked].slice(0, LIST)
  const completed = await list('Recently completed', like('completed'), '-closedAt')
  const active = await rest(project.list(session, { where: { endedAt: [null] }, sort: '-startedAt', limit: FEW }))
  const held = await rest(heldContexts(project, { limit: FEW }))
  return {
    name: project.name,
    tasks: await rest(tasksOf(project)),
    state: await rest(stateOf(project)),
    lists: [
      inProgress,
      inReview,
      { title: 'Ready', items: readyItems, more: ready.total - readyItems.length },
      {
        title: 'Blocked',
        items: blockedItems,
        more: blocked.items.length + blocked.more + waiting.total - blockedItems.length,
      },
      { ...completed, more: 0 },
      {
        title: 'Active sessions',
        items: active.items.map((one) => item(one, String(one.values.actor ?? ''), session)),
        more: active.total - active.items.length,
      },
      { title: 'To know', items: held.map((one) => item(one, noteOf(one), context)), more: 0 },
    ],
    counts: project.kinds.records.map((kind) => ({ folder: kind.folder, count: countOf(project, kind) })),
    files: project.kinds.keyed.map(({ file }) => file),
  }

  function taskItem(id: RecordId, note: (values: Values) => string): readonly Item[] {
    const record = project.read(task, id)
    return record ? [item(record, note(record.values))] : []
  }
}

function tasksOf(project: Project): string {
  const counts = new Map(project.groups(task, {}, 'status').map(({ value, count }) => [value, count]))
  const field = project.kinds.record(task.name)?.fields.status?.value
  const shown = (field?.type === 'choice' ? field.choices : []).filter((status) => counts.has(status))
  return shown.map((status) => `${counts.get(status)} ${status.replaceAll('_', ' ')}`).join(', ')
}

/** Long values are for their file. */
function stateOf(project: Project): readonly string[] {
  const entries = [...project.readKeys(stateKind.name)].flatMap(([key, { value }]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return text === undefined || text.length > MAX_VALUE ? [] : [`${key}: ${text}`]
  })
  return entries.toSorted().slice(0, LIST)
}

/** A page that is equal on every replica cannot know what time it is: it says until when something holds. */
function noteOf({ values: { type, publishedBy, expiresAt } }: StoredRecord): string {
  return [type, publishedBy, expiresAt === null ? null : `until ${expiresAt}`].filter(Boolean).join(', ')
}

function countOf(project: Project, kind: RecordKind): number {
  return project.list(kind, { limit: 0 }).total
}

/** `README.md`: what is going on, and how to edit. */
export function renderReadme({ tasks, state, name, lists, counts, files }: Overview): string {
  const filled = lists.filter(({ items }) => items.length > 0)
  const folders = counts.map(({ folder, count }) => `\`${folder}/\` (${count})`).join(', ')
  const shown = files.map((file) => `\`${file}\``).join(', ')
  return `${[
    `# ${plainText(name)}`,
    'The state of this project, kept by orch: written anew when something changes. Edits of this page are not kept; [BOARD.md](BOARD.md) has the tasks by status, to be edited.',
    ...(tasks === '' ? [] : [`**Tasks:** ${plainText(tasks)}`]),
    ...(state.length === 0 ? [] : [`**State:** ${state.map(plainText).join(' · ')}`]),
    ...(filled.length === 0 ? ['Nothing is being worked on yet.'] : filled.map(renderList)),
    '## How to edit',
    [
      `- Edit the files in ${folders} and ${shown} with any editor: what you save is merged, also while others write.`,
      '- A new `.md` file becomes a new record; a removed file deletes its record, which can be restored.',
      '- `orch task list`, `orch task show ID` and `orch help` do the same from a terminal.',
      '- [LOCAL.md](LOCAL.md) names the problems of this replica, if there are any.',
    ].join('\n'),
  ].join('\n\n')}\n`
}

function renderList({ title, items, more }: Overview['lists'][number]): string {
  const lines = items.map(
    ({ id, title: name, path, note }) =>
      `- [${plainText(name)}](${linkTo(path)}) \`${id}\`${note && ` · ${plainText(note)}`}`,
  )
  return [`## ${title}`, '', ...lines, ...(more > 0 ? [`- and ${more} more`] : [])].join('\n')
}

/** `LOCAL.md`: what only this replica knows. */
export function renderLocal({ here = [], replica, addresses, peers, problems }: LocalFacts): string {
  return `${[
    '# This replica',
    'What only this machine knows; never in a snapshot. Edits of this page are not kept.',
    [`- replica: \`${replica}\``, ...addresses.map(([name, address]) => `- ${name}: ${address}`)].join('\n'),
    '## Who is here',
    here.length === 0
      ? 'Nobody is connected; commands and agents that only call are not listed.'
      : here.map((one) => `- ${plainText(one)}`).join('\n'),
    '## Problems',
    problems.length === 0 ? 'None.' : problems.map(renderProblem).join('\n'),
    '## Peers',
    peers.length === 0
      ? 'None.'
      : peers
          .map(
            ({ name, url, state, error }) =>
              `- ${plainText(name)} (${url}): ${state}${error === undefined ? '' : `, ${plainText(error)}`}`,
          )
          .join('\n'),
  ].join('\n\n')}\n`
}

function renderProblem(item: AttentionItem): string {
  const { id, what, why, since, fix, ways } = item
  const choices = ways.map(
    ({ name, help, destructive }) => `${name} (${help}${destructive ? '; a person at a terminal' : ''})`,
  )
  return [
    `- \`${placeText(item)}\` ${plainText(what)}`,
    ...(why === undefined ? [] : [`  - why: ${plainText(why)}`]),
    `  - what to do: ${plainText(fix)}`,
    ...(choices.length > 0 ? [`  - ways to settle it, \`${id}\`: ${choices.map(plainText).join(', ')}`] : []),
    `  - since ${since}`,
  ].join('\n')
}

/** Text by others as text: on one line, nothing in it is markup. */
function plainText(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]<>|#]/g, '\\$&')
    .slice(0, 200)
}

function linkTo(path: string): string {
  return encodeURI(path).replace(/[()#?]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
}
