import type { Key, Keyring } from '../base/keys.ts'
import { inTurns, type Turns } from '../base/turns.ts'
import { decodeRow, joiningRows, splittingChunk } from '../store/row.ts'
import type { FileChange, GitRepo, Oid } from './git-repo.ts'
import { CHUNKS, type ChunkName, chunkPath, chunksOf } from './history-tree.ts'
import { closeChunk, openChunk } from './sealed-chunks.ts'

/** So many chunks of about one size become one: a folder that grew with every snapshot would be written anew with each. */
const RUN = 16
/** Longer ones stay as they are: a chunk is read, and written, as a whole. */
const MAX_ROWS = 4096
const MAX_BYTES = 1 << 20

/** Joins small chunks of rows into larger ones, now and then. */
export interface ChunkCompaction {
  /** What the commit after a parent changes beside what it adds; nothing most of the time. */
  next(parent: Oid, added: readonly FileChange[], key: Key | undefined, turns: Turns): Promise<readonly FileChange[]>
}

/** Reads chunks by any of the keys. */
export function createChunkCompaction(repo: GitRepo, { keys }: Pick<Keyring, 'keys'>): ChunkCompaction {
  let until = 0
  return {
    async next(parent, added, key, turns) {
      if (until-- > 0) return []
      until = RUN - 1
      // To start git is long enough for a turn by itself.
      await turns.next()
      const tree = await repo.readTree(parent, CHUNKS.slice(0, -1))
      const gone = new Set(added.flatMap((change) => ('delete' in change ? [change.path] : [])))
      const chunks = chunksOf([...tree.keys()].filter((path) => !gone.has(path)))
      const changes: FileChange[] = []
      for (const run of runsOf(chunks)) changes.push(...(await join(repo, tree, run, { keys, key, turns })))
      return changes
    },
  }
}

/** Chunks of one replica that follow each other and are of one size, so many that joining them is worth it. */
export function runsOf(chunks: readonly ChunkName[]): readonly (readonly ChunkName[])[] {
  const runs: ChunkName[][] = []
  let open: ChunkName[] = []
  const close = (): void => {
    if (open.length >= RUN) runs.push(open)
    open = []
  }
  for (const chunk of [...chunks].sort(inOrder)) {
    const last = open.at(-1)
    const goesOn =
      last && last.replica === chunk.replica && chunk.first <= last.last + 1 && sizeClass(last) === sizeClass(chunk)
    if (!goesOn) close()
    if (sizeOf(chunk) < MAX_ROWS) open.push(chunk)
    // No more at a time: what is joined is in memory as a whole.
    if (open.length === RUN) close()
  }
  close()
  return runs
}

/** One chunk, or a few where one would be too large, in the place of many. */
async function join(
  repo: GitRepo,
  tree: ReadonlyMap<string, Oid>,
  run: readonly ChunkName[],
  { keys, key, turns }: { readonly keys: readonly Key[]; readonly key: Key | undefined; readonly turns: Turns },
): Promise<readonly FileChange[]> {
  const oids = run.map(({ path }) => tree.get(path) ?? '')
  await turns.next()
  const blobs = await repo.readBlobs([...new Set(oids)])
  const rows: EncodedRow[] = []
  for (const [at, { path }] of run.entries()) {
    const found = await rowsOf(keys, path, blobs.get(oids[at] ?? ''), turns)
    if (!found) return []
    for (const row of found) if (row.seq > (rows.at(-1)?.seq ?? 0)) rows.push(row)
  }
  const [replica, first] = [run[0]?.replica ?? '', run[0]?.first ?? 0]
  if (rows.some(({ seq, replica: of }, at) => of !== replica || seq !== first + at)) return []
  const made: FileChange[] = []
  for (let from = 0, bytes = 0, at = 0; at < rows.length; at++) {
    bytes += rows[at]?.size ?? 0
    if (bytes < MAX_BYTES && at < rows.length - 1) continue
    const part = rows.slice(from, at + 1).map((row) => row.bytes)
    const path = chunkPath(replica, first + from, first + at)
    made.push({ path, bytes: closeChunk(key, path, await inTurns(joiningRows(part), turns)) })
    ;[from, bytes] = [at + 1, 0]
  }
  const kept = new Set(made.map(({ path }) => path))
  if (made.length * 2 > run.length) return []
  return [...run.filter(({ path }) => !kept.has(path)).map(({ path }) => ({ path, delete: true }) as const), ...made]
}

/** A row as it stands in a chunk: what is joined is not made anew, and thousands of rows are not kept decoded. */
interface EncodedRow {
  readonly replica: string
  readonly seq: number
  /** Bytes of its update. */
  readonly size: number
  readonly bytes: Uint8Array
}

/** What is damaged, or of a key that is not here, is told by whoever needs it; here it is left as it is. */
async function rowsOf(
  keys: readonly Key[],
  path: string,
  bytes: Uint8Array | undefined,
  turns: Turns,
): Promise<readonly EncodedRow[] | undefined> {
  try {
    const rows: EncodedRow[] = []
    for (const row of splittingChunk(openChunk(keys, path, bytes ?? new Uint8Array()))) {
      const { replica, seq, update } = decodeRow(row)
      rows.push({ replica, seq, size: update.length, bytes: row })
      if (turns.isOver()) await turns.next()
    }
    return rows
  } catch {
    return undefined
  }
}

const sizeOf = ({ first, last }: ChunkName): number => last - first + 1

const sizeClass = (chunk: ChunkName): number => Math.floor(Math.log2(sizeOf(chunk)) / 4)

const inOrder = (a: ChunkName, b: ChunkName): number =>
  a.replica === b.replica ? a.first - b.first || a.last - b.last : a.replica < b.replica ? -1 : 1
