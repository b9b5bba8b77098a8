import { OrchError } from '../base/error.ts'
import type { Vector } from './row.ts'

/** A place in everything that ever happened, as text: `k2j4h5g6:120,x7...:3`. The same on every replica, and after a restart. */
export function encodeCursor(vector: Vector): string {
  const parts = Object.entries(vector)
    .filter(([, seq]) => seq > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([replica, seq]) => `${replica.replace(/^r-/, '')}:${seq}`)
  return parts.length > 0 ? parts.join(',') : '0'
}

/** The place that is past both: a reader may know rows that have not come to this replica yet. */
export function furthest(a: Vector, b: Vector): Vector {
  const upto: Record<string, number> = { ...a }
  for (const [replica, seq] of Object.entries(b)) upto[replica] = Math.max(upto[replica] ?? 0, seq)
  return upto
}

/** Throws `invalid_input` on what is no cursor. */
export function decodeCursor(text: string): Vector {
  if (text === '0') return {}
  const parts = text.split(',').map((part) => /^([\w-]{1,64}):(\d{1,15})$/.exec(part))
  if (parts.some((part) => part === null)) {
    throw new OrchError('invalid_input', { field: 'since', reason: 'it is not a cursor that was given out' })
  }
  return Object.fromEntries(parts.flatMap((part) => (part ? [[`r-${part[1]}`, Number(part[2])]] : [])))
}
