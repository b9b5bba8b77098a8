import { OrchError } from '../../base/error.ts'
import type { Folder } from './folder.ts'
import { sniffJson } from './foreign-read.ts'
import type { FormatName } from './formats.ts'
import { readNames } from './read.ts'

/** What is at the path that a caller named: a format, and the file that holds it, if it is one. */
export interface Detected {
  readonly format: FormatName
  readonly file: string | undefined
}

/** Where Task Master keeps its tasks, below a repository; the second is from before it had a folder of its own. */
const TASK_MASTER_FILES: readonly (readonly [dir: string, file: string])[] = [
  ['.taskmaster/tasks', 'tasks.json'],
  ['tasks', 'tasks.json'],
  ['', 'tasks.json'],
]

/**
 * Tells what a file or folder holds. Where a repository has several, the caller must say which is meant. Rejects with
 * `import_failed`.
 */
export async function detect(folder: Folder, file: string | undefined, name: string): Promise<Detected> {
  if (file !== undefined) return { format: await formatOf(folder, file, name), file }
  const has = async (dir: string, ...wanted: readonly string[]): Promise<boolean> => {
    const names = (await readNames(folder, dir, name)) ?? []
    return wanted.some((one) => names.includes(one))
  }
  const found: Detected[] = []
  if ((await has('.beads', 'issues.jsonl', 'beads.jsonl')) || (await has('', 'issues.jsonl', 'beads.jsonl'))) {
    found.push({ format: 'beads', file: undefined })
  }
  const taskMaster = await findTaskMaster(folder, name)
  if (taskMaster !== undefined) found.push({ format: 'taskmaster', file: taskMaster })
  const isBacklog = async (root: string): Promise<boolean> => await has(root, 'tasks', 'completed', 'drafts')
  // A folder called tasks alone could be anybody's.
  const isRoot = (await has('', 'config.yml')) && (await isBacklog(''))
  if (isRoot || (await isBacklog('backlog')) || (await isBacklog('.backlog')))
    found.push({ format: 'backlog', file: undefined })
  const [first, second] = found
  if (second) {
    const both = found.map(({ format }) => format).join(' and ')
    throw new OrchError('import_failed', {
      path: name,
      reason: `it holds several: ${both}; say with --format which is meant`,
    })
  }
  if (first) return first
  const names = await readNames(folder, '', name)
  if (names === undefined) throw new OrchError('import_failed', { path: name, reason: 'there is nothing there' })
  const json = names.filter((one) => /\.jsonl?$/i.test(one))
  if (json.length === 1 && json[0] !== undefined)
    return { format: await formatOf(folder, json[0], name), file: json[0] }
  if (json.length > 1 && !names.some(isMarkdown)) {
    throw new OrchError('import_failed', {
      path: name,
      reason: `it holds several files: ${json.slice(0, 5).join(', ')}; name one`,
    })
  }
  if (names.includes('.git')) {
    const reason = 'there are no files of a tool in it; of Markdown of your own, name the folder it is in'
    throw new OrchError('import_failed', { path: name, reason })
  }
  // Of no tool: any Markdown in it, or below.
  return { format: 'markdown', file: undefined }
}

/** The file of Task Master in a folder, if it has one that is one. */
export async function findTaskMaster(folder: Folder, name: string): Promise<string | undefined> {
  for (const [dir, file] of TASK_MASTER_FILES) {
    if ((await readNames(folder, dir, name))?.includes(file) !== true) continue
    const path = dir === '' ? file : `${dir}/${file}`
    if ((await sniffJson({ folder, path, name })) === 'taskmaster') return path
  }
  return undefined
}

async function formatOf(folder: Folder, file: string, name: string): Promise<FormatName> {
  if (isMarkdown(file)) return 'markdown'
  if (/\.jsonl?$/i.test(file)) return await sniffJson({ folder, path: file, name })
  throw new OrchError('import_failed', {
    path: name,
    reason: 'what it is cannot be told by its name; say with --format',
  })
}

function isMarkdown(name: string): boolean {
  return /\.(?:md|markdown)$/i.test(name)
}
