import { OrchError } from '../../base/error.ts'
import { parseTime } from '../../base/time-text.ts'
import { session } from '../../model/kinds/session.ts'
import type { Vector } from '../../store/row.ts'
import type { OperationContext } from '../operation.ts'

/** A moment that somebody named. */
export interface Moment {
  readonly vector: Vector
  /** What it is called, for people. */
  readonly name: string
}

export const momentHelp =
  'a time (2026-11-23T08:30, "2h ago", yesterday), a snapshot or any commit, a change as `orch history` names it, or a session: as it was at its end'

/** A name that git may be asked for: nothing that it could take for a flag, a path or several commits. */
const REVISION = /^(?!-)[\w./~^@{}-]{1,200}$/

/** The moment that a caller names. Throws `moment_unknown`. */
export async function readMoment({ project, clock, parts }: OperationContext, text: string): Promise<Moment> {
  const { past } = project
  const name = text.trim()
  if (name === 'now') return { vector: project.have(), name }
  const time = parseTime(name, clock.now(), 'end')
  if (time !== undefined) return { vector: past.momentAt(time), name: new Date(time).toISOString() }
  if (/:\d+$/.test(name)) return { vector: past.momentOf(fullChange(project.have(), name)), name }
  if (/^s-/.test(name)) {
    const { id } = project.resolve(name, session)
    return { vector: await endOf(project, id), name: id }
  }
  const commit = REVISION.test(name) ? await parts.snapshots.moment(name) : undefined
  if (!commit) throw new OrchError('moment_unknown', { moment: name })
  // A commit of one's own code stands for its time.
  const vector = commit.have ?? past.momentAt(commit.at)
  past.assertKnown(vector)
  return { vector, name: commit.commit.slice(0, 10) }
}

/** A change's full name: of the replica, a unique beginning is enough. */
export function fullChange(have: Vector, name: string): string {
  const [replica = '', seq = ''] = name.split(':')
  const found = Object.keys(have).filter((one) => one.startsWith(replica))
  if (found.length > 1 && !found.includes(replica)) {
    throw new OrchError('ambiguous_id', {
      id: name,
      count: found.length,
      matches: found.map((one) => `${one}:${seq}`).join(', '),
    })
  }
  return `${found.includes(replica) ? replica : (found[0] ?? replica)}:${seq}`
}

async function endOf(project: OperationContext['project'], id: string): Promise<Vector> {
  let end: string | undefined
  const { trace } = await project.past.traces.follow(id, {
    watch: () => true,
    visit(row, before, after) {
      const [was, is] = [before, after].map((one) => one && 'values' in one && one.values.endedAt)
      if (!was && is) end = `${row.replica}:${row.seq}`
    },
  })
  trace.destroy()
  return end === undefined ? project.have() : project.past.momentOf(end)
}
