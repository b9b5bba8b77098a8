import { closeSync, fsyncSync, ftruncateSync, lstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** What a purge that was cut short has still to look for, once no row tells it any more. */
export interface PurgePlan {
  /** The purge, by the number of its row. */
  readonly last: number
  readonly secrets: readonly string[]
}

/** In the private folder, readable by its owner only. It is there from just before the rows are covered until all is looked through. */
export const PLAN_FILE = 'purge.plan'

/** Durable when it returns. One that was cut short before that is none: the rows still tell what is looked for. */
export function keepPlan(dir: string, plan: PurgePlan): void {
  dropPlan(dir)
  const file = openSync(join(dir, PLAN_FILE), 'wx', 0o600)
  try {
    writeSync(file, JSON.stringify(plan))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The plan of a purge; undefined where there is none that can be read. */
export function readPlan(dir: string, last: number): PurgePlan | undefined {
  try {
    const plan = JSON.parse(readFileSync(join(dir, PLAN_FILE), 'utf8')) as PurgePlan
    return plan.last === last && plan.secrets.every((secret) => typeof secret === 'string') ? plan : undefined
  } catch {
    return undefined
  }
}

/** Removes it, its bytes first. */
export function dropPlan(dir: string): void {
  const path = join(dir, PLAN_FILE)
  const size = lstatSync(path, { throwIfNoEntry: false })?.size
  if (size === undefined) return
  const file = openSync(path, 'r+')
  try {
    writeSync(file, Buffer.alloc(size))
    fsyncSync(file)
    ftruncateSync(file)
  } finally {
    closeSync(file)
  }
  rmSync(path)
}
