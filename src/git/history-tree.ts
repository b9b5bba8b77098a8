import { systemClock } from '../base/clock.ts'
import { OrchError, reasonOf } from '../base/error.ts'
import { isObject, parsedOrNot } from '../base/json.ts'
import type { Key } from '../base/keys.ts'
import { createTurns, inTurns } from '../base/turns.ts'
import { decodingChunk, type Row, type Vector } from '../store/row.ts'
import type { GitRepo, Oid } from './git-repo.ts'
import { IMPORTER } from './import-edits.ts'
import { openChunk } from './sealed-chunks.ts'

/** Names the project in every tree of the history branch. */
export const PROJECT_FILE = 'project.json'
/** The version of the tree's layout. See docs/formats.md. */
export const TREE_FORMAT = 1
/** The same, with rows that are encrypted: who does not know that must not think them damaged. */
const SEALED_FORMAT = 2
/** The folder of the rows. */
export const CHUNKS = 'crdt/'
const DIGITS = 10

/** What a branch says it is the history of. */
export interface ProjectName {
  readonly id: string
  readonly name: string
  /** The project that it has joined, for those who still come to this one. */
  readonly movedTo?: { readonly id: string; readonly name: string }
  /** The name of the key that its rows are encrypted with. */
  readonly key?: string
}

/** The text of `project.json`. */
export function projectFile({ id, name, movedTo, key }: ProjectName): string {
  const moved = movedTo && { movedTo: { id: movedTo.id, name: movedTo.name } }
  const format = key === undefined ? { format: TREE_FORMAT } : { format: SEALED_FORMAT, encryption: { key } }
  return `${JSON.stringify({ ...format, id, name, importer: IMPORTER, ...moved }, undefined, 2)}\n`
}

/**
 * The project whose history a tree is; undefined when it is not one of orch's. Throws `git_refused` when a newer orch
 * wrote it.
 */
export async function projectOf(repo: GitRepo, revision: string): Promise<ProjectName | undefined> {
  return projectIn(repo, await repo.readTree(revision), revision)
}

/** The same, of a tree that has been read. */
export async function projectIn(
  repo: GitRepo,
  tree: ReadonlyMap<string, Oid>,
  revision: string,
): Promise<ProjectName | undefined> {
  const oid = tree.get(PROJECT_FILE)
  if (oid === undefined) return undefined
  const file = parseJson((await repo.readBlobs([oid])).get(oid))
  if (typeof file.format !== 'number' || typeof file.id !== 'string' || typeof file.name !== 'string') return undefined
  const key = keyIn(file.encryption)
  const known = key === undefined ? TREE_FORMAT : SEALED_FORMAT
  if (file.format > known) {
    const reason = `${revision} has format ${file.format}, written by a newer orch; this one knows ${known}`
    throw new OrchError('git_refused', { reason })
  }
  const { movedTo } = file
  return {
    id: file.id,
    name: file.name,
    ...(isNamed(movedTo) && { movedTo }),
    ...(key !== undefined && { key }),
  }
}

/** The version by which edits made on a tree become rows; 1 where it is not said. */
export async function importerIn(repo: GitRepo, tree: ReadonlyMap<string, Oid>): Promise<number> {
  const oid = tree.get(PROJECT_FILE)
  const { importer } = oid === undefined ? {} : parseJson((await repo.readBlobs([oid])).get(oid))
  return typeof importer === 'number' ? importer : 1
}

function isNamed(value: unknown): value is { readonly id: string; readonly name: string } {
  return isObject(value) && typeof value.id === 'string' && typeof value.name === 'string'
}

function keyIn(value: unknown): string | undefined {
  return isObject(value) && typeof value.key === 'string' ? value.key : undefined
}

/** Anybody can put anything on a branch: what is no JSON object is not ours. */
function parseJson(bytes: Uint8Array | undefined): Readonly<Record<string, unknown>> {
  const value = parsedOrNot(Buffer.from(bytes ?? []).toString('utf8'))
  return isObject(value) ? value : {}
}

/** Where a chunk of a replica's rows lies. The numbers are padded, so that names sort as they count. */
export function chunkPath(replica: string, first: number, last: number): string {
  const padded = [first, last].map((seq) => String(seq).padStart(DIGITS, '0'))
  return `${CHUNKS}${replica}/${padded.join('-')}`
}

export interface ChunkName {
  readonly path: string
  readonly replica: string
  readonly first: number
  readonly last: number
}

/** The chunks among the paths of a tree. */
export function chunksOf(paths: Iterable<string>): readonly ChunkName[] {
  return [...paths].flatMap((path) => {
    const match = path.startsWith(CHUNKS) ? /^([^/]+)\/(\d+)-(\d+)$/.exec(path.slice(CHUNKS.length)) : null
    if (!match) return []
    return { path, replica: match[1] ?? '', first: Number(match[2]), last: Number(match[3]) }
  })
}

/** The rows a tree holds without a gap, by the names of its chunks. */
export function vectorOf(paths: Iterable<string>): Vector {
  const vector: Record<string, number> = Object.create(null)
  const chunks = [...chunksOf(paths)].sort((a, b) => a.first - b.first)
  for (const { replica, first, last } of chunks) {
    const have = vector[replica] ?? 0
    if (first <= have + 1) vector[replica] = Math.max(have, last)
  }
  return vector
}

/**
 * The rows of a tree that `have` lacks, every row after all that its writer had seen. Throws `git_refused` when a chunk
 * is damaged, or when rows are missing that others build on; `key_missing` and `key_wrong` when they are encrypted with a key
 * that is not among these.
 */
export async function rowsFromTree(
  repo: GitRepo,
  revision: string,
  have: Vector = {},
  keys: readonly Key[] = [],
): Promise<readonly Row[]> {
  return await rowsOfChunks(repo, { tree: await repo.readTree(revision), revision, keys }, have)
}

/** The same, of a tree that has been read, or of several together. */
export async function rowsOfChunks(
  repo: GitRepo,
  {
    tree,
    revision,
    keys,
  }: { readonly tree: ReadonlyMap<string, Oid>; readonly revision: string; readonly keys: readonly Key[] },
  have: Vector,
): Promise<readonly Row[]> {
  const wanted = chunksOf(tree.keys()).filter(({ replica, last }) => last > (have[replica] ?? 0))
  const oids = wanted.map(({ path }) => tree.get(path) ?? '')
  const blobs = await repo.readBlobs([...new Set(oids)])
  const rows: Row[] = []
  const turns = createTurns(systemClock)
  for (const [at, { path }] of wanted.entries()) {
    try {
      const bytes = openChunk(keys, path, blobs.get(oids[at] ?? '') ?? new Uint8Array(), `The history ${revision}`)
      const found = await inTurns(decodingChunk(bytes), turns)
      for (const row of found) rows.push(row)
    } catch (error) {
      if (error instanceof OrchError) throw error
      // Bytes from a branch that anybody may have written to: which file is bad is what a person needs to know.
      throw new OrchError('git_refused', { reason: `${path} in ${revision} is damaged: ${reasonOf(error)}` }, error)
    }
  }
  const { ordered, waiting } = orderRows(rows, have)
  const [first] = waiting
  if (first) {
    const reason = `${revision} lacks rows that row ${first.seq} of replica ${first.replica} builds on`
    throw new OrchError('git_refused', { reason })
  }
  return ordered
}

/** Puts rows in an order in which causes come first; `waiting` are those whose causes are neither here nor in `have`. */
export function orderRows(
  rows: readonly Row[],
  have: Vector,
): { readonly ordered: readonly Row[]; readonly waiting: readonly Row[] } {
  const queues = new Map<string, Row[]>()
  for (const row of [...rows].sort((a, b) => a.seq - b.seq)) {
    const queue = queues.get(row.replica) ?? []
    queues.set(row.replica, queue)
    // Chunks of two clones overlap: the same row may come more than once.
    if (row.seq > (have[row.replica] ?? 0) && queue.at(-1)?.seq !== row.seq) queue.push(row)
  }
  const next = new Map([...queues.keys()].map((replica) => [replica, 0]))
  const reached: Record<string, number> = { ...have }
  const isReady = (row: Row): boolean =>
    row.seq === (reached[row.replica] ?? 0) + 1 &&
    Object.entries(row.seen).every(([replica, seq]) => seq <= (reached[replica] ?? 0))
  const ordered: Row[] = []
  for (let moved = true; moved; ) {
    moved = false
    for (const [replica, queue] of queues) {
      let at = next.get(replica) ?? 0
      for (let row = queue[at]; row && isReady(row); row = queue[++at]) {
        ordered.push(row)
        reached[replica] = row.seq
        moved = true
      }
      next.set(replica, at)
    }
  }
  return { ordered, waiting: [...queues].flatMap(([replica, queue]) => queue.slice(next.get(replica) ?? 0)) }
}
