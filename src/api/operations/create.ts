import { z } from 'zod'
import { must, unreachable } from '../../base/assert.ts'
import type { Field } from '../../model/field.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { Operation } from '../operation.ts'
import { defineOperation, originOf } from './define.ts'
import { flagOf, membersSchema, readInput, valueSchema, writableFields } from './fields.ts'
import { recordSchema, toOutput } from './output.ts'

/** `task create TITLE --priority high --label ui --label api` */
export function createOperation(kind: RecordKind): Operation {
  const fields = writableFields(kind).filter(([, field]) => field.merge !== 'counter')
  return defineOperation<Record<string, unknown>, unknown>({
    name: `${kind.name}.create`,
    effect: 'write',
    role: 'writer',
    help: `Creates a ${kind.name}: ${kind.help}.`,
    input: z.strictObject(Object.fromEntries(fields.map(([name, field]) => [name, inputSchema(kind, name, field)]))),
    output: recordSchema(kind),
    cli: {
      command: `${kind.name} create`,
      positionals: [kind.title],
      flags: Object.fromEntries(fields.map(([name, field]) => [name, flagOf(name, field)])),
      view: { type: 'message', text: `Created {id}: {${kind.title}} ({file})` },
      examples: [`orch ${kind.name} create 'Fix the login'`, ...exampleOf(kind)],
    },
    async run(context, input) {
      const { project } = context
      const values = Object.fromEntries(
        fields.flatMap(([name, field]) =>
          input[name] === undefined ? [] : [[name, readInput(project, name, field, input[name])]],
        ),
      )
      const id = await project.transact(originOf(context), (tx) => tx.create(kind, values))
      return toOutput(project, kind, must(project.read(kind, id), `no record ${id}`))
    },
  })
}

/** The schema of a field's first value. */
export function inputSchema(kind: RecordKind, name: string, field: Field): z.ZodType {
  switch (field.merge) {
    case 'register':
    case 'prose': {
      const schema = valueSchema(field)
      return field.required && kind.defaults[name] === undefined ? schema : schema.optional()
    }
    case 'set':
    case 'counter':
    case 'entries':
      return membersSchema(field).optional()
    default:
      return unreachable(field.merge)
  }
}

function exampleOf(kind: RecordKind): readonly string[] {
  const set = writableFields(kind).find(([, field]) => field.merge === 'set')
  return set ? [`orch ${kind.name} create 'Fix the login' --${flagOf(...set)} one --${flagOf(...set)} two`] : []
}
