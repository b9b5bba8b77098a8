/**
 * Imports what beads or Backlog.md keeps, exports it to the same format again, and compares the two field by field.
 * `npm run compare:import -- path/to/issues.jsonl`, `npm run compare:import -- path/to/repository`
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { backlogFormat, beadsFormat } from '../src/api/export/foreign.ts'
import type { ExportFormat } from '../src/api/export/format.ts'
import { openFolder, openPath } from '../src/api/import/node-folder.ts'
import { importAny } from '../src/api/import/run.ts'
import { systemClock } from '../src/base/clock.ts'
import { readForeign } from '../src/model/import/foreign.ts'
import type { Project } from '../src/store/project.ts'
import { alice, createTestProject } from './helpers/project.ts'

const path = process.argv[2]
if (path === undefined) throw new Error('Name a file or folder')

type Fields = Readonly<Record<string, unknown>>

const { project } = createTestProject({ clock: systemClock })
const began = performance.now()
const report = await importAny(
  { project, origin: { source: 'import', actor: alice }, progress: () => undefined, ...(await openPath(path)) },
  { format: undefined, dryRun: false, withDeleted: true, mapping: undefined, name: path },
)
say(`imported in ${Math.round(performance.now() - began)} ms\n\n${report.summary}\n`)
const [then, now] =
  report.format === 'beads'
    ? [await issuesOf(path), issues((await filesOf(beadsFormat, project)).get('') ?? '')]
    : [await backlogOf(path), backlog(await filesOf(backlogFormat, project))]
compare(then, now)

async function filesOf(format: ExportFormat, of: Project): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  const parts = { project: of, clock: systemClock, progress: () => undefined }
  for await (const { file, text } of format.write(parts, { kind: undefined, current: false })) {
    files.set(file, (files.get(file) ?? '') + text)
  }
  return files
}

async function issuesOf(from: string): Promise<ReadonlyMap<string, Fields>> {
  const { folder, file } = await openPath(from)
  return issues(Buffer.from(await folder.readFile(file ?? '.beads/issues.jsonl', 1 << 30)).toString('utf8'))
}

function issues(text: string): ReadonlyMap<string, Fields> {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return new Map(lines.map((line) => JSON.parse(line) as Fields).map((issue) => [String(issue.id), issue]))
}

async function backlogOf(from: string): Promise<ReadonlyMap<string, Fields>> {
  const { walk } = await import('../src/api/import/folder.ts')
  const dir = join(from, 'backlog')
  const files = new Map<string, string>()
  for (const { path: file, type } of await walk(openFolder(dir))) {
    if (type === 'file' && file.endsWith('.md')) files.set(file, await readFile(join(dir, file), 'utf8'))
  }
  return backlog(files)
}

function backlog(files: ReadonlyMap<string, string>): ReadonlyMap<string, Fields> {
  return new Map(
    [...files].flatMap(([file, text]) => {
      if (!file.endsWith('.md')) return []
      const read = readForeign(text.replaceAll('\r\n', '\n'))
      return read.ok ? [[file, { ...Object.fromEntries(read.values), '(text)': read.body.trimEnd() }]] : []
    }),
  )
}

/** Prints every way in which fields differ, with how often and one example. */
function compare(before: ReadonlyMap<string, Fields>, after: ReadonlyMap<string, Fields>): void {
  const kinds = new Map<string, { count: number; example: string }>()
  const note = (what: string, example: string): void => {
    const known = kinds.get(what)
    kinds.set(what, { count: (known?.count ?? 0) + 1, example: known?.example ?? example })
  }
  let fields = 0
  let same = 0
  for (const [id, item] of before) {
    const other = after.get(id)
    if (!other) {
      note('a record is missing', id)
      continue
    }
    for (const key of new Set([...Object.keys(item), ...Object.keys(other)])) {
      fields++
      const [a, b] = [item[key], other[key]]
      if (JSON.stringify(a) === JSON.stringify(b)) same++
      else note(`${key}: ${differenceOf(a, b)}`, `${id}: ${shown(a)} -> ${shown(b)}`)
    }
  }
  for (const id of after.keys()) if (!before.has(id)) note('a record more', id)
  say(`${before.size} records, ${fields} fields, ${same} the same to the byte`)
  for (const [what, { count, example }] of [...kinds].sort(([, a], [, b]) => b.count - a.count)) {
    say(`${String(count).padStart(6)}  ${what}\n        ${example}`)
  }
}

function differenceOf(a: unknown, b: unknown): string {
  const isEmpty = (value: unknown): boolean =>
    value === undefined ||
    value === null ||
    value === '' ||
    value === 'null' ||
    (Array.isArray(value) && value.length === 0)
  if (isEmpty(a) && isEmpty(b)) return 'empty in another way'
  if (isEmpty(a)) return 'there only now'
  if (isEmpty(b)) return 'lost'
  const time = (value: unknown): number =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]/.test(value)
      ? Date.parse(value.includes('T') ? value : `${value.replace(' ', 'T')}Z`)
      : Number.NaN
  if (time(a) === time(b)) return 'the same moment, written otherwise'
  if (Array.isArray(a) && Array.isArray(b)) {
    const sorted = (list: readonly unknown[]): string => JSON.stringify(list.map((one) => JSON.stringify(one)).sort())
    if (sorted(a) === sorted(b)) return 'in another order'
    const members = (list: readonly unknown[]): string =>
      JSON.stringify(
        list.map((one) =>
          typeof one === 'object' && one !== null && 'created_at' in one
            ? { ...one, created_at: time(one.created_at) }
            : one,
        ),
      )
    if (members(a) === members(b)) return 'times of its members written otherwise'
  }
  if (Array.isArray(a) !== Array.isArray(b) && String(a) === String(b)) return 'as a list'
  return 'something else'
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 160)
}
