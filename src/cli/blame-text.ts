import pc from 'picocolors'
import { pad, printable, widthOf } from '../base/width.ts'
import { ago, type Look, oneLine } from './render.ts'

interface By {
  readonly actor: string
  readonly at: string
  readonly session: string | null
}

interface Blame {
  readonly fields: readonly (By & { readonly field: string; readonly value: string | null })[]
  readonly texts: readonly (By & { readonly field: string; readonly text: string; readonly deleted?: By })[]
}

/** Who wrote what, as lines: who and when at the left, fields first, then each text phrase by phrase. */
export function blameText(result: unknown, look: Look): string {
  const { fields, texts } = result as Blame
  const colors = pc.createColors(look.color)
  const all = [...fields, ...texts]
  const actors = Math.max(0, ...all.map(({ actor }) => widthOf(oneLine(actor))))
  const headOf = ({ actor, at, session }: By): string =>
    [pad(oneLine(actor), actors), look.now === undefined ? at.slice(0, 16) : ago(at, look.now), session ?? '']
      .filter((part) => part !== '')
      .join('  ')
  const heads = all.map(headOf)
  const width = Math.max(0, ...heads.map(widthOf))
  const line = (head: string, text: string): string => `${colors.dim(pad(head, width))}  ${text}`.trimEnd()
  const lines = fields.map((one) =>
    line(headOf(one), `${colors.cyan(one.field)} ${one.value === null ? colors.dim('cleared') : oneLine(one.value)}`),
  )
  let field = ''
  let before: string | undefined
  for (const one of texts) {
    if (one.field !== field) lines.push('', `${' '.repeat(width)}  ${colors.dim(`${one.field}:`)}`)
    if (one.field !== field) before = undefined
    field = one.field
    const text = look.columns === undefined ? one.text : printable(one.text)
    const mark = one.deleted ? ` ${colors.dim(`(deleted by ${headOf(one.deleted).replace(/ +/g, ' ')})`)}` : ''
    const parts = text.replace(/\n$/, '').split('\n')
    for (const [i, part] of parts.entries()) {
      // Blank lines that a phrase begins with are the end of what stands before it.
      const head = part === '' && i < parts.length - 1 ? before : headOf(one)
      const shown = one.deleted ? (look.color ? colors.red(part) : `[-${part}-]`) : part
      lines.push(line(head === before ? '' : (head ?? ''), `${shown}${i === parts.length - 1 ? mark : ''}`))
      before = head
    }
  }
  return `${lines.join('\n')}\n`
}
