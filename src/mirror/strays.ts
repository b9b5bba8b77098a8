import type { Notices } from './problem.ts'

/** A text that nobody reads, and why. */
export interface Stray {
  readonly path: string
  readonly why: 'name' | 'folder'
}

const KEY = 'stray'
/** Who unpacks a whole tree of texts in the wrong place needs no list of them. */
const NAMED = 5

const REASONS = {
  name: {
    what: 'is not read: its name does not end in `.md`',
    fix: 'Give it a name that ends in `.md`, in small letters.',
  },
  folder: {
    what: 'is not read: it is in no folder of records',
    fix: 'Move it to `pages/`, where any text is a page, or to the folder of what it is.',
  },
}

/**
 * Names texts that lie where none is read [P6]: who wrote them there believes that they are kept. Who has them there on
 * purpose says so once.
 */
export function createStrays(notices: Notices): (strays: readonly Stray[]) => void {
  let named: ReadonlySet<string> = new Set()
  return (strays) => {
    const now = strays.slice(0, NAMED)
    for (const where of named)
      if (!now.some(({ path }) => path === where)) notices.over({ kind: 'broken_file', key: KEY, where })
    for (const [i, { path, why }] of now.entries()) {
      if (named.has(path)) continue
      const { what, fix } = REASONS[why]
      const others = i === NAMED - 1 ? strays.length - NAMED : 0
      const more = others > 0 ? `; nor are ${others} others` : ''
      notices.happened({ kind: 'broken_file', key: KEY, where: path, what: `${what}${more}`, fix })
    }
    named = new Set(now.map(({ path }) => path))
  }
}
