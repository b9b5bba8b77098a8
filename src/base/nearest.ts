/** The known word nearest to a mistyped one, if any is near: at most a third of its letters differ. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3))
  const scored = known.map((candidate) => ({
    candidate,
    distance: distance(word.toLowerCase(), candidate.toLowerCase()),
  }))
  scored.sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
  const best = scored[0]
  return best && best.distance <= limit ? best.candidate : undefined
}

/**
 * The known words that a word may mean: those that are it with a word before it, or without (`label`: addLabel,
 * remove-label), in any number; else the nearest, if any is near.
 */
export function meant(word: string, known: readonly string[]): readonly string[] {
  const typed = partsOf(word)
  const same = known.filter((candidate) => {
    const parts = partsOf(candidate)
    const [longer, shorter] = parts.length > typed.length ? [parts, typed] : [typed, parts]
    const end = longer.slice(longer.length - shorter.length)
    return longer.length > shorter.length && shorter.every((part, i) => nearest(part, [end[i] ?? '']) !== undefined)
  })
  const near = nearest(word, known)
  return same.length > 0 ? same : near === undefined ? [] : [near]
}

/** `addLabel`, `add-label` -> add, label. */
function partsOf(name: string): readonly string[] {
  return name
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    .split('-')
    .filter(Boolean)
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function distance(a: string, b: string): number {
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swap = isSwap ? (before[j - 2] ?? 0) + 1 : change
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    ;[before, row] = [row, next]
  }
  return row[b.length] ?? 0
}
