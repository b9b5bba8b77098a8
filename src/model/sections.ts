import { headingOf } from './heading.ts'

/** A part of a Markdown text below a heading, with those below deeper headings. Offsets are UTF-16. */
export interface Section {
  readonly level: number
  readonly title: string
  /** Where what stands below the heading's line begins and ends. */
  readonly start: number
  readonly end: number
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/

/** The sections of a text, in order. Headings in code are none. */
export function sectionsOf(text: string): readonly Section[] {
  const heads: { level: number; title: string; at: number; start: number }[] = []
  let code: string | undefined
  let at = 0
  for (const line of text.split('\n')) {
    const fence = FENCE.exec(line)?.[1]
    if (fence !== undefined && (code === undefined || fence.startsWith(code)))
      code = code === undefined ? fence : undefined
    const heading = code === undefined ? headingOf(line.replace(/^ {1,3}/, '')) : undefined
    const next = Math.min(at + line.length + 1, text.length)
    if (heading) heads.push({ level: heading.level, title: heading.text, at, start: next })
    at = next
  }
  return heads.map(({ level, title, start }, i) => {
    const after = heads.slice(i + 1).find((one) => one.level <= level)
    return { level, title, start, end: after?.at ?? text.length }
  })
}

/** The sections that a heading names: `## Notes` with its level, `Notes` with any. */
export function sectionsNamed(text: string, heading: string): readonly Section[] {
  const [, marks = '', rest = ''] = /^(#{0,6})(.*)$/s.exec(heading.trim()) ?? []
  const name = rest.trim()
  return sectionsOf(text).filter(({ level, title }) => title === name && (marks === '' || level === marks.length))
}
