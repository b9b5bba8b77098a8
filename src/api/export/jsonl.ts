import { createTurns } from '../../base/turns.ts'
import type { Row, Vector } from '../../store/row.ts'
import { encodeRow } from '../../store/row.ts'
import type { ExportFormat, ExportParts } from './format.ts'
import { type Content, readContent } from './source.ts'

/** The version of the format, in its first line. See docs/import-export.md. */
export const EXPORT_FORMAT = 1

/**
 * Everything, as lines of JSON: what is now, to be read; then the journal, which holds all that ever was with who and
 * when. An import of the journal gives the same project again, and its export the same bytes.
 */
export const jsonlFormat: ExportFormat = {
  name: 'jsonl',
  help: 'everything, to keep or to import elsewhere: lines of JSON',
  isFolder: false,
  async *write(parts, { current }) {
    let count = 0
    for await (const line of linesOf(parts, current)) {
      count++
      yield { file: '', text: `${JSON.stringify(line)}\n` }
    }
    yield { file: '', text: `${JSON.stringify({ end: count })}\n` }
  },
}

async function* linesOf(parts: ExportParts, current: boolean): AsyncGenerator<object> {
  const content = await readContent(parts)
  yield { orch: 'export', format: EXPORT_FORMAT }
  yield* nowLines(content, parts.project.kinds.log.name)
  if (current) return
  for await (const row of rowsOf(parts, content.have)) yield { row: Buffer.from(encodeRow(row)).toString('base64') }
}

function* nowLines({ records, keys, log }: Content, logKind: string): Generator<object> {
  for (const [kind, values] of keys) {
    for (const { key, value, updatedAt, updatedBy } of values) {
      if (value !== undefined) yield { kind, key, value, updatedAt: isoTime(updatedAt), updatedBy }
    }
  }
  for (const found of records.values()) {
    for (const { kind, id, updatedAt, updatedBy, deletedAt, deletedBy, values, extra, front, file } of found) {
      yield {
        kind,
        id,
        values,
        ...(Object.keys(extra).length > 0 && { extra }),
        front,
        file,
        updatedAt: isoTime(updatedAt),
        updatedBy,
        ...(deletedAt !== undefined && { deletedAt: isoTime(deletedAt) }),
        ...(deletedBy !== undefined && { deletedBy }),
      }
    }
  }
  for (const entry of log) yield { kind: logKind, ...entry }
}

const ROWS_PER_TURN = 50

/** The rows of a moment, in this replica's order, which respects causes. */
async function* rowsOf({ project, clock, progress }: ExportParts, upto: Vector): AsyncGenerator<Row> {
  const turns = createTurns(clock)
  const total = Object.values(upto).reduce((sum, seq) => sum + seq, 0)
  const have: Record<string, number> = {}
  for (let done = 0; ; ) {
    const rows = project.rowsSince(have, ROWS_PER_TURN)
    if (rows.length === 0) return
    for (const row of rows) {
      have[row.replica] = row.seq
      if (row.seq > (upto[row.replica] ?? 0)) continue
      done++
      yield row
    }
    if (done >= total) return
    if (!turns.isOver()) continue
    progress(done, total, 'reading the journal')
    await turns.next()
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
