/** Which rows a stretch of a clientID's clock belongs to. */
export interface Piece<R> {
  /** First clock of the piece, and the one after its last. */
  readonly from: number
  readonly to: number
  /** None where nothing is known of it. */
  readonly rows: readonly R[]
}

/** Stretches of clocks by clientID, each with its row; they may overlap. */
export interface Spans<R> {
  add(client: number, clock: number, length: number, row: R): void
  /** Cuts a stretch where its rows change. The pieces are in order and cover it. */
  pieces(client: number, from: number, to: number): readonly Piece<R>[]
}

interface Span<R> {
  readonly from: number
  readonly to: number
  readonly row: R
}

/** Clocks a page of the index covers: a query looks at the pages that it meets, however many rows there are. */
const PAGE = 32

/**
 * @param hasSeen whether a row was made with knowledge of another one: a client that comes back sends once more what it
 * knows, and that is no deed of its own
 */
export function createSpans<R>(hasSeen: (row: R, other: R) => boolean): Spans<R> {
  const clients = new Map<number, Map<number, Span<R>[]>>()
  const first = (rows: readonly R[]): readonly R[] =>
    rows.length < 2 ? rows : rows.filter((row) => !rows.some((other) => other !== row && hasSeen(row, other)))
  return {
    add(client, clock, length, row) {
      if (length <= 0) return
      const pages = clients.get(client) ?? new Map<number, Span<R>[]>()
      clients.set(client, pages)
      const span = { from: clock, to: clock + length, row }
      for (let page = Math.floor(clock / PAGE); page * PAGE < span.to; page++) {
        const spans = pages.get(page)
        if (spans) spans.push(span)
        else pages.set(page, [span])
      }
    },
    pieces(client, from, to) {
      const pages = clients.get(client)
      if (to - from === 1) {
        // Most of what is asked for is one value.
        const rows: R[] = []
        for (const span of pages?.get(Math.floor(from / PAGE)) ?? [])
          if (span.from <= from && from < span.to) rows.push(span.row)
        return [{ from, to, rows: first(rows) }]
      }
      const met = new Set<Span<R>>()
      for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) {
        for (const span of pages?.get(page) ?? []) if (span.from < to && span.to > from) met.add(span)
      }
      const cuts = [...new Set([from, to, ...[...met].flatMap((span) => [span.from, span.to])])]
        .filter((at) => at >= from && at <= to)
        .sort((a, b) => a - b)
      return cuts.slice(0, -1).map((at, i) => ({
        from: at,
        to: cuts[i + 1] ?? to,
        rows: first([...met].filter((span) => span.from <= at && at < span.to).map(({ row }) => row)),
      }))
    },
  }
}
