import type { Clock } from '../base/clock.ts'
import type { Base } from '../store/mirror-bases.ts'

/** Something a person or agent should know: what, where, and what to do. */
export interface Problem {
  readonly what: string
  /** A path below the mirror directory. */
  readonly where: string
  readonly line?: number
  readonly column?: number
  readonly fix: string
}

/** How long something that happened once is shown. */
const NOTICE_MS = 10 * 60 * 1000
const MAX_NOTICES = 50

/** What is to be shown beside the broken files: what happened, and what cannot be done at the moment. */
export interface Notices {
  /** Something happened: shown for a while. */
  happened(problem: Problem): void
  /** Something about a path does not work: shown until it does. */
  failing(problem: Problem): void
  works(path: string): void
  list(): readonly Problem[]
}

export function createNotices(clock: Clock): Notices {
  let events: { readonly problem: Problem; readonly until: number }[] = []
  const failing = new Map<string, Problem>()
  return {
    happened(problem) {
      const others = events.filter((one) => one.problem.where !== problem.where || one.problem.what !== problem.what)
      events = [...others.slice(1 - MAX_NOTICES), { problem, until: clock.monotonic() + NOTICE_MS }]
    },
    failing: (problem) => {
      failing.set(problem.where, problem)
    },
    works: (path) => {
      failing.delete(path)
    },
    list() {
      events = events.filter(({ until }) => until > clock.monotonic())
      return [...failing.values(), ...events.map(({ problem }) => problem)]
    },
  }
}

/** A file that is left alone, as a problem. */
export function brokenFile({ path, problem }: Pick<Base, 'path' | 'problem'>): Problem {
  return {
    what: problem?.reason ?? '',
    where: path,
    ...(problem?.line !== undefined && { line: problem.line }),
    ...(problem?.column !== undefined && { column: problem.column }),
    fix: 'Correct the file and save it. Until then it is left as it is; what others change waits.',
  }
}
