import { BACKLOG_STATUSES, type BacklogFile, toBacklogDocument, toBacklogTask } from '../../model/export/backlog.ts'
import { toIssue } from '../../model/export/beads.ts'
import { oldNameOf } from '../../model/export/old-names.ts'
import { printExtra } from '../../model/extra.ts'
import type { RecordId } from '../../model/id.ts'
import { textsOf } from '../../model/kind.ts'
import { task } from '../../model/kinds/task.ts'
import { pathKey } from '../../model/layout.ts'
import type { Project, StoredRecord } from '../../store/project.ts'
import type { ExportFormat } from './format.ts'
import { readContent } from './source.ts'

export const beadsFormat: ExportFormat = {
  name: 'beads',
  help: 'the tasks as issues.jsonl of beads',
  isFolder: false,
  async *write(parts) {
    const { records } = await readContent(parts)
    const tasks = records.get(task.name) ?? []
    const names = namesOf(tasks, 'beads', ({ id }) => id)
    const seen = worldOf(parts.project, names)
    for (const record of tasks) {
      // What is deleted here and never was there is of no use there.
      if (record.deletedAt !== undefined && oldNameOf(record)?.tool !== 'beads') continue
      yield { file: '', text: `${JSON.stringify(toIssue(record, seen(record)))}\n` }
    }
  },
}

export const backlogFormat: ExportFormat = {
  name: 'backlog',
  help: 'a folder of Backlog.md: tasks, documents and decisions',
  isFolder: true,
  async *write(parts) {
    const { project } = parts
    const { records } = await readContent(parts)
    const living = (kind: string): readonly StoredRecord[] =>
      (records.get(kind) ?? []).filter(({ deletedAt }) => deletedAt === undefined).toSorted(byBirth)
    const tasks = living(task.name)
    const names = namesOf(tasks, 'Backlog.md', numbers(tasks, 'TASK'))
    const seen = worldOf(project, names)
    const place = createPlaces()
    yield piece(place({ path: 'config.yml', text: configOf(project.name) }))
    for (const record of tasks) yield piece(place(toBacklogTask(record, seen(record))))
    const documents = [...living('page'), ...living('context')]
    const number = { doc: 0, decision: 0 }
    for (const record of documents) {
      const prefix = record.values.type === 'decision' ? 'decision' : 'doc'
      yield piece(place(toBacklogDocument(record, `${prefix}-${++number[prefix]}`)))
    }
  },
}

function piece({ path, text }: BacklogFile): { readonly file: string; readonly text: string } {
  return { file: path, text }
}

/** Gives every file a path of its own, on systems that fold case too. */
function createPlaces(): (file: BacklogFile) => BacklogFile {
  const taken = new Set<string>()
  return (file) => {
    let { path } = file
    for (let n = 2; taken.has(pathKey(path)); n++) path = file.path.replace(/(\.\w+)$/, ` ${n}$1`)
    taken.add(pathKey(path))
    return { ...file, path }
  }
}

function configOf(name: string): string {
  const statuses = `[${BACKLOG_STATUSES.map((status) => JSON.stringify(status)).join(', ')}]`
  return `project_name: ${printExtra(name)}\ndefault_status: "To Do"\nstatuses: ${statuses}\nlabels: []\ndate_format: yyyy-mm-dd hh:mm\n`
}

/** The names that tasks had in a tool, else those that are made for them. */
function namesOf(
  tasks: readonly StoredRecord[],
  tool: string,
  make: (record: StoredRecord) => string,
): ReadonlyMap<string, string> {
  return new Map(
    tasks.map((record) => {
      const [alias] = textsOf(record.values.aliases)
      return [record.id, alias !== undefined && oldNameOf(record)?.tool === tool ? alias : make(record)]
    }),
  )
}

/** Numbers behind the highest one that is taken. */
function numbers(tasks: readonly StoredRecord[], prefix: string): (record: StoredRecord) => string {
  let next = tasks
    .flatMap(({ values }) => textsOf(values.aliases))
    .reduce((highest, alias) => Math.max(highest, Number(/^[a-z]+-(\d{1,9})(?:\.|$)/i.exec(alias)?.[1] ?? 0)), 0)
  const old = tasks.find((record) => oldNameOf(record)?.tool === 'Backlog.md')
  const used = /^([A-Za-z]+)-\d/.exec(textsOf(old?.values.aliases)[0] ?? '')?.[1] ?? prefix
  return () => `${used}-${++next}`
}

function worldOf(project: Project, names: ReadonlyMap<string, string>) {
  const status = project.kinds.own(task).fields.status?.value
  const countsAs = status?.type === 'choice' ? status.countsAs : {}
  return (record: StoredRecord) => ({
    nameOf: (id: string) => names.get(id) ?? id,
    countsAs: (word: string) => countsAs[word] ?? word,
    get isUntouched() {
      return oldNameOf(record) !== undefined && project.lastChange(record.id as RecordId)?.what !== 'changed'
    },
  })
}

function byBirth(a: StoredRecord, b: StoredRecord): number {
  const [born, other] = [a, b].map(({ values }) => String(values.createdAt ?? ''))
  if (born !== other) return String(born) < String(other) ? -1 : 1
  return a.id < b.id ? -1 : 1
}
