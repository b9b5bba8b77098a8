/** A task as a report sees it: ISO times, null where there is none. */
export interface Counted {
  readonly createdAt: string | null
  readonly closedAt: string | null
  readonly isClosed: boolean
  readonly isCompleted: boolean
  readonly assignee: string | null
  /** When work on it began, in milliseconds since 1970; undefined where nobody knows. */
  readonly startedAt?: number | undefined
  /** Who closed it, where the journal knows. */
  readonly closedBy?: string | undefined
}

/** Days of a distribution. */
export interface Spread {
  readonly count: number
  readonly median: number
  readonly p90: number
}

/** What happened in a day or week: how many were made and completed in it, and how many there were at its end. */
export interface Period {
  /** Its first day: `2026-11-23`. */
  readonly from: string
  readonly created: number
  readonly completed: number
  /** Burn-up: all that were not given up, and of these the completed ones, at its end. */
  readonly scope: number
  readonly done: number
}

export interface ActorStats {
  readonly actor: string
  readonly completed: number
}

export interface Stats {
  readonly created: number
  readonly completed: number
  readonly cancelled: number
  readonly open: number
  /** Completed a week, on average. */
  readonly perWeek: number
  /** Days from when it was made, and from when it was begun, to its completion. */
  readonly leadDays: Spread | undefined
  readonly cycleDays: Spread | undefined
  readonly periods: readonly Period[]
  readonly actors: readonly ActorStats[]
}

const DAY = 86_400_000

/** Counts what was made and completed from one time until another, in milliseconds since 1970; days are those of UTC. */
export function countTasks(
  tasks: readonly Counted[],
  { since, until }: { readonly since: number; readonly until: number },
): Stats {
  const within = (time: number | undefined): boolean => time !== undefined && time >= since && time <= until
  const times = tasks.map((task) => ({
    ...task,
    made: timeOf(task.createdAt),
    closed: task.isClosed ? timeOf(task.closedAt) : undefined,
  }))
  const completed = times.filter(({ isCompleted, closed }) => isCompleted && within(closed))
  const days = (from: number | undefined, to: number | undefined): readonly number[] =>
    from === undefined || to === undefined || to < from ? [] : [(to - from) / DAY]
  const by = new Map<string, number>()
  for (const { closedBy, assignee } of completed) {
    const actor = closedBy ?? assignee ?? 'unknown'
    by.set(actor, (by.get(actor) ?? 0) + 1)
  }
  const width = until - since > 14 * DAY ? 7 * DAY : DAY
  const periods: Period[] = []
  for (let from = Math.floor(since / DAY) * DAY; from <= until; from += width) {
    const end = from + width
    const isIn = (time: number | undefined): boolean => time !== undefined && time >= from && time < end
    // One that was closed at no known time was closed before anybody looked.
    const isDone = ({ isCompleted, closed }: (typeof times)[number]): boolean => isCompleted && (closed ?? 0) < end
    const isThere = ({ made, isClosed, isCompleted, closed }: (typeof times)[number]): boolean =>
      (made ?? 0) < end && (isCompleted || !isClosed || (closed ?? 0) >= end)
    periods.push({
      from: new Date(from).toISOString().slice(0, 10),
      created: times.filter(({ made }) => isIn(made)).length,
      completed: times.filter(({ isCompleted, closed }) => isCompleted && isIn(closed)).length,
      scope: times.filter(isThere).length,
      done: times.filter((one) => isThere(one) && isDone(one)).length,
    })
  }
  return {
    created: times.filter(({ made }) => within(made)).length,
    completed: completed.length,
    cancelled: times.filter(({ isClosed, isCompleted, closed }) => isClosed && !isCompleted && within(closed)).length,
    open: times.filter(({ isClosed }) => !isClosed).length,
    perWeek: round(completed.length / Math.max(1, (until - since) / (7 * DAY))),
    leadDays: spreadOf(completed.flatMap(({ made, closed }) => days(made, closed))),
    cycleDays: spreadOf(completed.flatMap(({ startedAt, closed }) => days(startedAt, closed))),
    periods,
    actors: [...by]
      .map(([actor, count]) => ({ actor, completed: count }))
      .sort((a, b) => b.completed - a.completed || (a.actor < b.actor ? -1 : 1)),
  }
}

/** The middle and the 90th percentile, by nearest rank. */
function spreadOf(days: readonly number[]): Spread | undefined {
  if (days.length === 0) return undefined
  const sorted = days.toSorted((a, b) => a - b)
  const rank = (share: number): number => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { count: days.length, median: rank(0.5), p90: rank(0.9) }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function timeOf(text: string | null): number | undefined {
  const time = text === null ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
