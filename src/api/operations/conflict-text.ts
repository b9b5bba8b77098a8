import type { Conflict, ConflictSide } from '../../store/conflicts.ts'
import { oneLine } from '../../store/record-diff.ts'

/** `t-7f3k status: "blocked" (claude) shows, "review" (ada) lost`. */
export function conflictText({ key, field, winner, loser, state, settledBy }: Omit<Conflict, 'settledAt'>): string {
  const name = key.endsWith(`/${field}`) ? key : `${key} ${field}`
  const [won, lost] = [`${shown(winner)} (${winner.actor})`, `${shown(loser)} (${loser.actor})`]
  switch (state) {
    case 'open':
      return `${name}: ${won} shows, ${lost} lost`
    case 'taken':
      return `${name}: ${lost} was taken instead of ${won}, by ${settledBy}`
    case 'kept':
      return `${name}: ${won} was kept instead of ${lost}, by ${settledBy}`
    case 'decided':
      return `${name}: ${settledBy} wrote another value over ${won} and ${lost}`
  }
}

function shown({ value }: ConflictSide): string {
  return value === null ? 'nothing' : oneLine(JSON.stringify(value), 60)
}
