import type { Turns } from '../base/turns.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Cut } from './cut.ts'
import { blobOid, type FileChange, type Oid } from './git-repo.ts'
import { PROJECT_FILE, type ProjectName, projectFile } from './history-tree.ts'
import type { RecordChange } from './message.ts'

/** What a snapshot changes in the tree of the one before: the files of the records that changed. */
export async function changedFiles(cut: Cut, turns: Turns): Promise<readonly FileChange[]> {
  await turns.next()
  const texts = textsOf(cut)
  await turns.next()
  const left = new Set<string>()
  for (const { pathBefore } of cut.pending.values()) {
    if (pathBefore !== undefined && !texts.has(pathBefore)) left.add(pathBefore)
  }
  const changes: FileChange[] = []
  for (const path of left) changes.push({ path, delete: true })
  for (const [path, text] of texts) {
    changes.push({ path, bytes: Buffer.from(text) })
    if (turns.isOver()) await turns.next()
  }
  return changes
}

/** The same against a tree that others made of the same rows: only where it does not show what changed here. */
export async function changedAgainst(
  cut: Cut,
  tree: ReadonlyMap<string, Oid>,
  turns: Turns,
): Promise<readonly FileChange[]> {
  const [like] = tree.values()
  const differing: FileChange[] = []
  for (const change of await changedFiles(cut, turns)) {
    const differs = 'bytes' in change ? tree.get(change.path) !== blobOid(change.bytes, like) : tree.has(change.path)
    if (differs) differing.push(change)
    if (turns.isOver()) await turns.next()
  }
  return differing
}

/** What a snapshot of everything changes in a tree that may hold anything. Chunks of rows are left as they are. */
export async function differingFiles(
  cut: Cut,
  tree: ReadonlyMap<string, Oid>,
  project: ProjectName,
  { kinds, turns }: { readonly kinds: Kinds; readonly turns: Turns },
): Promise<readonly FileChange[]> {
  await turns.next()
  const texts = textsOf(cut).set(PROJECT_FILE, projectFile(project))
  const [like] = tree.values()
  const changes: FileChange[] = []
  for (const path of tree.keys()) if (isRendered(kinds, path) && !texts.has(path)) changes.push({ path, delete: true })
  for (const [path, text] of texts) {
    const bytes = Buffer.from(text)
    if (tree.get(path) !== blobOid(bytes, like)) changes.push({ path, bytes })
    if (turns.isOver()) await turns.next()
  }
  return changes
}

/** What the message tells: every change, or, where everything was compared, those that the files show. */
export function shownChanges(cut: Cut, compared: readonly FileChange[] | undefined): readonly RecordChange[] {
  if (!compared) return [...cut.changes.values()]
  const changed = new Set(compared.map(({ path }) => path))
  return [...cut.changes].flatMap(([key, change]) => {
    const path = cut.files.get(change.kind.shape === 'keys' ? `${change.kind.name}/` : key)?.path
    const isShown = path === undefined ? change.before !== undefined : changed.has(path)
    return isShown ? [change] : []
  })
}

function textsOf({ files }: Cut): Map<string, string> {
  const texts = new Map<string, string>()
  for (const file of files.values()) if (file) texts.set(file.path, file.text)
  return texts
}

/** Whether a path belongs to the rendering of the records, and not to the rows or to anybody else. */
export function isRendered({ inFolder, keyed }: Kinds, path: string): boolean {
  return (
    inFolder(path.slice(0, Math.max(0, path.indexOf('/')))) !== undefined || keyed.some(({ file }) => path === file)
  )
}
