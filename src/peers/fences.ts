import type { LogEntry } from '../model/log.ts'
import type { Project } from '../store/project.ts'

/** The numbers of claims, as the work log tells of them: it outlives whatever counts them. */
export interface Fences {
  /** The highest that is known here; 0 for none. */
  highest(): number
  /** The highest of one task, from `least` up. */
  highestOf(task: string, least: number): number
  stop(): void
}

/** What the log calls the beginning of a claim, and the number that it got later. */
const ACTIONS = ['claimed', 'confirmed']
/** Numbers grow with time: the newest entries have the highest. */
const LOOK_AT = 500

export function createFences(project: Pick<Project, 'listLog' | 'onCommit'>): Fences {
  let highest: number | undefined
  const among = (entries: readonly LogEntry[], least: number): number =>
    entries.reduce((most, entry) => Math.max(most, fenceIn(entry)), least)
  const stop = project.onCommit(({ entries }) => {
    if (highest !== undefined) highest = among(entries, highest)
  })
  return {
    highest() {
      highest ??= ACTIONS.reduce((most, action) => among(project.listLog({ action, limit: LOOK_AT }).items, most), 0)
      return highest
    },
    highestOf: (task, least) => among(project.listLog({ task, limit: LOOK_AT }).items, least),
    stop,
  }
}

function fenceIn({ action, details }: LogEntry): number {
  if (!ACTIONS.includes(action) || typeof details !== 'object' || details === null || !('fence' in details)) return 0
  return Number.isSafeInteger(details.fence) ? Number(details.fence) : 0
}
