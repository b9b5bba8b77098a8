import type { OutputType } from '@pothos/core'
import type { RecordKind } from '../../model/kind.ts'
import type { Kinds } from '../../model/kind-set.ts'
import type { Builder, Types } from './builder.ts'
import { capitalised } from './derive.ts'
import { markAsOf, type RecordSource } from './record-types.ts'

interface ConnectionSource {
  readonly edges: readonly { readonly cursor: string; readonly node: RecordSource }[]
  readonly hasNextPage: boolean
  readonly total: number
  readonly atLeast: boolean
}

/** `task(id)`, `tasks` where no operation or promise has the name, and `tasksConnection` after the Relay specification. */
export function addRecordFields(
  builder: Builder,
  kinds: Kinds,
  recordType: (kind: string) => OutputType<Types> | undefined,
  taken: Set<string>,
): void {
  const pageInfo = builder.objectRef<ConnectionSource>('PageInfo').implement({
    description: 'Where a page is in its list. Lists are read forwards.',
    fields: (t) => ({
      hasNextPage: t.boolean({ resolve: ({ hasNextPage }) => hasNextPage }),
      hasPreviousPage: t.boolean({ resolve: () => false }),
      startCursor: t.string({ nullable: true, resolve: ({ edges }) => edges[0]?.cursor ?? null }),
      endCursor: t.string({ nullable: true, resolve: ({ edges }) => edges.at(-1)?.cursor ?? null }),
    }),
  })

  for (const kind of kinds.records) {
    const type = recordType(kind.name)
    if (!type) continue
    if (!taken.has(kind.name)) {
      builder.queryField(kind.name, (t) =>
        t.field({
          type,
          description: `One ${kind.name}, by its id, the beginning of one, an alias, or its file.`,
          args: { id: t.arg.id({ required: true }), asOf: t.arg.string({ description: 'as it was then' }) },
          resolve: async (_, { id, asOf }, context) => {
            const name = kind.fileName === 'path' ? 'read' : 'show'
            const input = kind.fileName === 'path' ? { path: String(id) } : { id: String(id) }
            const found = await context.call(`${kind.name}.${name}`, { ...input, ...(asOf && { asOf }) })
            return (asOf ? markAsOf(found, asOf) : found) as never
          },
        }),
      )
    }
    addConnection(builder, kind, type, pageInfo)
  }
}

function addConnection(builder: Builder, kind: RecordKind, type: OutputType<Types>, pageInfo: OutputType<Types>): void {
  const name = capitalised(kind.name)
  const edge = builder.objectRef<ConnectionSource['edges'][number]>(`${name}Edge`).implement({
    fields: (t) => ({
      cursor: t.string({ resolve: ({ cursor }) => cursor }),
      node: t.field({ type, resolve: ({ node }) => node as never }),
    }),
  })
  const connection = builder.objectRef<ConnectionSource>(`${name}Connection`).implement({
    fields: (t) => ({
      edges: t.field({ type: [edge], resolve: ({ edges }) => [...edges] }),
      nodes: t.field({ type: [type], resolve: ({ edges }) => edges.map(({ node }) => node) as never }),
      pageInfo: t.field({ type: pageInfo, resolve: (source) => source as never }),
      totalCount: t.int({ resolve: ({ total }) => total }),
      atLeast: t.boolean({
        description: 'there are at least totalCount: of words that very many hold, no more are counted',
        resolve: ({ atLeast }) => atLeast,
      }),
    }),
  })
  builder.queryField(`${kind.plural}Connection`, (t) =>
    t.field({
      type: connection,
      description: `${kind.plural}, a page at a time (Relay's connections).`,
      args: {
        first: t.arg.int({ defaultValue: 50, description: 'how many at most, up to 1000' }),
        after: t.arg.string({ description: 'the cursor to go on after' }),
        filter: t.arg({ type: 'JSON', description: 'as docs/queries.md says' }),
        where: t.arg.stringList({ description: 'short conditions: due<2026-12-01' }),
        text: t.arg.string({ description: 'only with all these words' }),
        sort: t.arg.string({ description: 'a field; with - before it, descending' }),
        asOf: t.arg.string({ description: 'as it was then' }),
      },
      resolve: async (_, { first, ...given }, context) => {
        const input = Object.fromEntries(
          Object.entries(given).filter(([, value]) => value !== null && value !== undefined),
        )
        const closed = Object.keys(kind.stamps).length > 0 ? { all: true } : {}
        const page = await context.call(`${kind.name}.list`, {
          ...input,
          ...closed,
          limit: first ?? 50,
          full: true,
          cursors: true,
        })
        const items = page.items as readonly RecordSource[]
        const cursors = page.cursors as readonly string[]
        context.loads.count(items.length)
        const marked = given.asOf ? markAsOf(items, given.asOf) : items
        return {
          edges: marked.map((node, i) => ({ node, cursor: cursors[i] ?? '' })),
          hasNextPage: page.next !== undefined,
          total: Number(page.total),
          atLeast: page.atLeast === true,
        }
      },
    }),
  )
}
