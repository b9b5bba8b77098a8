import type { z } from 'zod'
import type { RecordKind, Values } from '../../model/kind.ts'
import type { Project } from '../../store/project.ts'
import { inputSchema } from './create.ts'
import { flagOf, readInput, writableFields } from './fields.ts'

/** What an operation that names orch's fields takes of those that the project declares itself. */
export interface OwnFields {
  readonly input: Readonly<Record<string, z.ZodType>>
  readonly flags: Readonly<Record<string, string>>
  /** Reads them from a caller's input. Throws as `readInput`. */
  read(project: Project, input: object): Values
}

/** A declaration whose names mean something else to the operations of its kind is refused: see config/declared.ts. */
export function ownFields(kind: RecordKind): OwnFields {
  const fields = writableFields(kind).filter(([, field]) => field.own && field.merge !== 'counter')
  return {
    input: Object.fromEntries(fields.map(([name, field]) => [name, inputSchema(kind, name, field)])),
    flags: Object.fromEntries(fields.map(([name, field]) => [name, flagOf(name, field)])),
    read: (project, input) =>
      Object.fromEntries(
        fields.flatMap(([name, field]) => {
          const value = (input as Readonly<Record<string, unknown>>)[name]
          return value === undefined ? [] : [[name, readInput(project, name, field, value)]]
        }),
      ),
  }
}
