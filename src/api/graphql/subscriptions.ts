import type { OutputType } from '@pothos/core'
import { Repeater } from 'graphql-yoga'
import { decodeCursor, encodeCursor } from '../../store/cursor.ts'
import type { Project } from '../../store/project.ts'
import { eventsOf, type RowEvent } from '../http/changes.ts'
import type { Builder, Types } from './builder.ts'
import type { RecordSource } from './record-types.ts'

export interface Streams {
  readonly project: Pick<Project, 'have' | 'changedSince' | 'onCommit'>
  /** Calls the listener when somebody came or left, until the returned function is called. */
  readonly onPresence: (listen: () => void) => () => void
}

type CursorEvent = RowEvent & { readonly cursor: string }

const CHANGES_PER_READ = 100

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
  /** Records of a kind, as they are when something happens to them. */
  const records = <Given>(
    kind: string,
    description: string,
    args: object,
    subscribe: (given: Given, context: Types['Context']) => Promise<Repeater<RecordSource>>,
  ): void => {
    const type = recordType(kind)
    if (!type) return
    builder.subscriptionField(kind, (t) =>
      t.field({
        type,
        description,
        args: args as never,
        subscribe: ((_: unknown, given: Given, context: Types['Context']) => subscribe(given, context)) as never,
        resolve: (record) => record as never,
      }),
    )
  }
  records(
    'task',
    'A task as it is now, and again after each change of it.',
    builder.args((t) => ({ id: t.id({ required: true }) })),
    async ({ id }: { id: string }, { call }) => {
      const first = await call('task.show', { id })
      const now = async ({ changes: all }: CursorEvent): Promise<readonly RecordSource[]> =>
        all.some((one) => one.id === first.id) ? [await call('task.show', { id: String(first.id) })] : []
      return follow(streams, undefined, now, [first])
    },
  )
  records(
    'context',
    'What is published from now on.',
    builder.args((t) => ({
      type: t.stringList({ description: 'only of these types' }),
      audience: t.stringList({ description: 'only for one of these, or for everybody' }),
    })),
    async ({ type, audience }: { type?: string[] | null; audience?: string[] | null }, context) => {
      await mayRead(context)
      return follow(streams, undefined, async ({ changes: all }) => {
        const ids = all.filter(({ kind, what }) => kind === 'context' && what === 'created').map(({ id }) => id)
        const found = await Promise.all(ids.map((id) => context.call('context.show', { id })))
        return found.filter((one) => isFor(one, type ?? undefined, audience ?? undefined))
      })
    },
  )
  builder.subscriptionField('presence', (t) =>
    t.field({
      type: presence,
      description: 'Who is in the room, now and whenever that changes.',
      subscribe: (async (_: unknown, __: unknown, context: Types['Context']) => {
        await mayRead(context)
        return watch(streams.onPresence, async () => (await context.call('status', {})).here)
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
  let isFirst = true
  return whenWoken(project.onCommit, async (push) => {
    if (isFirst) for (const one of first) await push(one)
    isFirst = false
    const page = project.changedSince(seen, { limit: CHANGES_PER_READ })
    for (const event of eventsOf(page.items)) {
      seen = { ...seen, [event.replica]: event.seq }
      for (const one of await select({ ...event, cursor: encodeCursor(seen) })) await push(one)
    }
    seen = page.upto
    return page.items.length > 0
  })
}

/** What is read, now and whenever it is another. */
function watch<T>(listen: (wake: () => void) => () => void, read: () => Promise<T>): Repeater<T> {
  let last = ''
  return whenWoken(listen, async (push) => {
    const now = await read()
    const text = JSON.stringify(now)
    if (text !== last) await push(now)
    last = text
    return false
  })
}

/** Takes a turn at once, and again when woken meanwhile or while nothing is left to do, until the listener goes. */
function whenWoken<T>(
  listen: (wake: () => void) => () => void,
  turn: (push: (one: T) => Promise<void>) => Promise<boolean>,
): Repeater<T> {
  return new Repeater<T>(async (push, stop) => {
    let isOver = false
    let isWoken = false
    let wake: () => void = () => undefined
    const stir = (): void => {
      isWoken = true
      wake()
    }
    const unsubscribe = listen(stir)
    stop.then(() => {
      isOver = true
      stir()
    })
    const tell = async (one: T): Promise<void> => {
      if (!isOver) await push(one)
    }
    try {
      while (!isOver) {
        isWoken = false
        if ((await turn(tell)) || isWoken) continue
        await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      unsubscribe()
    }
  })
}
