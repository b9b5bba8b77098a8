import { registerUnits } from '../doc/units.ts'
import type { RecordId } from '../model/id.ts'
import type { Json } from '../model/record.ts'
import type { ConflictSide } from './conflicts.ts'
import type { Traces } from './traces.ts'

/** The last two values of a register of a record with who wrote them, the older first; fewer when there were fewer. */
export function lastWrites(traces: Traces, id: RecordId, field: string): readonly ConflictSide[] {
  const { trace, target } = traces.followNow(id)
  if (target.shape !== 'records') return []
  const found = registerUnits(trace, target.kind, id, field).slice(-2)
  trace.destroy()
  return found.flatMap(({ value, rows: [row] }) =>
    row
      ? [
          {
            value: (value ?? null) as Json,
            actor: row.actor,
            at: row.at,
            session: row.session,
            change: `${row.replica}:${row.seq}`,
          },
        ]
      : [],
  )
}
