/** Runs `work` over all items, at most `width` at a time. The first failure is thrown when all that were started have ended. */
export async function eachOf<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const lanes = Array.from({ length: Math.min(width, items.length) }, async () => {
    for (const item of queue) await work(item)
  })
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === 'rejected') throw lane.reason
}

/** The first entries: a map of everything is not copied for them. */
export function firstOf<K, V>(map: ReadonlyMap<K, V>, size: number): readonly (readonly [K, V])[] {
  const first: (readonly [K, V])[] = []
  for (const entry of map) if (first.push(entry) >= size) break
  return first
}
