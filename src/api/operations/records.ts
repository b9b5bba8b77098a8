import { z } from 'zod'
import { must, unreachable } from '../../base/assert.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { Kinds } from '../../model/kind-set.ts'
import { task } from '../../model/kinds/task.ts'
import type { Operation } from '../operation.ts'
import { appendOperations } from './append.ts'
import { withAsOf } from './as-of.ts'
import { createOperation } from './create.ts'
import { defineOperation, exampleId, idHelp, originOf } from './define.ts'
import { checkFence, type FenceInput, fenceProperty } from './fence.ts'
import { assertLiving, resolveLiving } from './fields.ts'
import { countOperation, listOperation } from './list.ts'
import { recordSchema, toOutput } from './output.ts'
import { readPageOperation, writePageOperation } from './paths.ts'
import { updateOperation } from './update.ts'

/** What can be asked about a kind of records, all of it derived from the kind's declaration. */
export function recordOperations(kinds: Kinds, kind: RecordKind): readonly Operation[] {
  switch (kind.fileName) {
    case 'id-slug':
    case 'id':
      return [
        ...(kind.creator === undefined ? [createOperation(kind)] : []),
        withAsOf(listOperation(kinds, kind)),
        withAsOf(countOperation(kind)),
        withAsOf(showOperation(kind)),
        updateOperation(kind),
        deleteOperation(kind),
        restoreOperation(kind),
        ...appendOperations(kind),
      ]
    case 'path':
      return [
        withAsOf(listOperation(kinds, kind)),
        withAsOf(countOperation(kind)),
        withAsOf(readPageOperation(kind)),
        writePageOperation(kind),
        updateOperation(kind),
        deleteOperation(kind),
        restoreOperation(kind),
      ]
    default:
      return unreachable(kind.fileName)
  }
}

function showOperation(kind: RecordKind): Operation {
  return defineOperation({
    name: `${kind.name}.show`,
    effect: 'read',
    role: 'reader',
    help: `Shows a ${kind.name}, also a deleted one.`,
    input: z.strictObject({ id: z.string().describe(idHelp(kind)) }),
    output: recordSchema(kind),
    cli: {
      command: `${kind.name} show`,
      positionals: ['id'],
      view: { type: 'record' },
      examples: [`orch ${kind.name} show ${exampleId(kind)}`],
    },
    async run({ project, parts }, input) {
      const { id } = project.resolve(input.id, kind)
      const shown = toOutput(project, kind, must(project.read(kind, id), `no record ${id}`))
      if (kind.name !== task.name) return shown
      const { commits = [], branches = [] } = (await parts.code.mentions(id)) ?? {}
      return { ...shown, ...(commits.length > 0 && { commits }), ...(branches.length > 0 && { branches }) }
    },
  })
}

function deleteOperation(kind: RecordKind): Operation {
  return defineOperation<{ id: string } & FenceInput, unknown>({
    name: `${kind.name}.delete`,
    effect: 'write',
    role: 'writer',
    help: `Deletes a ${kind.name}. It can be restored, and stays if somebody edits it at the same time.`,
    input: z.strictObject({ id: z.string().describe(idHelp(kind)), ...fenceProperty(kind) }),
    output: recordSchema(kind),
    cli: {
      command: `${kind.name} delete`,
      positionals: ['id'],
      view: {
        type: 'message',
        text: `Deleted {id}: {${kind.title}}. Take it back with \`orch ${kind.name} restore {id}\`.`,
      },
      examples: [`orch ${kind.name} delete ${exampleId(kind)}`],
    },
    async run(context, input) {
      const { project } = context
      const id = resolveLiving(project, kind, input.id)
      await project.transact(originOf(context), (tx) => {
        checkFence(context, id, input)
        assertLiving(project, kind, id)
        tx.delete(kind, id)
      })
      return toOutput(project, kind, must(project.read(kind, id), `no record ${id}`))
    },
  })
}

function restoreOperation(kind: RecordKind): Operation {
  return defineOperation({
    name: `${kind.name}.restore`,
    effect: 'write',
    role: 'writer',
    help: `Takes the deletion of a ${kind.name} back.`,
    input: z.strictObject({ id: z.string().describe(idHelp(kind)) }),
    output: recordSchema(kind),
    cli: {
      command: `${kind.name} restore`,
      positionals: ['id'],
      view: { type: 'message', text: `Restored {id}: {${kind.title}}.` },
      examples: [`orch ${kind.name} restore ${exampleId(kind)}`],
    },
    async run(context, input) {
      const { project } = context
      const { id } = project.resolve(input.id, kind)
      if (project.read(kind, id)?.deletedAt !== undefined) {
        await project.transact(originOf(context), (tx) => tx.restore(kind, id))
      }
      return toOutput(project, kind, must(project.read(kind, id), `no record ${id}`))
    },
  })
}
