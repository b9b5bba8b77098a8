/** One line of an answer to an agent, and the data it shows. */
export interface Entry {
  readonly text: string
  /** The same in fewer words, where all of them do not fit. */
  readonly brief?: string
  readonly item?: unknown
  /** The record that it is about. */
  readonly about?: string
}

/** A part of an answer. What comes first is worth most. */
export interface Section {
  readonly name: string
  readonly title: string
  readonly entries: readonly Entry[]
  /** How many more there are that were not even gathered. */
  readonly unseen?: number
  /** Of them there may be more: not all were counted. */
  readonly isAtLeast?: boolean
  /** How to ask for what is not shown. */
  readonly ask: string
  /** Must be shown whole, a cursor has passed it: it was made to fit; only what an earlier section shows is left out. */
  readonly isWhole?: boolean
}

export interface Cut {
  readonly section: string
  readonly left: number
  /** There may be more: not all were counted. */
  readonly atLeast?: boolean
  readonly ask: string
}

export interface Fitted {
  readonly text: string
  readonly tokens: number
  /** What is shown, by section. */
  readonly shown: ReadonlyMap<string, readonly unknown[]>
  readonly cut: readonly Cut[]
}

/** Room for the shortest words about what was cut. */
export const CUT_TOKENS = 24
/** Of a larger budget, what they may take. */
const CUT_PART = 0.1

/**
 * Fills a budget of tokens with sections, the first of them first: in each, entry by entry while they fit, and the rest is
 * named with how to ask for it. Head, foot and whole sections are always there; they must leave `CUT_TOKENS` of the budget.
 */
export function fill(
  sections: readonly Section[],
  head: string,
  foot: string,
  budget: number,
  count: (text: string) => number,
): Fitted {
  const cost = (text: string): number => count(`${text}\n`)
  const parts = sections.map((section) => ({ section, fitting: [] as Entry[] }))
  const cuts = (): readonly Cut[] =>
    parts.flatMap(({ section: { name, entries, unseen = 0, isAtLeast, ask, isWhole }, fitting }) => {
      const left = (isWhole ? 0 : entries.length - fitting.length) + unseen
      return left > 0 ? [{ section: name, left, ...(isAtLeast && { atLeast: true }), ask }] : []
    })
  const shownNow = (): readonly (readonly [Section, readonly Entry[]])[] => {
    const told = new Set<string | undefined>()
    return parts.map(({ section, fitting }) => {
      const { entries, isWhole } = section
      if (isWhole) return [section, entries.filter(({ about }) => about === undefined || !told.has(about))]
      for (const { about } of fitting) told.add(about)
      return [section, fitting]
    })
  }
  const compose = (named: number): string =>
    [
      head,
      ...shownNow().flatMap(([{ title }, entries]) =>
        entries.length === 0 ? [] : [title, ...entries.map(({ text }) => text)],
      ),
      ...cutLine(cuts(), named),
      foot,
    ].join('\n')

  const wholeCost = ({ title, entries }: Section): number =>
    entries.reduce((sum, { text }) => sum + cost(text), entries.length > 0 ? cost(title) : 0)
  const reserved = sections.reduce((sum, section) => sum + (section.isWhole ? wholeCost(section) : 0), 0)
  const forCuts = Math.min(cost(cutLine(cuts(), cuts().length).join('')), Math.max(CUT_TOKENS, budget * CUT_PART))
  let left = budget - cost(head) - cost(foot) - reserved - forCuts
  for (const part of parts) {
    const { title, entries, isWhole } = part.section
    if (isWhole) continue
    let room = left - cost(title)
    for (const { text, brief, ...entry } of entries) {
      const fits = [text, brief].find((one) => one !== undefined && cost(one) <= room)
      if (fits === undefined) break
      room -= cost(fits)
      part.fitting.push({ ...entry, text: fits })
      left = room
    }
  }
  // Costs of lines do not quite add up to that of the text, and the words about what is cut may need more than their part.
  let named = cuts().length
  let text = compose(named)
  while (count(text) > budget) {
    const last = parts.findLast(({ section, fitting }) => fitting.length > 0 && !section.isWhole)
    if (named > 0) named--
    else if (last) last.fitting.pop()
    else break
    text = compose(named)
  }
  const shown = new Map(
    shownNow().map(([{ name }, entries]) => [name, entries.flatMap(({ item }) => (item === undefined ? [] : [item]))]),
  )
  return { text, tokens: count(text), shown, cut: cuts() }
}

/** What was cut: the first so many with how to ask for them, the others by number. */
function cutLine(cuts: readonly Cut[], named: number): readonly string[] {
  if (cuts.length === 0) return []
  const words = cuts
    .slice(0, named)
    .map(({ left, atLeast, section, ask }) => `${atLeast ? 'at least ' : ''}${left} ${section} (${ask})`)
  const others = cuts.slice(named).reduce((sum, { left }) => sum + left, 0)
  return [`Not shown: ${[...words, ...(others > 0 ? [`${others} more`] : [])].join(', ')}`]
}
