import { task } from '../../model/kinds/task.ts'
import type { Folder } from './folder.ts'
import { createIdentify } from './identify.ts'
import { type ImportParts, importItems, inSlices } from './items.ts'
import { createLinker } from './links.ts'
import { createNames } from './names.ts'
import { findRoot, readFiles } from './read.ts'
import { emptyDraft, finish, type Report } from './report.ts'

/**
 * Imports the folder of Backlog.md, or of a repository that has one. Records that an earlier import made are left as
 * they are, so that a second run changes nothing and one that was interrupted is completed by the next.
 * Rejects with `import_failed` when there is no such folder.
 */
export async function importBacklog(
  parts: ImportParts & { readonly folder: Folder },
  options: { readonly dryRun: boolean; readonly name: string },
): Promise<Report> {
  const { project, folder, progress } = parts
  const draft = emptyDraft(options.dryRun)
  const root = await findRoot(folder, options.name)
  const files = await readFiles(project.kinds.own(task), folder, root, draft, (done, total) =>
    progress(done, total, 'reading'),
  )
  const items = await inSlices(files, createIdentify(project, draft))
  const names = createNames(items.filter(({ kind }) => kind === task))
  await importItems(parts, items, createLinker(project, items, { draft, names }), draft)
  return finish(draft, project.kinds)
}
