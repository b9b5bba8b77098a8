import { OrchError } from '../base/error.ts'
import { shortHash } from '../base/hash.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { RecordKind } from '../model/kind.ts'
import type { RecordView } from '../model/record.ts'
import type { Project } from './project.ts'
import type { Traced } from './traces.ts'
import type { RecordPatch, Tx } from './tx.ts'

/** What is going to be done to one record or key: shown first, done then. */
export interface Planned {
  readonly key: string
  readonly now: Traced
  /** As it will be. */
  readonly next: Traced
  /** What stays as it is, and why. */
  readonly notes: readonly string[]
  /** Does it, as what the record is by then asks for. */
  readonly apply: (tx: Tx, check: CheckPatch) => void
}

/** Throws an OrchError where a patch would break a rule between records. */
export type CheckPatch = (tx: Tx, kind: RecordKind, before: RecordView, patch: RecordPatch) => void

/** Names what a plan would do: as long as it would do the same, it has the same name. */
export function planName(planned: readonly Planned[]): string {
  return shortHash(
    JSON.stringify(planned.map(({ key, now, next, notes }) => [key, contentOf(now), contentOf(next), notes])),
  )
}

function contentOf(traced: Traced): unknown {
  if (traced === undefined || !('values' in traced)) return traced?.value
  return [traced.values, traced.extra, traced.file, traced.front, traced.deletedAt !== undefined]
}

/** What was done of a plan. */
export interface Done {
  /** The rows that did it: `<replica>:<seq>`. */
  readonly changes: readonly string[]
  /** What could not be done, by key. */
  readonly failed: ReadonlyMap<string, string>
}

/** So many records are written in one transaction: more would keep the event loop for too long. */
const RECORDS_PER_ROW = 25

/** Does what was planned: a transaction for each 25 records. The last one also says so in the work log. */
export async function carryOut(
  project: Project,
  origin: WriteOrigin,
  planned: readonly Planned[],
  options: { readonly check: CheckPatch; readonly log: string; readonly progress?: (done: number) => void },
): Promise<Done> {
  const changes: string[] = []
  const failed = new Map<string, string>()
  for (let from = 0; from < planned.length; from += RECORDS_PER_ROW) {
    const slice = planned.slice(from, from + RECORDS_PER_ROW)
    const change = await transactNamed(project, origin, (tx) => {
      for (const one of slice) {
        try {
          one.apply(tx, options.check)
        } catch (error) {
          if (!(error instanceof OrchError)) throw error
          failed.set(one.key, error.message)
        }
      }
      if (from + RECORDS_PER_ROW >= planned.length) noteIn(tx, options.log)
    })
    if (change !== undefined) changes.push(change)
    options.progress?.(from + slice.length)
  }
  return { changes, failed }
}

/** Who may not write the work log may still take back. */
function noteIn(tx: Tx, action: string): void {
  try {
    tx.appendLog({ action })
  } catch (error) {
    if (!(error instanceof OrchError)) throw error
  }
}

/** Runs a transaction and names the row it made of the project's document, if it made one. */
async function transactNamed(
  project: Project,
  origin: WriteOrigin,
  write: (tx: Tx) => void,
): Promise<string | undefined> {
  const own = { ...origin }
  let change: string | undefined
  const stop = project.onCommit((commit) => {
    const [row] = commit.origin === own ? commit.rows : []
    if (row && commit.changes.length > 0) change = `${row.replica}:${row.seq}`
  })
  try {
    await project.transact(own, write)
  } finally {
    stop()
  }
  return change
}
