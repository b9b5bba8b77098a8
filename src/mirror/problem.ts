import type { Clock } from '../base/clock.ts'
import { attentionId, type Happened, NOTICE_MS, type Problem } from '../model/attention.ts'
import type { AttentionStore } from '../store/attention.ts'
import type { FileContent } from '../store/file-patch.ts'
import type { Base, FileProblem } from '../store/mirror-bases.ts'
import { FIGHT } from './fights.ts'
import { RESTORE, RESUME } from './ways.ts'

/** What is to be shown beside the broken files: what happened, and what cannot be done at the moment. */
export interface Notices {
  /** Something happened: kept until somebody settles it; for a day where there is nothing to decide. */
  happened(happened: Happened): void
  /** It does not matter any more. */
  over(problem: Pick<Problem, 'kind' | 'where' | 'key'>): void
  /** Something about a path does not work, one thing for each `key`: shown until it does. */
  failing(problem: Omit<Problem, 'kind'>): void
  works(path: string, key?: string): void
  /** Paths about which something without a key does not work. */
  failingPaths(): readonly string[]
  list(): readonly Problem[]
}

export interface NoticesParts {
  readonly clock: Clock
  readonly store: AttentionStore
  /** How a path is named where several mirrors are shown. */
  readonly nameOf?: ((path: string) => string) | undefined
  /** The list has changed. */
  readonly onChange: () => void
}

export function createNotices({ clock, store, onChange, nameOf = (path) => path }: NoticesParts): Notices {
  const failing = new Map<string, Problem>()
  /** What the database would not take: better here than nowhere. */
  let unkept: readonly Problem[] = []
  const mine = new Set<string>()
  return {
    happened(happened) {
      const kept = { ...(happened.ways ? {} : { forMs: NOTICE_MS }), ...happened, where: nameOf(happened.where) }
      mine.add(attentionId(kept))
      try {
        store.keep(kept, clock.now())
      } catch {
        const { data: _, forMs: __, ...problem } = kept
        unkept = [...unkept.slice(-20), problem]
      }
      onChange()
    },
    over(problem) {
      store.drop(attentionId({ ...problem, where: nameOf(problem.where), what: '', fix: '' }))
      onChange()
    },
    failing(problem) {
      const name = nameOfFailing(problem.where, problem.key)
      if (failing.get(name)?.what === problem.what) return
      failing.set(name, { kind: 'failing_file', key: 'failing', ...problem, where: nameOf(problem.where) })
      onChange()
    },
    works(path, key) {
      if (failing.delete(nameOfFailing(path, key))) onChange()
    },
    failingPaths: () => [...failing.keys()].filter((name) => !name.includes('\n')),
    list: () => [
      ...failing.values(),
      ...unkept,
      ...store
        .list(clock.now())
        .filter(({ id }) => mine.has(id))
        .map(({ problem }) => problem),
    ],
  }
}

/** What is read of a path and what is written there fail apart from one another. */
function nameOfFailing(path: string, key: string | undefined): string {
  return key === undefined ? path : `${path}\n${key}`
}

/** A file that is left alone, as a problem. `isKnown`: there is something that could be written there again. */
export function brokenFile(base: Pick<Base, 'path' | 'id' | 'problem'>, isKnown: boolean): Problem {
  const { path, id, problem } = base
  const isFight = problem?.reason === FIGHT
  return {
    kind: isFight ? 'paused_file' : 'broken_file',
    key: 'broken',
    what: problem?.reason ?? '',
    where: path,
    ...(id !== '' && { record: id }),
    ...(problem?.line !== undefined && { line: problem.line }),
    ...(problem?.column !== undefined && { column: problem.column }),
    fix: isFight
      ? 'Stop one of the two programs, then say that it goes on. Until then, or until somebody saves another text, or for ten minutes, the file is left as it is; what others change waits.'
      : 'Correct the file and save it. Until then it is left as it is; what others change waits.',
    ...(isFight ? { ways: [RESUME] } : isKnown && { ways: [RESTORE] }),
  }
}

/** The first value of a file that does not fit. */
export function firstInvalid({ invalid }: Pick<FileContent, 'invalid'>): FileProblem | undefined {
  const [first] = invalid
  return first && { reason: `${first.key}: ${first.reason}`, line: first.line, column: first.column }
}

/** Where a file does not parse, and why. */
export function problemAt({
  reason,
  line,
  column,
}: {
  readonly reason: string
  readonly line: number
  readonly column: number
}): FileProblem {
  return { reason, line, column }
}
