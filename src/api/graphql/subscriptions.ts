import type { OutputType } from '@pothos/core'
import { Repeater } from 'graphql-yoga'
import type { Clock } from '../../base/clock.ts'
import { decodeCursor, encodeCursor } from '../../store/cursor.ts'
import type { Project } from '../../store/project.ts'
import { eventsOf, type RowEvent } from '../http/changes.ts'
import type { Builder, Types } from './builder.ts'
import type { RecordSource } from './record-types.ts'

export interface Streams {
  readonly project: Pick<Project, 'have' | 'changedSince' | 'onCommit'>
  readonly clock: Clock
}

type CursorEvent = RowEvent & { readonly cursor: string }

const CHANGES_PER_READ = 100
const PRESENCE_MS = 1000

/** What happens, as it happens: read from the journal, so that nothing falls in between and nothing comes twice. */
export function addSubscriptions(
  builder: Builder,
  recordType: (kind: string) => OutputType<Types> | undefined,
  streams: Streams,
): void {
  const change = builder.objectRef<RowEvent['changes'][number]>('RecordChange').implement({
    description: 'What happened to one record, key or entry.',
    fields: (t) => ({
      kind: t.string({ resolve: ({ kind }) => kind }),
      id: t.id({ resolve: ({ id }) => id }),
      what: t.string({ description: 'created, changed, deleted, restored, logged', resolve: ({ what }) => what }),
      fields: t.field({ type: 'JSON', description: 'what each field was and is', resolve: ({ fields }) => fields }),
    }),
  })
  const changes = builder.objectRef<CursorEvent>('Change').implement({
    description: 'What one write did.',
    fields: (t) => ({
      cursor: t.string({ description: 'go on after this one with `since`', resolve: ({ cursor }) => cursor }),
      at: t.string({ resolve: ({ at }) => at }),
      actor: t.string({ resolve: ({ actor }) => actor }),
      verified: t.boolean({ description: 'whether orch checked who it was', resolve: ({ verified }) => verified }),
      session: t.string({ nullable: true, resolve: ({ session }) => session ?? null }),
      source: t.string({ description: 'where it came from', resolve: ({ source }) => source }),
      changes: t.field({ type: [change], resolve: (event) => [...event.changes] }),
    }),
  })
  const presence = builder.objectRef<Readonly<Record<string, readonly string[]>>>('Presence').implement({
    description: 'Who is in the room now.',
    fields: (t) => ({
      actors: t.stringList({ resolve: ({ actors }) => [...(actors ?? [])] }),
      replicas: t.stringList({ resolve: ({ replicas }) => [...(replicas ?? [])] }),
    }),
  })

  builder.subscriptionField('changes', (t) =>
    t.field({
      type: changes,
      description: 'Every write, each exactly once; with `since` from a cursor on, else from now on.',
      args: {
        since: t.arg.string({ description: 'a cursor' }),
        kinds: t.arg.stringList({ description: 'only writes that touch one of these kinds' }),
      },
      subscribe: (async (
        _: unknown,
        { since, kinds }: { since?: string | null; kinds?: string[] | null },
        context: Types['Context'],
      ) => {
        await mayRead(context)
        return follow(streams, since ?? undefined, (event) =>
          kinds && !event.changes.some(({ kind }) => kinds.includes(kind)) ? [] : [event],
        )
      }) as never,
      resolve: (event) => event as never,
    }),
  )
  const task = recordType('task')
  if (task) {
    builder.subscriptionField('task', (t) =>
      t.field({
        type: task,
        description: 'A task as it is now, and again after each change of it.',
        args: { id: t.arg.id({ required: true }) },
        subscribe: (async (_: unknown, { id }: { id: string }, context: Types['Context']) => {
          const first = await context.call('task.show', { id })
          return follow(
            streams,
            undefined,
            async ({ changes: all }) =>
              all.some((one) => one.id === first.id) ? [await context.call('task.show', { id: String(first.id) })] : [],
            [first],
          )
        }) as never,
        resolve: (record) => record as never,
      }),
    )
  }
  const contextType = recordType('context')
  if (contextType) {
    builder.subscriptionField('context', (t) =>
      t.field({
        type: contextType,
        description: 'What is published from now on.',
        args: {
          type: t.arg.stringList({ description: 'only of these types' }),
          audience: t.arg.stringList({ description: 'only for one of these, or for everybody' }),
        },
        subscribe: (async (
          _: unknown,
          { type, audience }: { type?: string[] | null; audience?: string[] | null },
          context: Types['Context'],
        ) => {
          await mayRead(context)
          return follow(streams, undefined, async ({ changes: all }) => {
            const ids = all.filter(({ kind, what }) => kind === 'context' && what === 'created').map(({ id }) => id)
            const found = await Promise.all(ids.map((id) => context.call('context.show', { id })))
            return found.filter((one) => isFor(one, type ?? undefined, audience ?? undefined))
          })
        }) as never,
        resolve: (record) => record as never,
      }),
    )
  }
  builder.subscriptionField('presence', (t) =>
    t.field({
      type: presence,
      description: 'Who is in the room, now and whenever that changes.',
      subscribe: (async (_: unknown, __: unknown, context: Types['Context']) => {
        await mayRead(context)
        return watchPresence(streams.clock, async () => (await context.call('status', {})).here)
      }) as never,
      resolve: (here) => here as never,
    }),
  )
}

/** Whoever may not ask for an overview may not listen either. */
async function mayRead({ call }: Types['Context']): Promise<void> {
  await call('overview', { limit: 1 })
}

function isFor(
  record: RecordSource,
  types: readonly string[] | undefined,
  audience: readonly string[] | undefined,
): boolean {
  const to = (record.audience ?? []) as readonly string[]
  const isType = types === undefined || types.includes(String(record.type))
  return isType && (audience === undefined || to.length === 0 || to.some((one) => audience.includes(one)))
}

/** Rows as they come, from a cursor or from now on, until the listener goes. Nothing is queued: who reads slowly is read for slowly. */
function follow<T>(
  { project }: Streams,
  cursor: string | undefined,
  select: (event: CursorEvent) => readonly T[] | Promise<readonly T[]>,
  first: readonly T[] = [],
): Repeater<T> {
  let seen = cursor === undefined ? project.have() : decodeCursor(cursor)
  return new Repeater<T>(async (push, stop) => {
    let wake: () => void = () => undefined
    let isOver = false
    const unsubscribe = project.onCommit(() => wake())
    stop.then(() => {
      isOver = true
      unsubscribe()
      wake()
    })
    try {
      for (const one of first) await push(one)
      while (!isOver) {
        const page = project.changedSince(seen, { limit: CHANGES_PER_READ })
        for (const event of eventsOf(page.items)) {
          seen = { ...seen, [event.replica]: event.seq }
          for (const one of await select({ ...event, cursor: encodeCursor(seen) })) if (!isOver) await push(one)
        }
        seen = page.upto
        // Asked in the same turn as it was read: no commit falls in between.
        if (page.items.length === 0 && !isOver) await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      unsubscribe()
    }
  })
}

function watchPresence<T>(clock: Clock, read: () => Promise<T>): Repeater<T> {
  return new Repeater<T>(async (push, stop) => {
    let isOver = false
    stop.then(() => {
      isOver = true
    })
    let last = ''
    while (!isOver) {
      const here = await read()
      const text = JSON.stringify(here)
      if (text !== last) {
        last = text
        await push(here)
      }
      if (!isOver) await Promise.race([stop, new Promise<void>((resolve) => clock.after(PRESENCE_MS, resolve))])
    }
  })
}
