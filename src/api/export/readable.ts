import { OrchError } from '../../base/error.ts'
import { entriesOf } from '../../model/comments.ts'
import { csvRow } from '../../model/export/csv.ts'
import { escapeHtml, htmlPage } from '../../model/export/html.ts'
import { choicesLike, type RecordKind, textsOf, type Value } from '../../model/kind.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { ExportFormat } from './format.ts'
import { type Content, readContent } from './source.ts'

/** Fields that are shown in another way, or say nothing to a reader. */
const QUIET = new Set(['aliases'])

export const csvFormat: ExportFormat = {
  name: 'csv',
  help: 'the records of one kind, a line each, for spreadsheets',
  isFolder: false,
  async *write(parts, { kind: name = 'task' }) {
    const { kinds } = parts.project
    const kind = kinds.record(name)
    if (!kind) {
      const reason = `there is no kind ${name}; there are: ${kinds.records.map((one) => one.name).join(', ')}`
      throw new OrchError('invalid_input', { field: 'kind', reason })
    }
    const content = await readContent(parts)
    const names = Object.keys(kind.fields)
    yield { file: '', text: csvRow(['id', ...names, 'updatedAt', 'updatedBy']) }
    for (const { id, values, updatedAt, updatedBy } of living(content, kind)) {
      const cells = names.map((field) => plain(values[field] ?? null, '; '))
      yield { file: '', text: csvRow([id, ...cells, isoTime(updatedAt), updatedBy]) }
    }
  },
}

export const markdownFormat: ExportFormat = {
  name: 'markdown',
  help: 'one document to read',
  isFolder: false,
  async *write(parts) {
    const { project } = parts
    const content = await readContent(parts)
    yield { file: '', text: `# ${line(project.name)}\n` }
    const state = stateOf(content)
    if (state.length > 0) {
      const rows = state.map(([key, value]) => `- ${key}: \`${value.replaceAll('`', "'")}\`\n`)
      yield { file: '', text: `\n## State\n\n${rows.join('')}` }
    }
    for (const section of sectionsOf(project, content)) {
      yield { file: '', text: `\n## ${section.title}\n` }
      for (const record of section.records) yield { file: '', text: markdownOf(section.kind, record) }
    }
  },
}

export const htmlFormat: ExportFormat = {
  name: 'html',
  help: 'one page for a browser, that needs nothing else',
  isFolder: false,
  async *write(parts) {
    const { project } = parts
    const content = await readContent(parts)
    const sections = sectionsOf(project, content)
    const titles = new Map(
      sections.flatMap(({ kind, records }) => records.map((record) => [record.id as string, titleOf(kind, record)])),
    )
    const links = sections.map(
      ({ title, records }, at) => `<a href="#s${at}">${escapeHtml(title)} (${records.length})</a>`,
    )
    const state = stateOf(content).map(([key, value]) => `<dt>${escapeHtml(key)}</dt><dd>${escapeHtml(value)}</dd>`)
    const body = [
      `<h1>${escapeHtml(project.name)}</h1>\n<p class="dim">As it was at ${isoTime(parts.clock.now()).slice(0, 16).replace('T', ' ')} UTC</p>\n`,
      `<nav>${links.join('')}</nav>\n`,
      ...(state.length > 0 ? [`<h2>State</h2>\n<dl>${state.join('')}</dl>\n`] : []),
      ...sections.flatMap(({ title, kind, records }, at) => [
        `<h2 id="s${at}">${escapeHtml(title)}</h2>\n`,
        ...records.map((record) => htmlOf(kind, record, titles)),
      ]),
    ]
    yield { file: '', text: htmlPage(project.name, body.join('')) }
  },
}

interface Section {
  readonly title: string
  readonly kind: RecordKind
  readonly records: readonly StoredRecord[]
}

/** Tasks by their status, in its order; then every other kind that has records. */
function sectionsOf(project: Project, content: Content): readonly Section[] {
  return project.kinds.records.flatMap((kind) => {
    const records = living(content, kind)
    const status = kind.fields.status?.value
    if (status?.type !== 'choice') return records.length > 0 ? [{ title: titleCase(kind.plural), kind, records }] : []
    const known = new Set(status.choices)
    const groups = [
      ...status.choices,
      ...new Set(records.map(({ values }) => String(values.status)).filter((one) => !known.has(one))),
    ]
    return groups.flatMap((choice) => {
      const found = records.filter(({ values }) => String(values.status) === choice)
      return found.length > 0
        ? [{ title: `${titleCase(kind.plural)}: ${choice.replaceAll('_', ' ')}`, kind, records: sorted(kind, found) }]
        : []
    })
  })
}

function sorted(kind: RecordKind, records: readonly StoredRecord[]): readonly StoredRecord[] {
  const order = choicesLike(kind, 'priority', 'critical', 'high', 'medium', 'low')
  const rank = ({ values }: StoredRecord): number => order.indexOf(String(values.priority))
  return records.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1))
}

function living({ records }: Content, { name }: RecordKind): readonly StoredRecord[] {
  return (records.get(name) ?? []).filter(({ deletedAt }) => deletedAt === undefined)
}

function stateOf({ keys }: Content): readonly (readonly [string, string])[] {
  return [...keys.values()].flatMap((values) =>
    values.flatMap(({ key, value }) =>
      value === undefined ? [] : [[key, typeof value === 'string' ? value : JSON.stringify(value)] as const],
    ),
  )
}

/** What a record's fields say, without those that are empty, its title and its texts. */
function factsOf(kind: RecordKind, { values, extra }: StoredRecord): readonly (readonly [string, string])[] {
  const fields = Object.entries(kind.fields).flatMap(([name, field]) => {
    if (name === kind.title || QUIET.has(name) || field.merge === 'prose' || field.merge === 'entries') return []
    const text = plain(values[name] ?? null, ', ')
    return text === '' || text === '0' ? [] : [[name, text] as const]
  })
  const aliases = textsOf(values.aliases)
  const extras = Object.entries(extra).flatMap(([key, source]) =>
    key === 'imported' ? [] : [[key, source.trim()] as const],
  )
  return [...fields, ...(aliases.length > 0 ? [['also known as', aliases.join(', ')] as const] : []), ...extras]
}

function textsOfRecord(kind: RecordKind, { values }: StoredRecord): readonly string[] {
  return Object.entries(kind.fields).flatMap(([name, { merge }]) => {
    const value = values[name]
    return merge === 'prose' && typeof value === 'string' && value.trim() !== '' ? [value] : []
  })
}

function saidOf({ values }: StoredRecord): readonly { readonly head: string; readonly text: string }[] {
  return Object.values(values).flatMap((value) =>
    entriesOf(value).map(({ at, by, text }) => ({ head: `${by}, ${isoTime(at)}`, text })),
  )
}

function markdownOf(kind: RecordKind, record: StoredRecord): string {
  const facts = factsOf(kind, record).map(([name, text]) => `- ${name}: ${line(text)}\n`)
  const texts = textsOfRecord(kind, record).map((text) => `\n${lowered(text).trim()}\n`)
  const said = saidOf(record).map(({ head, text }) => `\n**${line(head)}**\n\n${text.replace(/^/gm, '> ')}\n`)
  const title = line(plain(record.values[kind.title] ?? null, ' ')) || record.id
  return `\n### ${title}\n\n- id: ${record.id}\n${facts.join('')}${texts.join('')}${said.join('')}`
}

/** Headings of a record's own text stand below its title; what is in code stays as it is. */
function lowered(text: string): string {
  let fence: string | undefined
  return text
    .split('\n')
    .map((one) => {
      const mark = /^ {0,3}(`{3,}|~{3,})/.exec(one)?.[1]
      if (mark !== undefined && (fence === undefined || mark.startsWith(fence)))
        fence = fence === undefined ? mark : undefined
      return fence === undefined && mark === undefined
        ? one.replace(/^(#{1,6})(?=\s)/, (head) => '#'.repeat(Math.min(6, head.length + 3)))
        : one
    })
    .join('\n')
}

function htmlOf(kind: RecordKind, record: StoredRecord, titles: ReadonlyMap<string, string>): string {
  const { id, values } = record
  const title = titleOf(kind, record)
  const linked = (name: string, text: string): string =>
    kind.fields[name]?.value.type === 'ref' ? linksTo(values[name], titles) : escapeHtml(text)
  const tags = [...(values.priority ? [String(values.priority)] : []), ...textsOf(values.labels)]
  const facts = factsOf(kind, record).map(
    ([name, text]) => `<dt>${escapeHtml(name)}</dt><dd>${linked(name, text)}</dd>`,
  )
  const texts = textsOfRecord(kind, record).map((text) => `<pre>${escapeHtml(text)}</pre>\n`)
  const said = saidOf(record).map(
    ({ head, text }) => `<p class="dim">${escapeHtml(head)}</p><pre>${escapeHtml(text)}</pre>\n`,
  )
  const shown = tags.map((tag) => ` <span class="tag">${escapeHtml(tag)}</span>`).join('')
  return `<details id="${escapeHtml(id)}"><summary>${escapeHtml(title)}${shown} <span class="id">${escapeHtml(id)}</span></summary>
<div class="in"><dl>${facts.join('')}</dl>
${texts.join('')}${said.join('')}</div></details>\n`
}

/** What a field names, by title where it is on the page. */
function linksTo(value: Value | undefined, titles: ReadonlyMap<string, string>): string {
  const ids = typeof value === 'string' ? [value] : textsOf(value)
  return ids
    .map((id) => {
      const title = titles.get(id)
      return title === undefined ? escapeHtml(id) : `<a href="#${escapeHtml(id)}">${escapeHtml(title)}</a>`
    })
    .join(', ')
}

function titleOf(kind: RecordKind, { id, values }: StoredRecord): string {
  return plain(values[kind.title] ?? null, ' ') || id
}

function plain(value: Value, between: string): string {
  if (value === null) return ''
  if (typeof value !== 'object') return String(value)
  return value
    .map((one) => (typeof one === 'string' ? one : `${one.by}, ${isoTime(one.at)}: ${one.text}`))
    .join(between)
}

function line(text: string): string {
  return text.replace(/\s+/gu, ' ').trim()
}

function titleCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
