import type { Row, Vector } from '../store/row.ts'
import type { PeerProject } from './peering.ts'

/** Reading and encoding so many takes a few milliseconds of the event loop. */
const FRAME_ROWS = 200
const FRAME_BYTES = 1024 * 1024
const PAGE_ROWS = 50

/** The rows to send next: in order, at least one if any is lacking, bounded by count and bytes. */
export function nextRows(project: PeerProject, known: Vector): readonly Row[] {
  if (Object.entries(project.have()).every(([replica, seq]) => (known[replica] ?? 0) >= seq)) return []
  const rows: Row[] = []
  let bytes = 0
  let have = known
  while (rows.length < FRAME_ROWS) {
    const page = project.rowsSince(have, PAGE_ROWS)
    for (const row of page) {
      // The update is nearly all of a row.
      bytes += row.update.length
      if (rows.length > 0 && bytes > FRAME_BYTES) return rows
      rows.push(row)
    }
    if (page.length < PAGE_ROWS) break
    have = raise(have, page)
  }
  return rows
}

/** What a holder of `vector` holds with these rows. */
export function raise(vector: Vector, rows: readonly Row[]): Vector {
  const raised: Record<string, number> = { ...vector }
  for (const { replica, seq } of rows) raised[replica] = Math.max(raised[replica] ?? 0, seq)
  return raised
}

/** Whether who holds `have` holds all of `wanted`. */
export function covers(have: Vector, wanted: Vector): boolean {
  return Object.entries(wanted).every(([replica, seq]) => (have[replica] ?? 0) >= seq)
}
