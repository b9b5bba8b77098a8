import type { WriteOrigin } from '../../doc/origin.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { Operation, OperationContext } from '../operation.ts'

/** Checks an operation against its own input and output types, and gives it the type the table has. */
export function defineOperation<I, O>(operation: Operation<I, O>): Operation {
  return operation as unknown as Operation
}

/** The origin of what a caller writes. */
export function originOf({ actor, session }: OperationContext): WriteOrigin {
  return { source: 'api', actor, ...(session === undefined ? {} : { session }) }
}

/** How a caller names a record. */
export function idHelp(kind: RecordKind): string {
  return `the ${kind.name}: its id, a unique beginning of it, an alias, or its file`
}

/** What stands for an id in examples. */
export function exampleId(kind: RecordKind): string {
  return `${kind.letter}-7f3k`
}
