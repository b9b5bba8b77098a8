import pc from 'picocolors'
import type { Column, Status } from '../api/operation.ts'
import type { Overview } from '../api/operations/overview.ts'
import type { Activity } from '../api/protocol.ts'
import { placeText } from '../base/place-text.ts'
import { truncate } from '../base/width.ts'
import { eventLine } from './event-text.ts'
import { aligned, type Look, oneLine } from './render.ts'

/** What `orch watch` knows. */
export interface Watched {
  readonly overview: Overview
  /** Who is in the room; undefined when nobody could be asked. */
  readonly here: Status['here']
  /** What happened since it began, the oldest first. */
  readonly events: readonly Activity[]
  /** Why there is nothing new, when there cannot be. */
  readonly trouble: string | undefined
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

type StatusList = NonNullable<Overview['statuses']>[number]

const COLUMNS: readonly Column[] = [
  { key: 'id', head: '', style: 'id' },
  { key: 'priority', head: '', style: 'priority' },
  { key: 'title', head: '' },
  { key: 'assignee', head: '', style: 'dim' },
]
/** Somebody who did something so recently counts as present. */
const PRESENT_MS = 10 * 60_000
const HINT = 'q ends'

/** The screen: tasks by status, who is here, what happens; as many lines as fit, each as wide as fits. */
export function watchScreen(watched: Watched, size: Size, look: Look): readonly string[] {
  const { columns, rows } = size
  const colors = pc.createColors(look.color)
  const cut = (text: string): string => truncate(oneLine(text), columns)
  const present = presentActors(watched, look.now ?? 0)
  const people = [
    '',
    colors.bold('Here'),
    ...(present.length > 0 ? present : ['nobody']).map((one) => `  ${truncate(oneLine(one), columns - 2)}`),
  ]
  const problems = watched.overview.problems.map((one) => colors.red(cut(`! ${placeText(one)}: ${one.what}`)))
  const fixed = 1 + problems.length
  // A third for what happens, a third at most for who is there, and the tasks have what is left.
  const third = Math.max(3, Math.floor((rows - fixed) / 3))
  const events = ['', colors.bold('Activity'), ...eventLines(watched, columns, look).slice(2 - third)]
  const shownPeople = people.slice(0, third)
  const room = rows - fixed - shownPeople.length - events.length
  const lines = [
    headline(watched, columns, colors),
    ...problems,
    ...taskLines(watched.overview.statuses ?? [], room, columns, look),
    ...shownPeople,
    ...events,
  ]
  return lines.slice(0, rows)
}

function headline({ overview, trouble }: Watched, columns: number, colors: ReturnType<typeof pc.createColors>): string {
  const { project, counts } = overview
  const state = trouble ?? `${counts.open} open of ${counts.total}`
  const name = truncate(oneLine(project.name), Math.max(10, columns - state.length - HINT.length - 4))
  const gap = ' '.repeat(Math.max(1, columns - name.length - state.length - HINT.length - 2))
  const shown = `${colors.bold(name)}  ${trouble === undefined ? colors.dim(state) : colors.red(state)}`
  return columns < name.length + state.length + HINT.length + 3 ? shown : `${shown}${gap}${colors.dim(HINT)}`
}

/** Who is in the room or in a session, or did something a short while ago: with what they are at. */
function presentActors({ overview, here, events }: Watched, now: number): readonly string[] {
  const goals = new Map<string, string>()
  for (const actor of here.actors) goals.set(actor, '')
  for (const { actor, at } of events) if (now - Date.parse(at) < PRESENT_MS) goals.set(actor, '')
  for (const { actor, goal } of overview.sessions) goals.set(actor, goal)
  const replicas = here.replicas.length
  return [
    ...[...goals].sort().map(([actor, goal]) => (goal === '' ? actor : `${actor}  ${goal}`)),
    ...(replicas > 0 ? [`${replicas} other ${replicas === 1 ? 'replica' : 'replicas'}`] : []),
  ]
}

function eventLines({ events }: Watched, columns: number, look: Look): readonly string[] {
  if (events.length === 0) return ['  nothing yet']
  return events.map((event) => `  ${eventLine(event, { ...look, columns: columns - 2 })}`)
}

function taskLines(statuses: readonly StatusList[], room: number, columns: number, look: Look): readonly string[] {
  const colors = pc.createColors(look.color)
  const lists = statuses.filter(({ items }) => items.length > 0)
  if (lists.length === 0) return ['', '  No task is open.'].slice(0, Math.max(0, room))
  // A blank and a name for each list, and what is left is shared among their tasks.
  const shares = shared(
    lists.map(({ items }) => items.length),
    room - 2 * lists.length,
  )
  const rows = aligned(
    lists.flatMap(({ items }, i) =>
      items
        .slice(0, shares[i])
        .map(({ id, priority, title, assignee }) => [id, priority, title, assignee ?? ''].map(oneLine)),
    ),
    COLUMNS,
    { ...look, columns: columns - 2 },
  )
  let at = 0
  const lines = lists.flatMap(({ status, items, more }, i) => {
    const share = shares[i] ?? 0
    const total = items.length + more
    const hidden = total > share ? colors.dim(`  ${total - share} more`) : ''
    return [
      '',
      `${colors.bold(oneLine(status).replaceAll('_', ' '))} ${colors.dim(String(total))}${hidden}`,
      ...items.slice(0, share).map(() => `  ${rows[at++] ?? ''}`),
    ]
  })
  return lines.slice(0, Math.max(0, room))
}

/** Shares lines fairly: everybody gets one more in turn until nobody wants more or none is left. */
function shared(wanted: readonly number[], room: number): readonly number[] {
  const shares = wanted.map(() => 0)
  let left = room
  for (let given = true; given && left > 0; ) {
    given = false
    wanted.forEach((want, i) => {
      const share = shares[i] ?? 0
      if (left <= 0 || share >= want) return
      shares[i] = share + 1
      left--
      given = true
    })
  }
  return shares
}
