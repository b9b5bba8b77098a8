import type { Key } from '../base/keys.ts'
import { inTurns, type Turns } from '../base/turns.ts'
import { countLogEntries } from '../doc/log-update.ts'
import { isLogDoc } from '../model/log.ts'
import type { Project } from '../store/project.ts'
import { encodingChunk, type Row, type Vector } from '../store/row.ts'
import type { FileChange } from './git-repo.ts'
import { chunkPath } from './history-tree.ts'
import { closeChunk } from './sealed-chunks.ts'

/** The rows that a snapshot adds to the branch, as files, and who made them. */
export interface NewRows {
  readonly chunks: readonly FileChange[]
  readonly actors: readonly string[]
  readonly sessions: readonly string[]
  /** The last sequence of each replica that has new rows. */
  readonly upto: Vector
  /** How many entries they add to the work log. */
  readonly entries: number
  /** When the last of them was made; undefined when there are none. */
  readonly lastAt: number | undefined
}

const PAGE = 20
/** A chunk is read as a whole. */
const MAX_CHUNK_BYTES = 128 * 1024

/** Packs the rows after `from`, up to `have`, into chunks: one or more per replica, each without a gap, encrypted where there is a key. */
export async function packRows(
  project: Pick<Project, 'rowsSince'>,
  { from, have, key }: { readonly from: Vector; readonly have: Vector; readonly key: Key | undefined },
  turns: Turns,
): Promise<NewRows> {
  const chunks: FileChange[] = []
  const actors = new Set<string>()
  const sessions = new Set<string>()
  const reached: Record<string, number> = { ...from }
  const upto: Record<string, number> = {}
  let lastAt: number | undefined
  let entries = 0
  const open = new Map<string, { rows: Row[]; bytes: number }>()

  const close = async (replica: string): Promise<void> => {
    const { rows } = open.get(replica) ?? { rows: [] }
    open.delete(replica)
    const [first, last] = [rows[0], rows.at(-1)]
    if (!first || !last) return
    const path = chunkPath(replica, first.seq, last.seq)
    chunks.push({ path, bytes: closeChunk(key, path, await inTurns(encodingChunk(rows), turns)) })
  }
  const take = async (row: Row): Promise<void> => {
    const chunk = open.get(row.replica) ?? { rows: [], bytes: 0 }
    open.set(row.replica, chunk)
    chunk.rows.push(row)
    chunk.bytes += row.update.length
    if (chunk.bytes >= MAX_CHUNK_BYTES) await close(row.replica)
    actors.add(row.actor)
    if (isLogDoc(row.doc)) entries += countLogEntries(row.update)
    if (row.session !== '') sessions.add(row.session)
    reached[row.replica] = row.seq
    upto[row.replica] = row.seq
    lastAt = Math.max(lastAt ?? row.at, row.at)
  }

  for (;;) {
    const page = project.rowsSince(reached, PAGE)
    // Rows come in the order of this replica's journal: after one made since the cut, there are no others of before it.
    const wanted = page.filter(({ replica, seq }) => seq <= (have[replica] ?? 0))
    for (const row of wanted) {
      await take(row)
      if (turns.isOver()) await turns.next()
    }
    if (wanted.length < PAGE) break
  }
  for (const replica of [...open.keys()]) await close(replica)
  return { chunks, actors: [...actors].sort(), sessions: [...sessions].sort(), upto, entries, lastAt }
}
