import { printExtra } from '../extra.ts'
import { task } from '../kinds/task.ts'
import type { Json } from '../record.ts'
import { MAX_FRONT_MATTER } from '../yaml-guard.ts'

/** The extra keys of a task while they are collected. */
export interface Extras {
  /** Keeps a value, if it says anything. */
  add(key: string, value: Json | undefined): void
  /** YAML sources by key, in the order they came. */
  sources(): Readonly<Record<string, string>>
  readonly notes: readonly string[]
  /** Why they cannot be kept: they are larger than a file's front matter may be. */
  fault(): string | undefined
}

/** Half of what a file may have; the other half is for what is added here. */
const MAX_EXTRA = MAX_FRONT_MATTER / 2

/** Starts with no extra key. One that cannot be called so here gets a name that can, with a prefix that says from where. */
export function createExtras(prefix: string, isEmpty: (value: Json | undefined) => boolean = isNothing): Extras {
  const extraKey = (key: string): string => prefixed(prefix, key)
  const entries = new Map<string, Json>()
  const notes: string[] = []
  let size = 0
  return {
    notes,
    fault: () =>
      size > MAX_EXTRA ? `it has too many characters beside its texts; the limit is ${MAX_EXTRA}` : undefined,
    add(key, value) {
      if (value === undefined || isEmpty(value)) return
      size += key.length + sizeUpTo(value, MAX_EXTRA)
      // To print it takes long, and nobody will have it.
      if (size > MAX_EXTRA) return
      const own = extraKeyOf(prefix, key)
      let name = own
      for (let n = 2; entries.has(name); n++) name = `${own}_${n}`
      if (name !== key && !(name === extraKey(key) && isPlain(key)))
        notes.push(`${JSON.stringify(key)} is kept as ${name}`)
      entries.set(name, value)
    },
    sources: () => Object.fromEntries([...entries].map(([key, value]) => [key, printExtra(value)])),
  }
}

/** How a key is called here among the extra ones: by its own name, if that can be and means nothing else. */
export function extraKeyOf(prefix: string, key: string): string {
  return isPlain(key) && !isTaken(key) ? key : prefixed(prefix, key)
}

/** How a key is called here when its own name means something else. */
export function prefixed(prefix: string, key: string): string {
  return `${prefix}_${[...key.replace(/[^\p{L}\p{N}_.-]+/gu, '_')].slice(0, 50).join('')}`
}

/** Whether a value says nothing. */
function isNothing(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.trim() === ''
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

function isPlain(key: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_.-]{0,99}$/u.test(key)
}

function isTaken(key: string): boolean {
  return Object.hasOwn(task.fields, key) || /^(?:id|imported|__proto__|.*_unresolved)$/.test(key)
}

/** How many characters a value is printed with, about; no more is counted than the limit. */
function sizeUpTo(value: Json, limit: number): number {
  if (typeof value !== 'object' || value === null) return String(value).length + 2
  let size = 2
  for (const [key, member] of Object.entries(value)) {
    size += key.length + sizeUpTo(member as Json, limit - size)
    if (size > limit) break
  }
  return size
}
