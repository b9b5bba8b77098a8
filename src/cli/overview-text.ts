import pc from 'picocolors'
import type { Column } from '../api/operation.ts'
import type { Overview } from '../api/operations/overview.ts'
import { placeText } from '../base/place-text.ts'
import { aligned, type Look, oneLine } from './render.ts'

type Work = Overview['mine']['items'][number]

const COLUMNS: readonly Column[] = [
  { key: 'id', head: '', style: 'id' },
  { key: 'status', head: '', style: 'status' },
  { key: 'priority', head: '', style: 'priority' },
  { key: 'title', head: '' },
  { key: 'note', head: '', style: 'dim' },
]

/** What matters now, as lines: a headline, then each list that is not empty under its name. */
export function overviewLines(overview: Overview, look: Look): readonly string[] {
  const { project, counts, mine, ready, inProgress, blocked, sessions, problems, me } = overview
  const colors = pc.createColors(look.color)
  const sections = [
    { name: `Yours, ${oneLine(me)}`, ...mine, note: waitNote },
    { name: 'Ready to be begun', ...ready, note: () => '' },
    { name: 'In progress', ...inProgress, note: ({ assignee }: Work) => assignee ?? '' },
    { name: 'Blocked', ...blocked, note: (work: Work) => waitNote(work) || (work.assignee ?? '') },
  ].filter(({ items }) => items.length > 0)
  // All in one, so that the columns of all lists stand below each other.
  const rows = aligned(
    sections.flatMap(({ items, note }) => items.map((work) => cellsOf(work, note(work)))),
    COLUMNS,
    { ...look, columns: look.columns && look.columns - 2 },
  )
  let at = 0
  const lists = sections.flatMap(({ name, items, more }) => [
    '',
    colors.bold(name),
    ...items.map(() => `  ${rows[at++] ?? ''}`),
    ...(more > 0 ? [colors.dim(`  and ${more} more`)] : []),
  ])
  const going = sessions.map(({ actor, goal }) => oneLine(goal === '' ? actor : `${actor} (${goal})`))
  return [
    `${colors.bold(oneLine(project.name))}  ${colors.dim(`${counts.open} open of ${plural(counts.total, 'task')}`)}`,
    ...(counts.open === 0 ? ['', nothingText(counts.total)] : []),
    ...lists,
    ...(going.length > 0 ? ['', colors.bold('Sessions'), ...going.map((one) => `  ${one}`)] : []),
    ...(problems.length > 0 ? ['', colors.red(plural(problems.length, 'problem')), ...problems.map(problemLine)] : []),
  ]
}

function cellsOf({ id, status, priority, title }: Work, note: string): readonly string[] {
  return [id, status, priority, title, note].map(oneLine)
}

function waitNote({ waitsFor }: Work): string {
  const shown = waitsFor.slice(0, 3).join(', ')
  return shown && `waits for ${shown}${waitsFor.length > 3 ? ', ...' : ''}`
}

function problemLine(problem: Overview['problems'][number]): string {
  return `  ${oneLine(`${placeText(problem)}: ${problem.what}. ${problem.fix}`)}`
}

function nothingText(total: number): string {
  return total === 0 ? "There is no task yet: orch task create 'The first task'" : 'Everything is done.'
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
