import { must } from '../base/assert.ts'
import type { Planned } from './planned.ts'
import type { Project, StoredRecord } from './project.ts'
import type { Vector } from './row.ts'
import { patched, patchTowards } from './towards.ts'
import type { KeyTarget, Traced } from './traces.ts'

/**
 * What it takes to have records and keys as they were at a moment. What did not exist then is deleted, softly; what was
 * deleted since comes back. Only what is different is in it.
 */
export async function planRestore(
  project: Project,
  keys: readonly string[],
  moment: Vector,
): Promise<readonly Planned[]> {
  const planned: Planned[] = []
  for (const key of keys) {
    const target = project.past.traces.targetOf(key)
    if (!target) continue
    const was = await project.past.key(key, moment)
    const plan = target.shape === 'keys' ? keyPlan(project, target, was) : recordPlan(project, target, was)
    if (plan) planned.push(plan)
  }
  return planned
}

function keyPlan(
  project: Project,
  { kind, id }: Extract<KeyTarget, { shape: 'keys' }>,
  was: Traced,
): Planned | undefined {
  const now = project.readKeys(kind.name).get(id)
  const value = was && 'value' in was ? was.value : undefined
  if (JSON.stringify(now?.value) === JSON.stringify(value)) return undefined
  return {
    key: `${kind.name}/${id}`,
    now,
    next: was,
    notes: [],
    apply: (tx) => tx.setKey(kind.name, id, value),
  }
}

function recordPlan(
  project: Project,
  { kind, id }: Extract<KeyTarget, { shape: 'records' }>,
  traced: Traced,
): Planned | undefined {
  const now = must(project.read(kind, id), `no record ${id}`)
  const was = traced as StoredRecord | undefined
  if (was === undefined || was.deletedAt !== undefined) {
    if (now.deletedAt !== undefined) return undefined
    const next = { ...now, deletedAt: now.updatedAt, deletedBy: '' }
    return { key: id, now, next, notes: [], apply: (tx) => tx.delete(kind, id) }
  }
  const { patch, notes } = patchTowards(kind, now, was)
  const isBack = now.deletedAt !== undefined
  if (!isBack && Object.keys(patch).length === 0) return undefined
  const { deletedAt: _, deletedBy: __, ...living } = patched(now, patch)
  return {
    key: id,
    now,
    next: living,
    notes,
    apply(tx, check) {
      const current = must(tx.read(kind, id), `no record ${id}`)
      const fresh = patchTowards(kind, current, was).patch
      check(tx, kind, current, fresh)
      tx.restore(kind, id)
      if (Object.keys(fresh).length > 0) tx.update(kind, id, fresh)
    },
  }
}
