import pc from 'picocolors'
import type { Column, View } from '../api/operation.ts'
import { unreachable } from '../base/assert.ts'
import { pad, printable, truncate, widthOf } from '../base/width.ts'
import { blameText } from './blame-text.ts'
import { changesText } from './changes-text.ts'

/** How and when something is printed. */
export interface Look {
  readonly color: boolean
  /** Columns to fit rows into; undefined where nothing is cut: in a pipe. */
  readonly columns: number | undefined
  /** The time now, for "3 minutes ago"; undefined where times are printed in full: in a pipe. */
  readonly now: number | undefined
}

export interface Rendered {
  readonly text: string
  /** How to go on: for a person, beside the text. */
  readonly footer?: string
}

/** As many characters of a commit's id as git shows for a large repository. */
const SHORT_COMMIT = 10

/** No column is made narrower than this to make room. */
const MIN_COLUMN = 10

type Colors = ReturnType<typeof pc.createColors>

/** A result as a terminal shows it. */
export function render(result: unknown, view: View, look: Look): Rendered {
  switch (view.type) {
    case 'table':
      return table(result, view, look)
    case 'changes': {
      const rows = (at(result, view.rows) ?? []) as readonly unknown[]
      const footer = footerOf(result, rows.length)
      const message = at(result, 'message')
      const end = typeof message === 'string' ? `${rows.length > 0 ? '\n' : ''}${message}\n` : ''
      const text = rows.length > 0 ? changesText(rows, look) : end === '' ? `${view.empty}\n` : ''
      return { text: `${text}${end}`, ...(footer && { footer }) }
    }
    case 'blame':
      return { text: blameText(result, look) }
    case 'record':
      return { text: record(at(result, view.at ?? ''), view.bytes ?? [], look) }
    case 'message':
      return { text: `${fill(view.text, result)}\n` }
    case 'text':
      return { text: withLineEnd(asText(at(result, view.field), look)) }
    case 'json':
      return { text: `${asText(JSON.stringify(at(result, view.field ?? ''), null, 2) ?? 'null', look)}\n` }
    default:
      return unreachable(view)
  }
}

/** Cuts a text in a pipe free of nothing: programs get every byte, terminals nothing that steers them. */
function asText(value: unknown, { columns }: Look): string {
  const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
  return columns === undefined ? text : printable(text)
}

function table(result: unknown, view: View & { type: 'table' }, look: Look): Rendered {
  const rows = (at(result, view.rows) ?? []) as readonly unknown[]
  if (rows.length === 0) {
    const footer = footerOf(result, 0)
    return { text: `${fill(view.empty, result)}\n`, ...(footer && { footer }) }
  }
  const columns = view.columns.filter((column) => rows.some((row) => cell(at(row, column.key), column, look) !== ''))
  const cells = rows.map((row) => columns.map((column) => oneLine(cell(at(row, column.key), column, look))))
  const heads = columns.map(({ head }) => head)
  const dim = columns.map((column): Column => ({ ...column, style: 'dim' }))
  const footer = footerOf(result, rows.length, view.isOnePage)
  return { text: `${aligned([heads, ...cells], columns, look, dim).join('\n')}\n`, ...(footer && { footer }) }
}

/** Rows of plain texts in columns, as lines; the first row may be painted in another way. */
export function aligned(
  rows: readonly (readonly string[])[],
  columns: readonly Column[],
  look: Look,
  first: readonly Column[] = columns,
): readonly string[] {
  const colors = pc.createColors(look.color)
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => widthOf(row[i] ?? ''))))
  const fitted = widthsWithin(widths, look.columns)
  return rows.map((row, at) => {
    const last = row.findLastIndex((text) => text !== '')
    return row
      .slice(0, last + 1)
      .map((text, i) => {
        const shown = truncate(text, fitted[i] ?? 0)
        return paint(i === last ? shown : pad(shown, fitted[i] ?? 0), (at === 0 ? first : columns)[i], colors)
      })
      .join('  ')
  })
}

/** Takes from the widest columns until the rows fit. */
function widthsWithin(widths: readonly number[], columns: number | undefined): readonly number[] {
  const fitted = [...widths]
  let over = columns === undefined ? 0 : widths.reduce((sum, width) => sum + width + 2, -2) - columns
  for (let widest = Math.max(...fitted); over > 0 && widest > MIN_COLUMN; widest = Math.max(...fitted)) {
    fitted[fitted.indexOf(widest)] = widest - 1
    over--
  }
  return fitted
}

function footerOf(result: unknown, shown: number, isOnePage = false): string | undefined {
  const [next, total, hidden] = [at(result, 'next'), at(result, 'total'), at(result, 'hidden')]
  const least = at(result, 'atLeast') === true ? 'at least ' : ''
  const of = typeof total === 'number' ? ` of ${least}${total}` : ''
  const isCut = isOnePage && typeof total === 'number' && total > shown
  const lines = [
    ...(isCut ? [`${shown}${of} shown; more with --limit`] : []),
    ...(next === undefined || next === null ? [] : [`${shown}${of} shown; the next: --after ${next}`]),
    ...(typeof hidden === 'number' ? [`${least}${hidden} closed ${hidden === 1 ? 'is' : 'are'} not shown: --all`] : []),
  ]
  return lines.length > 0 ? lines.join('\n') : undefined
}

function record(value: unknown, bytes: readonly string[], look: Look): string {
  if (typeof value !== 'object' || value === null) return `${asText(value, look)}\n`
  const colors = pc.createColors(look.color)
  const { id, title, body, ...rest } = value as Record<string, unknown>
  const lines: string[] = []
  const isRecord = typeof id === 'string'
  if (isRecord) lines.push(`${colors.cyan(id)}  ${colors.bold(oneLine(String(title ?? '')))}`.trimEnd())
  const fields = Object.entries(isRecord ? rest : (value as Record<string, unknown>))
    .map(([key, field]) => [key, shortened(field, bytes.includes(key), look)] as const)
    .filter(([, field]) => !isEmpty(field))
  const width = Math.max(0, ...fields.map(([key]) => widthOf(key)))
  for (const [key, field] of fields) lines.push(...fieldLines(key, field, width, look, colors))
  if (isRecord && typeof body === 'string' && body !== '') lines.push('', asText(body, look).trimEnd())
  return `${lines.join('\n')}\n`
}

/** On a terminal, an object without its empty entries, and sizes as a person reads them. */
function shortened(field: unknown, isSizes: boolean, { columns }: Look): unknown {
  if (columns === undefined || typeof field !== 'object' || field === null || Array.isArray(field)) return field
  const entries = Object.entries(field).filter(([, value]) => !isEmpty(value))
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isSizes && typeof value === 'number' ? sizeText(value) : value]),
  )
}

function sizeText(bytes: number): string {
  const [limit, unit] = SIZES.find(([least]) => bytes >= least) ?? [1, 'B']
  const size = bytes / limit
  return `${size < 10 && limit > 1 ? size.toFixed(1) : Math.round(size)} ${unit}`
}

const SIZES: readonly (readonly [least: number, unit: string])[] = [
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
]

function fieldLines(key: string, field: unknown, width: number, look: Look, colors: Colors): readonly string[] {
  const head = colors.dim(pad(key, width))
  const list = Array.isArray(field) ? field : undefined
  if (list?.some((item) => typeof item === 'object')) {
    return [
      head,
      ...list.map(
        (item) =>
          `  ${oneLine(
            Object.values(item as object)
              .map(scalar)
              .join('  '),
          )}`,
      ),
    ]
  }
  if (!list && typeof field === 'object' && field !== null) {
    const pairs = Object.entries(field).map(
      ([name, value]) => `${name}: ${Array.isArray(value) ? value.map(scalar).join(', ') : scalar(value)}`,
    )
    return [`${head}  ${oneLine(pairs.join(', '))}`]
  }
  const column = columnOf(key)
  const text = list ? list.map(scalar).join(', ') : cell(field, column, look)
  return [`${head}  ${paint(oneLine(text), column, colors)}`]
}

/** The look of a field in a record, where there is no declared column. */
function columnOf(key: string): Column {
  const style = key === 'status' || key === 'priority' ? key : /At$|^at$/.test(key) ? 'time' : undefined
  return { key, head: key, ...(style && { style }) }
}

function cell(value: unknown, { style }: Column, { now, columns }: Look): string {
  if (style === 'commit' && columns !== undefined) return scalar(value).slice(0, SHORT_COMMIT)
  if (style === 'time' && now !== undefined && typeof value === 'string') return ago(value, now)
  if (typeof value === 'boolean' && style === 'status') return value ? 'ok' : 'no'
  return Array.isArray(value) ? value.map(scalar).join(', ') : scalar(value)
}

/** `3min ago`; a text that is no time stays. */
export function ago(text: string, now: number): string {
  const time = Date.parse(text)
  if (Number.isNaN(time) || !text.includes('T')) return text
  const seconds = Math.max(0, Math.round((now - time) / 1000))
  const [limit, size, unit] = UNITS.find(([limit]) => seconds < limit) ?? []
  return limit === undefined || size === undefined ? text.slice(0, 10) : `${Math.floor(seconds / size)}${unit} ago`
}

const UNITS: readonly (readonly [limit: number, size: number, unit: string])[] = [
  [60, 1, 's'],
  [3600, 60, 'min'],
  [86_400, 3600, 'h'],
  [14 * 86_400, 86_400, 'd'],
]

function paint(text: string, column: Column | undefined, colors: Colors): string {
  switch (column?.style) {
    case undefined:
      return text
    case 'id':
    case 'commit':
      return colors.cyan(text)
    case 'dim':
    case 'time':
      return colors.dim(text)
    case 'status':
      return statusColor(text.trim(), colors)(text)
    case 'priority':
      return priorityColor(text.trim(), colors)(text)
    default:
      return unreachable(column?.style as never)
  }
}

function statusColor(status: string, colors: Colors): (text: string) => string {
  if (/^(completed|ok|linked)$/.test(status)) return colors.green
  if (/^(blocked|no|refused)$/.test(status)) return colors.red
  if (/^(in_progress|connecting|waiting)$/.test(status)) return colors.yellow
  if (status === 'review') return colors.magenta
  return status === 'cancelled' ? colors.dim : String
}

function priorityColor(priority: string, colors: Colors): (text: string) => string {
  if (priority === 'critical') return colors.red
  if (priority === 'high') return colors.yellow
  return priority === 'low' ? colors.dim : String
}

/** `{id} {a.b}` filled from the result. */
function fill(template: string, result: unknown): string {
  return template.replace(/\{([\w.]+)\}/g, (_, path: string) => oneLine(scalar(at(result, path))))
}

/** The value at a path of names; the whole for an empty path. */
function at(value: unknown, path: string): unknown {
  let found = value
  for (const name of path === '' ? [] : path.split('.')) {
    found =
      typeof found === 'object' && found !== null && Object.hasOwn(found, name)
        ? (found as Record<string, unknown>)[name]
        : undefined
  }
  return found
}

function scalar(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** One line of it, whatever is in it: a title must not make a second row. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s*[\r\n\t]+\s*/g, ' '))
}

function withLineEnd(text: string): string {
  return text.endsWith('\n') || text === '' ? text : `${text}\n`
}
