import type { RecordKind } from './kind.ts'

/** A way from the records of one kind to those of another (or the same) one, told by a field that holds ids. */
export interface Relation {
  /** The field's name, or, from the records it names back to those that name them, its `inverse`. */
  readonly name: string
  /** The kind that it leads to. */
  readonly target: RecordKind
  /** Whose field it is, and which. */
  readonly owner: RecordKind
  readonly field: string
  /** Forward leads from the records that have the field; backward to them. */
  readonly direction: 'forward' | 'backward'
}

/** The relations of a kind: its fields of ids, and the inverses of fields that hold its ids. */
export function relationsOf(kinds: readonly RecordKind[], kind: RecordKind): readonly Relation[] {
  const forward = Object.entries(kind.fields).flatMap(([name, { value }]): readonly Relation[] => {
    const target = value.type === 'ref' ? kinds.find((one) => one.name === value.kind) : undefined
    return target ? [{ name, target, owner: kind, field: name, direction: 'forward' }] : []
  })
  const backward = kinds.flatMap((owner) =>
    Object.entries(owner.fields).flatMap(([field, { value, inverse }]): readonly Relation[] =>
      value.type === 'ref' && value.kind === kind.name && inverse !== undefined
        ? [{ name: inverse, target: owner, owner, field, direction: 'backward' }]
        : [],
    ),
  )
  return [...forward, ...backward]
}
