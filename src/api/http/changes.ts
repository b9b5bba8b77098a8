import type { Clock } from '../../base/clock.ts'
import type { Changed } from '../../store/change-feed.ts'
import { decodeCursor, encodeCursor } from '../../store/cursor.ts'
import type { Project } from '../../store/project.ts'
import type { Vector } from '../../store/row.ts'

export interface ChangesParts {
  readonly project: Pick<Project, 'have' | 'changedSince' | 'onCommit'>
  readonly clock: Clock
  readonly stopping: AbortSignal
}

/** What one row did, for somebody who follows the project. */
export interface RowEvent extends Pick<Changed, 'replica' | 'seq' | 'actor' | 'verified' | 'source'> {
  readonly at: string
  readonly session?: string
  readonly changes: readonly Pick<Changed, 'kind' | 'id' | 'what' | 'fields'>[]
}

const CHANGES_PER_READ = 100
const HEARTBEAT_MS = 15_000
const RETRY_MS = 1_000

/**
 * Rows as server-sent events, in this replica's order, from a cursor on: each exactly once, whatever happens in between,
 * because they are read from the journal and the cursor names what of it was seen. Nothing is queued: who reads slowly is
 * read for slowly. Without a cursor it begins now. `kinds` leaves out rows about nothing else.
 */
export function streamChanges(
  { project, clock, stopping }: ChangesParts,
  cursor: string | undefined,
  kinds: readonly string[],
): Response {
  let seen: Vector = cursor === undefined ? project.have() : decodeCursor(cursor)
  const encoder = new TextEncoder()
  let wake: () => void = () => undefined
  let isOver = false
  const unsubscribe = project.onCommit(() => wake())
  const end = (): void => {
    isOver = true
    unsubscribe()
    stopping.removeEventListener('abort', end)
    wake()
  }
  stopping.addEventListener('abort', end)

  /** Resolves at the next commit, at the end, or when it is time to show that the line is alive. */
  const next = (): Promise<'commit' | 'heartbeat'> =>
    new Promise((resolve) => {
      const cancel = clock.after(HEARTBEAT_MS, () => resolve('heartbeat'))
      wake = () => {
        cancel()
        resolve('commit')
      }
    })

  const read = (): string => {
    const page = project.changedSince(seen, { limit: CHANGES_PER_READ })
    const before = encodeCursor(seen)
    let text = ''
    for (const event of eventsOf(page.items)) {
      seen = { ...seen, [event.replica]: event.seq }
      if (kinds.length > 0 && !event.changes.some(({ kind }) => kinds.includes(kind))) continue
      text += `id: ${encodeCursor(seen)}\nevent: change\ndata: ${JSON.stringify(event)}\n\n`
    }
    // Also past what was left out, and past rows that changed nothing a reader sees.
    const last = encodeCursor(seen)
    seen = page.upto
    const now = encodeCursor(seen)
    return now === before || (now === last && text !== '') ? text : `${text}id: ${now}\n\n`
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\nid: ${encodeCursor(seen)}\n\n`))
      },
      async pull(controller) {
        for (;;) {
          if (isOver) return controller.close()
          // Asked for before it is read, so that no commit falls in between.
          const change = next()
          const text = read()
          if (text !== '') {
            wake()
            return controller.enqueue(encoder.encode(text))
          }
          if ((await change) === 'heartbeat') return controller.enqueue(encoder.encode(': alive\n\n'))
        }
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  )
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    },
  })
}

/** The changes of each row as one event. */
export function eventsOf(items: readonly Changed[]): readonly RowEvent[] {
  const events: (RowEvent & { readonly changes: RowEvent['changes'][number][] })[] = []
  for (const { kind, id, what, fields, at, session, ...row } of items) {
    const last = events.at(-1)
    const isSame = last?.replica === row.replica && last.seq === row.seq
    const event = isSame
      ? last
      : { ...row, at: new Date(at).toISOString(), ...(session !== '' && { session }), changes: [] }
    if (!isSame) events.push(event)
    event.changes.push({ kind, id, what, fields })
  }
  return events
}
