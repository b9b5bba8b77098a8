import { inTurns, type Turns } from '../base/turns.ts'
import { blameRecord, type RecordBlame } from '../doc/blame.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Vector } from './row.ts'
import type { TracedRow, Traces } from './traces.ts'

/**
 * Who wrote every part of a record, now or as it was at a moment. Of rows that wrote or deleted one thing at the same
 * time the earliest is named, so the answer is the same on every replica that has the same rows.
 */
export async function blameOf(
  traces: Traces,
  turns: Turns,
  kind: RecordKind,
  id: RecordId,
  moment: Vector | undefined,
): Promise<RecordBlame<TracedRow>> {
  const { trace } = await traces.follow(id, { have: moment }, turns)
  const blame = await inTurns(blameRecord(trace, kind, id, earliest), turns)
  trace.destroy()
  return blame
}

function earliest(rows: readonly TracedRow[]): TracedRow | undefined {
  return [...rows].sort(
    (a, b) => a.at - b.at || (a.replica < b.replica ? -1 : a.replica > b.replica ? 1 : a.seq - b.seq),
  )[0]
}
