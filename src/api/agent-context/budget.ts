/** One line of an answer to an agent, and the data it shows. */
export interface Entry {
  readonly text: string
  readonly item?: unknown
}

/** A part of an answer. What comes first is worth most. */
export interface Section {
  readonly name: string
  readonly title: string
  readonly entries: readonly Entry[]
  /** How many more there are that were not even gathered. */
  readonly unseen?: number
  /** How to ask for what is not shown. */
  readonly ask: string
  /** Shown whole, whatever it costs: a cursor has passed it. */
  readonly isWhole?: boolean
}

export interface Cut {
  readonly section: string
  readonly left: number
  readonly ask: string
}

export interface Fitted {
  readonly text: string
  readonly tokens: number
  /** What is shown, by section. */
  readonly shown: ReadonlyMap<string, readonly unknown[]>
  readonly cut: readonly Cut[]
}

/** Room that the words about what was cut may take. */
const CUT_TOKENS = 24

/**
 * Fills a budget of tokens with sections, the first of them first: in each, entry by entry while they fit, and the rest is
 * named with how to ask for it. Head and foot are always there.
 */
export function fill(
  sections: readonly Section[],
  head: string,
  foot: string,
  budget: number,
  count: (text: string) => number,
): Fitted {
  const cost = (text: string): number => count(`${text}\n`)
  const lines = [head]
  const shown = new Map<string, readonly unknown[]>()
  const cut: Cut[] = []
  const wholeCost = ({ title, entries }: Section): number =>
    entries.reduce((sum, { text }) => sum + cost(text), cost(title))
  const reserved = sections.reduce((sum, section) => sum + (section.isWhole ? wholeCost(section) : 0), 0)
  let left = budget - cost(head) - cost(foot) - CUT_TOKENS - reserved
  for (const { name, title, entries, unseen = 0, ask, isWhole = false } of sections) {
    const items: unknown[] = []
    const kept: string[] = []
    let room = isWhole ? Number.POSITIVE_INFINITY : left - cost(title)
    let fitting = 0
    for (const { text, item } of entries) {
      const price = isWhole ? 0 : cost(text)
      if (price > room) break
      room -= price
      fitting++
      kept.push(text)
      if (item !== undefined) items.push(item)
    }
    if (fitting > 0) {
      lines.push(title, ...kept)
      if (!isWhole) left = room
    }
    shown.set(name, items)
    const missing = entries.length - fitting + unseen
    if (missing > 0) {
      cut.push({ section: name, left: missing, ask })
      left -= cost(`${missing} ${name} (${ask}), `)
    }
  }
  if (cut.length > 0) lines.push(`Not shown: ${cut.map((one) => `${one.left} ${one.section} (${one.ask})`).join(', ')}`)
  lines.push(foot)
  const text = lines.join('\n')
  return { text, tokens: count(text), shown, cut }
}
