import type { Clock } from '../base/clock.ts'
import type { WriteOrigin } from '../doc/origin.ts'
import type { Journal } from './journal.ts'
import type { Row, Vector } from './row.ts'

/** The rows of one write on this replica: of one moment, numbered on, and all made by who had seen the same. */
export interface OwnRows {
  readonly replica: string
  readonly at: number
  /** What whoever sees the first of them has seen. */
  readonly vector: Vector
  /** Those made so far. */
  readonly made: readonly Row[]
  /** `touched`: keys of what the update changes in the project's document. */
  make(doc: string, update: Uint8Array, touched?: Iterable<string>): Row
}

export type BeginRows = (origin: WriteOrigin) => OwnRows

export interface OwnRowsParts {
  readonly journal: Pick<Journal, 'have'>
  readonly replica: () => string
  readonly clock: Clock
}

/** Begins the rows of a write. Between that and the last of them nobody else may append one. */
export function createOwnRows({ journal, replica: current, clock }: OwnRowsParts): BeginRows {
  return (origin) => {
    const replica = current()
    const { [replica]: last = 0, ...seen } = journal.have()
    const at = clock.now()
    const made: Row[] = []
    return {
      replica,
      at,
      vector: { ...seen, [replica]: last + 1 },
      made,
      make(doc, update, touched = []) {
        const row: Row = {
          replica,
          seq: last + made.length + 1,
          doc,
          at,
          actor: origin.actor.name,
          source: origin.source,
          verified: origin.actor.verified,
          session: origin.source === 'api' ? (origin.session ?? '') : '',
          seen,
          touched: [...touched].sort(),
          update,
        }
        made.push(row)
        return row
      },
    }
  }
}
