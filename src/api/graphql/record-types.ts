import type { OutputType } from '@pothos/core'
import type { Field } from '../../model/field.ts'
import type { Kinds } from '../../model/kind-set.ts'
import { relationsOf } from '../../model/relation.ts'
import { flagOf } from '../operations/fields.ts'
import { includesOf } from '../operations/include.ts'
import type { RecordOutput } from '../operations/output.ts'
import type { Builder, Types } from './builder.ts'
import { capitalised } from './derive.ts'

/** The moment that was asked about, where it was not now: relations are followed as they were. */
const AS_OF = Symbol('asOf')

export type RecordSource = RecordOutput & { readonly [AS_OF]?: string }

/** Marks every record in an answer with the moment that it is about. */
export function markAsOf<T>(answer: T, asOf: string): T {
  if (Array.isArray(answer)) return answer.map((one) => markAsOf(one, asOf)) as T
  if (typeof answer !== 'object' || answer === null) return answer
  const entries = Object.entries(answer).map(([name, value]) => [name, markAsOf(value, asOf)])
  return { ...Object.fromEntries(entries), ...('id' in answer && { [AS_OF]: asOf }) }
}

/** The GraphQL type of each kind of records: its fields, what orch knows around them, and what belongs to them. */
export function createRecordTypes(builder: Builder, kinds: Kinds): (kind: string) => OutputType<Types> | undefined {
  const refs = new Map(
    kinds.records.map((kind) => [kind.name, builder.objectRef<RecordSource>(capitalised(kind.name))]),
  )
  const entry = builder.objectRef<Record<string, string>>('Entry').implement({
    description: 'Something that was said about a record.',
    fields: (t) => ({
      id: t.id({ resolve: ({ id }) => id ?? '' }),
      at: t.string({ resolve: ({ at }) => at ?? '' }),
      by: t.string({ resolve: ({ by }) => by ?? '' }),
      text: t.string({ resolve: ({ text }) => text ?? '' }),
    }),
  })
  const progress = builder.objectRef<Record<string, number>>('Progress').implement({
    description: 'What is done of the parts of a task, and of theirs.',
    fields: (t) =>
      Object.fromEntries(
        ['total', 'closed', 'estimatedHours', 'spentHours'].map((name) => [
          name,
          t.float({ resolve: (source) => source[name] ?? 0 }),
        ]),
      ),
  })

  for (const kind of kinds.records) {
    const relations = new Map(relationsOf(kinds.records, kind).map((relation) => [relation.name, relation]))
    refs.get(kind.name)?.implement({
      description: kind.help,
      fields: (t) => {
        type Maker = typeof t
        const text = (name: string, description: string, nullable: boolean): ReturnType<Maker['string']> =>
          t.string({ description, nullable, resolve: (source) => textOf(source[name]) as never })
        const related = (source: RecordSource, name: string, context: Types['Context']): Promise<unknown> =>
          context.loads.related(kind.name, String(source.id), name, source[AS_OF])
        const marked = (source: RecordSource, value: unknown): never =>
          (source[AS_OF] === undefined ? value : markAsOf(value, source[AS_OF])) as never

        const fieldOf = (name: string, field: Field): object => {
          const { help: description } = field
          const relation = relations.get(name)
          const target = relation && refs.get(relation.target.name)
          if (target) {
            const idsName = `${flagOf(name, field)}${field.merge === 'set' ? 'Ids' : 'Id'}`
            return {
              [name]: t.field({
                type: (field.merge === 'set' ? [target] : target) as never,
                description,
                nullable: field.merge !== 'set',
                resolve: (async (source: RecordSource, _: object, context: Types['Context']) => {
                  if (isEmpty(source[name])) return field.merge === 'set' ? [] : null
                  const found = ((await related(source, name, context)) ?? []) as readonly unknown[]
                  return marked(source, field.merge === 'set' ? found : (found[0] ?? null))
                }) as never,
              }),
              [idsName]: t.field({
                type: (field.merge === 'set' ? ['String'] : 'String') as never,
                description: `${description}: ids alone`,
                nullable: field.merge !== 'set',
                resolve: (source: RecordSource) => source[name] as never,
              }),
            }
          }
          /** Lists leave long texts out. */
          const long = async (source: RecordSource, _: object, context: Types['Context']): Promise<never> => {
            const from =
              name in source ? source : await context.loads.whole(kind.name, String(source.id), source[AS_OF])
            return (from?.[name] ?? (field.merge === 'prose' ? '' : [])) as never
          }
          switch (field.merge) {
            case 'register':
              if (field.value.type === 'json') {
                return {
                  [name]: t.field({ type: 'JSON', nullable: true, description, resolve: (source) => source[name] }),
                }
              }
              return field.value.type === 'number'
                ? {
                    [name]: t.float({
                      nullable: true,
                      description,
                      resolve: (source) => numberOf(source[name]) as never,
                    }),
                  }
                : { [name]: text(name, description, !field.required) }
            case 'counter':
              return { [name]: t.float({ description, resolve: (source) => numberOf(source[name]) ?? 0 }) }
            case 'set':
              return { [name]: t.stringList({ description, resolve: (source) => (source[name] ?? []) as string[] }) }
            case 'prose':
              return { [name]: t.string({ description, resolve: long }) }
            case 'entries':
              return { [name]: t.field({ type: [entry], description, resolve: long }) }
          }
        }

        const more = includesOf(kinds, kind)
          .filter((name) => !(name in kind.fields))
          .map((name): readonly [string, object] => {
            const relation = relations.get(name)
            const target = refs.get(relation?.target.name ?? (name === 'activeSession' ? 'session' : ''))
            if (relation && target) {
              return [
                name,
                t.field({
                  type: [target],
                  description: `${relation.target.plural} whose ${relation.field} name it`,
                  resolve: async (source, _, context) => marked(source, (await related(source, name, context)) ?? []),
                }),
              ]
            }
            const type = target ?? (name === 'progress' ? progress : 'JSON')
            return [
              name,
              t.field({
                type: type as never,
                nullable: true,
                description: INCLUDED[name] ?? name,
                resolve: async (source, _, context) => marked(source, (await related(source, name, context)) ?? null),
              }),
            ]
          })

        return {
          id: t.id({ description: 'its id, for good', resolve: (source) => String(source.id) }),
          kind: t.string({ description: 'its kind', resolve: () => kind.name }),
          ...Object.assign(
            {},
            ...Object.entries(kind.fields)
              .filter(([name]) => NAME.test(name))
              .map(([name, field]) => fieldOf(name, field)),
          ),
          ...Object.fromEntries(more),
          extra: t.field({
            type: 'JSON',
            nullable: true,
            description: 'front matter keys that are no fields: YAML source by key',
            resolve: (source) => source.extra,
          }),
          file: text('file', 'its file, below the mirror directory', false),
          hash: text('hash', 'names this content: send it as base of a change that is about this content', false),
          updatedAt: text('updatedAt', 'when it was changed last', false),
          updatedBy: text('updatedBy', 'who changed it last', false),
          deletedAt: text('deletedAt', 'when it was deleted, if it is', true),
          deletedBy: text('deletedBy', 'who deleted it', true),
        } as never
      },
    })
  }
  return (name) => refs.get(name)
}

const NAME = /^[A-Za-z_][0-9A-Za-z_]*$/
const INCLUDED: Readonly<Record<string, string>> = {
  activeSession: 'the session that is at it now',
  lastLog: 'the newest entry of the work log about it',
  progress: 'what is done of its parts',
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0)
}

/** What a file holds may break its kind's rules: it is shown as text. */
function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
