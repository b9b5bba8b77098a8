import { OrchError } from '../base/error.ts'
import type { Keyring } from '../base/keys.ts'
import type { Happened } from '../model/attention.ts'
import type { Project } from '../store/project.ts'
import type { Vector } from '../store/row.ts'
import type { GitRepo, LoggedCommit, Oid } from './git-repo.ts'
import { chunksOf, importerIn, PROJECT_FILE, rowsOfChunks, vectorOf } from './history-tree.ts'
import { type HandMade, type HandMadeFile, IMPORTER, type Importer, importName, importStem } from './import-edits.ts'
import { orchAuthor, parseMessage } from './message.ts'
import type { Tree, Trees } from './trees.ts'

export interface TakeInParts {
  readonly repo: GitRepo
  readonly trees: Trees
  /** Those that rows can be read with. */
  readonly keyring: Pick<Keyring, 'keys'>
  readonly project: Pick<Project, 'id' | 'kinds' | 'have' | 'applyRows'>
  readonly importer: () => Importer
  /** Keeps what of an edit could not be taken over, for a person to see. */
  readonly happened: (happened: Happened) => void
}

const MAX_COMMITS = 10_000

/**
 * Takes over what commits brought that we have not seen: their rows, then what people changed in the files of commits that
 * no orch made. Never compares the texts of a commit that came with its state: that would double every line.
 *
 * @param tip the last of them, and how it is called
 * @param known commits whose content is here
 * @returns the commits, oldest first, and whether any of them was made by hand
 */
export async function takeIn(
  parts: TakeInParts,
  { oid: tip, name }: { readonly oid: Oid; readonly name: string },
  known: readonly Oid[],
): Promise<{ readonly commits: readonly LoggedCommit[]; readonly byHand: boolean }> {
  const { repo, project, trees, keyring } = parts
  const commits = await repo.log(tip, { limit: MAX_COMMITS, without: known, oldestFirst: true })
  const byHand = commits.filter((commit) => !isByOrch(commit))

  const chunks = new Map<string, Oid>()
  const withRows = new Set([tip, ...byHand.flatMap(({ oid, parents }) => [oid, ...parents])])
  for (const oid of withRows) for (const [path, blob] of await trees(oid)) if (isChunk(path)) chunks.set(path, blob)
  const rows = await rowsOfChunks(repo, { tree: chunks, revision: name, keys: keyring.keys }, project.have())
  if (rows.length > 0) await project.applyRows(rows, { source: 'git', commit: tip })

  if (byHand.length > 0 && byHand.some(({ parents }) => parents.length === 0) && (await repo.isShallow())) {
    const reason = `commit ${short(byHand[0]?.oid)} was made by hand, and what it was made on is not in this shallow clone; \`git fetch --unshallow\` brings it`
    throw new OrchError('git_refused', { reason })
  }
  for (const commit of byHand) await takeByHand(parts, commit)
  return { commits, byHand: byHand.length > 0 }
}

/** Whether a commit is as orch made it: who amends or rebases one becomes its committer. */
export function isByOrch({ message, committer }: Pick<LoggedCommit, 'message' | 'committer'>): boolean {
  const { trailers } = parseMessage(message)
  return committer.email === orchAuthor.email && trailers.some(([name]) => name === 'Orch-Replica')
}

async function takeByHand(
  { repo, trees, project, importer, happened }: TakeInParts,
  commit: LoggedCommit,
): Promise<void> {
  const made = await handMade({ repo, project }, trees, commit)
  if (!made || isImported(project, made)) return
  if ((await importerIn(repo, await trees(made.basis))) > IMPORTER) {
    const reason = `commit ${short(commit.oid)} was made by hand on a history of a newer orch, which this one cannot read alike`
    throw new OrchError('git_refused', { reason })
  }
  const { row, problems } = await importer().import(made)
  if (row) await project.applyRows([row], { source: 'git', commit: commit.oid })
  for (const { path, reason, record } of problems) {
    happened({
      kind: 'kept_save',
      key: commit.oid,
      where: path,
      what: `What ${commit.author.name} changed here in commit ${short(commit.oid)} was not taken over, or not all of it: ${reason}`,
      why: 'The rest of the commit was taken over. The history branch keeps what was written.',
      fix: `See it with \`git show ${shellWord(`${short(commit.oid)}:${path}`)}\`, and make the change in the file of the mirror.`,
      ...(record !== undefined && { record }),
    })
  }
}

/** Whether the row of a commit is here, made by this or another clone. */
function isImported(project: TakeInParts['project'], made: HandMade): boolean {
  const stem = importStem(importName(project, made))
  return Object.keys(project.have()).some((replica) => replica.startsWith(stem))
}

/**
 * What a commit changed in the view, and what that view showed. A commit that brings rows of its own, or joins several,
 * is compared with what the rows show: only what neither a parent nor the rows say is somebody's edit.
 */
async function handMade(
  { repo, project }: Pick<TakeInParts, 'repo' | 'project'>,
  trees: Trees,
  commit: LoggedCommit,
): Promise<(HandMade & { readonly basis: Oid }) | undefined> {
  const tree = await trees(commit.oid)
  const parents = await Promise.all(commit.parents.map(trees))
  const [first] = parents
  const bringsRows = [...tree.keys()].some((path) => isChunk(path) && !parents.some((parent) => parent.has(path)))
  const isPlain = parents.length === 1 && !bringsRows
  const paths = new Set([...(first ?? tree).keys(), ...tree.keys()])
  const changed = [...paths]
    .filter((path) => !isChunk(path) && path !== PROJECT_FILE)
    .filter((path) => parents.every((parent) => parent.get(path) !== tree.get(path)))
    // Where the rows speak, a file that is missing says nothing.
    .filter((path) => isPlain || tree.has(path))
    .sort()
  if (changed.length === 0) return undefined
  const state = await stateOf({ repo, project }, trees, commit.parents, isPlain ? undefined : tree)
  const wanted = changed.flatMap((path) => [tree.get(path), isPlain ? first?.get(path) : undefined])
  const blobs = await repo.readBlobs([...new Set(wanted.filter((oid) => oid !== undefined))])
  const bytesOf = (oid: Oid | undefined): Uint8Array | undefined => (oid === undefined ? undefined : blobs.get(oid))
  const files = changed.map((path): HandMadeFile => {
    const [from, to] = [first?.get(path), tree.get(path)]
    return {
      path,
      before: isPlain ? bytesOf(from) : 'state',
      after: bytesOf(to),
      from: isPlain ? (from ?? '') : 'state',
      to: to ?? '',
    }
  })
  return { commit, state, files, basis: commit.parents[0] ?? commit.oid }
}

/** The rows that commits, and the chunks of a tree beside them, stand for. */
async function stateOf(
  { repo, project }: Pick<TakeInParts, 'repo' | 'project'>,
  trees: Trees,
  commits: readonly Oid[],
  beside: Tree | undefined,
): Promise<Vector> {
  const state: Record<string, number> = {}
  const add = (vector: Vector): void => {
    for (const [replica, seq] of Object.entries(vector)) state[replica] = Math.max(state[replica] ?? 0, seq)
  }
  const chunks = new Set<string>()
  const addChunks = (tree: Tree): void => {
    for (const path of tree.keys()) if (isChunk(path)) chunks.add(path)
  }
  if (beside) addChunks(beside)
  const seen = new Set<Oid>()
  const visit = async (oid: Oid): Promise<void> => {
    if (seen.has(oid)) return
    seen.add(oid)
    addChunks(await trees(oid))
    const [commit] = await repo.log(oid, { limit: 1 })
    if (!commit || isByOrch(commit)) return
    for (const parent of commit.parents) await visit(parent)
    const made = await handMade({ repo, project }, trees, commit)
    if (!made) return
    const stem = importStem(importName(project, made))
    for (const replica of Object.keys(project.have())) if (replica.startsWith(stem)) add({ [replica]: 1 })
  }
  for (const oid of commits) await visit(oid)
  add(vectorOf(chunks))
  return state
}

const isChunk = (path: string): boolean => chunksOf([path]).length > 0

const shellWord = (word: string): string => (/^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

const short = (oid: Oid = ''): string => oid.slice(0, 10)
