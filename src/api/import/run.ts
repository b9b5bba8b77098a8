import { basename, dirname } from 'node:path'
import { OrchError } from '../../base/error.ts'
import { nextTurn } from '../../base/turns.ts'
import { task } from '../../model/kinds/task.ts'
import { importBacklog } from './backlog.ts'
import { importBeads } from './beads.ts'
import { detect, findTaskMaster } from './detect.ts'
import type { Folder } from './folder.ts'
import { readGithub, readTaskMaster } from './foreign-read.ts'
import { type FormatName, IMPORT_FORMATS } from './formats.ts'
import { createIdentify, type ReadRecord } from './identify.ts'
import { type ImportParts, importItems, inSlices, RECORDS_PER_SLICE } from './items.ts'
import { createLinker } from './links.ts'
import { createExactNames } from './names.ts'
import { openFolder } from './node-folder.ts'
import { importOrch } from './orch.ts'
import { readMapping, readPlainJson, readPlainMarkdown } from './plain-read.ts'
import { type Draft, emptyDraft, finish, type Report } from './report.ts'

export interface ImportSource extends ImportParts {
  readonly folder: Folder
  /** The file in the folder that the caller named, if it is one. */
  readonly file: string | undefined
}

export interface ImportOptions {
  /** Told by what is there when absent. */
  readonly format: FormatName | undefined
  readonly dryRun: boolean
  readonly withDeleted: boolean
  /** A mapping file on disk. */
  readonly mapping: string | undefined
  /** What the caller named, for errors. */
  readonly name: string
}

/**
 * Imports what a path holds. Records that an earlier import made are left as they are, so that a second run changes
 * nothing and one that was interrupted is completed by the next. Rejects with `import_failed`.
 */
export async function importAny(parts: ImportSource, options: ImportOptions): Promise<Report> {
  const { folder, file } = parts
  const { format, file: found } =
    options.format === undefined
      ? await detect(folder, file, options.name)
      : { format: options.format, file: file ?? (await fileOf(options.format, folder, options.name)) }
  const report = await importAs(format, { ...parts, file: found }, options)
  return { ...report, format, summary: `Read as ${IMPORT_FORMATS[format]}.\n${report.summary}` }
}

async function fileOf(format: FormatName, folder: Folder, name: string): Promise<string | undefined> {
  return format === 'taskmaster' ? await findTaskMaster(folder, name) : undefined
}

async function importAs(format: FormatName, parts: ImportSource, options: ImportOptions): Promise<Report> {
  const { folder, file } = parts
  const { name } = options
  if (format === 'backlog') return await importBacklog(parts, options)
  if (format === 'beads') return await importBeads(parts, options)
  const draft = emptyDraft(options.dryRun)
  const kind = parts.project.kinds.own(task)
  const mapping =
    options.mapping === undefined
      ? undefined
      : await readMapping(openFolder(dirname(options.mapping)), basename(options.mapping), options.mapping)
  if (format === 'markdown')
    return await importRead(parts, readPlainMarkdown(kind, { folder, file, name }, mapping, draft), draft)
  if (file === undefined)
    throw new OrchError('import_failed', {
      path: name,
      reason: `there is no file of ${IMPORT_FORMATS[format]} in it: name one`,
    })
  if (format === 'orch') return await importOrch({ ...parts, file }, options)
  const source = { folder, path: file, name }
  switch (format) {
    case 'taskmaster':
      return await importRead(parts, readTaskMaster(kind, source, draft), draft)
    case 'github':
      return await importRead(parts, readGithub(source, draft), draft)
    case 'json':
      return await importRead(parts, readPlainJson(kind, source, mapping, draft), draft)
  }
}

/** Makes records of what is read. All of it is read first: links lead both ways. */
async function importRead(parts: ImportParts, records: AsyncIterable<ReadRecord>, draft: Draft): Promise<Report> {
  const { project, progress } = parts
  const read: ReadRecord[] = []
  for await (const record of records) {
    read.push(record)
    if (read.length % RECORDS_PER_SLICE !== 0) continue
    progress(read.length, 0, `reading ${read.length} items`)
    await nextTurn()
  }
  const items = await inSlices(read, createIdentify(project, draft))
  await importItems(parts, items, createLinker(project, items, { draft, names: createExactNames(items) }), draft)
  return finish(draft, project.kinds)
}
