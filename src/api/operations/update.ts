import { z } from 'zod'
import { must, unreachable } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import type { Field } from '../../model/field.ts'
import { isRecordId, type RecordId } from '../../model/id.ts'
import { type RecordKind, textsOf, type Value } from '../../model/kind.ts'
import { type RecordView, recordHash } from '../../model/record.ts'
import { diffText } from '../../model/text-diff.ts'
import type { Project } from '../../store/project.ts'
import type { RecordPatch, Tx } from '../../store/tx.ts'
import type { Operation } from '../operation.ts'
import { circleThrough } from './cycle.ts'
import { defineOperation, exampleId, idHelp, originOf } from './define.ts'
import { checkFence, type FenceInput, fenceProperty } from './fence.ts'
import { flagOf, kindNamed, membersSchema, readInput, resolveLiving, valueSchema, writableFields } from './fields.ts'
import { recordSchema, toOutput } from './output.ts'
import { hasTextInput, type TextInput, textEdits, textFor, textProperties } from './text-input.ts'

/** One property of the input, and what it does to which field. */
interface Change {
  readonly property: string
  readonly flag: string
  readonly does: 'set' | 'add' | 'remove' | 'increment' | 'write'
  readonly name: string
  readonly field: Field
  readonly schema: z.ZodType
}

type Input = TextInput &
  FenceInput & {
    readonly id: string
  } & Readonly<Record<string, unknown>>

/** `task update t-7f3k --status review --add-label ui --spent +2 --append 'Tried it on Windows.'` */
export function updateOperation(kind: RecordKind): Operation {
  const changes = writableFields(kind).flatMap(([name, field]) => changesOf(kind, name, field))
  const input = z.strictObject({
    id: z.string().describe(idHelp(kind)),
    ...Object.fromEntries(changes.map(({ property, schema }) => [property, schema.optional()])),
    ...textProperties(kind),
    ...fenceProperty(kind),
  })
  return defineOperation<Input, unknown>({
    name: `${kind.name}.update`,
    effect: 'write',
    role: 'writer',
    help: `Changes a ${kind.name}: all that is given, or nothing. An empty text clears a field.`,
    input: input as unknown as z.ZodType<Input>,
    output: recordSchema(kind),
    cli: {
      command: `${kind.name} update`,
      positionals: ['id'],
      flags: Object.fromEntries(changes.map(({ property, flag }) => [property, flag])),
      view: { type: 'message', text: `Updated {id}: {${kind.title}}` },
      examples: [
        `orch ${kind.name} update ${exampleId(kind)} --title 'Fix the login'`,
        `orch ${kind.name} update ${exampleId(kind)} --append 'Tried it on Windows: works.'`,
        `orch ${kind.name} update ${exampleId(kind)} --under '## Notes' --append 'Ask Ada first.'`,
        `orch ${kind.name} update ${exampleId(kind)} --find 'Ada' --replace 'Grace' --count 2`,
      ],
    },
    async run(context, input) {
      const { project } = context
      const id = resolveLiving(project, kind, input.id)
      const { write: texts, ...patch } = fieldPatch(project, kind, id, changes, input)
      await project.transact(originOf(context), (tx) => {
        const before = must(tx.read(kind, id), `no record ${id}`)
        checkBase(kind, before, input.base)
        checkFence(context, id, input)
        assertNoCircles(tx, kind, before, patch)
        const edits = Object.entries(texts).map(([name, text]) => [name, diffText(String(before.values[name]), text)])
        tx.update(kind, id, {
          ...patch,
          edit: { ...Object.fromEntries(edits), [kind.body]: textEdits(kind, before, input) },
        })
      })
      return toOutput(project, kind, must(project.read(kind, id), `no record ${id}`))
    },
  })
}

function changesOf(kind: RecordKind, name: string, field: Field): readonly Change[] {
  const flag = flagOf(name, field)
  const capital = name.charAt(0).toUpperCase() + name.slice(1)
  switch (field.merge) {
    case 'register':
      return [{ property: name, flag, does: 'set', name, field, schema: valueSchema(field) }]
    case 'prose':
      return name === kind.body
        ? []
        : [{ property: name, flag, does: 'write', name, field, schema: valueSchema(field) }]
    case 'set':
      return (['add', 'remove'] as const).map((does) => ({
        property: `${does}${capital}`,
        flag: `${does}-${flag}`,
        does,
        name,
        field,
        schema: membersSchema(field, `${does}: `),
      }))
    case 'counter':
      return [
        {
          property: `add${capital}`,
          flag,
          does: 'increment',
          name,
          field,
          schema: z.number().describe(`add: ${field.help}`),
        },
      ]
    case 'entries':
      return []
    default:
      return unreachable(field.merge)
  }
}

/** What is to be done to fields; `write` holds whole texts of proses. */
type FieldPatch = RecordPatch & { readonly write: Readonly<Record<string, string>> }

/** What the input says about fields, checked. Throws `usage` when it says nothing at all. */
function fieldPatch(
  project: Project,
  kind: RecordKind,
  id: RecordId,
  changes: readonly Change[],
  input: Input,
): FieldPatch {
  const patch = { set: {}, add: {}, remove: {}, increment: {}, write: {} } as Record<
    Change['does'],
    Record<string, unknown>
  >
  const given = changes.filter(({ property }) => input[property] !== undefined)
  if (given.length === 0 && !hasTextInput(kind, input)) {
    throw new OrchError('usage', { reason: 'There is nothing to change: give at least one field' })
  }
  for (const { property, does, name, field } of given) {
    const value = input[property]
    patch[does][name] =
      does === 'remove'
        ? membersToRemove(project, kind, id, name, field, value)
        : readInput(project, name, field, value)
  }
  return patch as unknown as FieldPatch
}

/** What is removed may name a record that is deleted or was never here. */
function membersToRemove(
  project: Project,
  kind: RecordKind,
  id: RecordId,
  name: string,
  field: Field,
  input: unknown,
): readonly string[] {
  const members = listOf(project.read(kind, id)?.values[name])
  const { value } = field
  return (Array.isArray(input) ? input.map(String) : []).map((text) =>
    value.type !== 'ref' || members.includes(text) ? text : project.resolve(text, kindNamed(project, value.kind)).id,
  )
}

/** Throws `stale_base` when a record is not what the caller has seen. */
export function checkBase(kind: RecordKind, record: RecordView, base: string | undefined): void {
  const hash = recordHash(record)
  if (base === undefined || base === hash) return
  throw new OrchError('stale_base', { id: record.id, base, hash, text: textFor(kind, record) })
}

/** Throws `dependency_cycle` when a new edge between records of one kind closes a circle. Those that are there already block nothing. */
export function assertNoCircles(tx: Tx, kind: RecordKind, before: RecordView, patch: RecordPatch): void {
  for (const [name, field] of Object.entries(kind.fields)) {
    if (field.value.type !== 'ref' || field.value.kind !== kind.name) continue
    const known = listOf(before.values[name])
    const wanted = [...listOf(patch.add?.[name]), ...listOf(patch.set?.[name])]
    const next = (id: string): readonly string[] => (isRecordId(id) ? listOf(tx.read(kind, id)?.values[name]) : [])
    for (const to of wanted.filter((one) => !known.includes(one))) {
      const circle = circleThrough<string>(before.id, to, next)
      if (circle) throw new OrchError('dependency_cycle', { id: before.id, field: name, path: circle.join(' -> ') })
    }
  }
}

/** The members of a set, or the one of a register. */
export function listOf(value: Value | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  return textsOf(value)
}
