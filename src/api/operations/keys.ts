import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { KeyedKind } from '../../model/kind.ts'
import type { Json } from '../../model/record.ts'
import { checkJson, STATE_KEY } from '../../model/validate.ts'
import type { KeyedValue, Project } from '../../store/project.ts'
import type { Operation } from '../operation.ts'
import { withAsOf } from './as-of.ts'
import { defineOperation, originOf } from './define.ts'
import { isoTime } from './output.ts'

/** What can be asked about a kind of keyed values, derived from its declaration. */
export function keyOperationsOf(kind: KeyedKind): readonly Operation[] {
  return [withAsOf(getOperation(kind)), setOperation(kind), patchOperation(kind)]
}

const keySchema = z.object({
  key: z.string().describe('the key'),
  value: z.json().describe('its value'),
  updatedAt: z.string().describe('when it was set last'),
  updatedBy: z.string().describe('who set it last'),
})

const allSchema = z.object({ value: z.record(z.string(), z.json()).describe('every value by key') })

function getOperation(kind: KeyedKind): Operation {
  return defineOperation<{ key?: string | undefined }, unknown>({
    name: `${kind.name}.get`,
    effect: 'read',
    role: 'reader',
    help: `Shows ${kind.help}: all of it, or one key.`,
    input: z.strictObject({ key: z.string().optional().describe('only this key') }),
    output: z.union([keySchema, allSchema]),
    cli: {
      command: `${kind.name} get`,
      positionals: ['key'],
      view: { type: 'json', field: 'value' },
      examples: [`orch ${kind.name} get`, `orch ${kind.name} get currentPhase`],
    },
    run({ project }, { key }) {
      if (key === undefined) return { value: allOf(project, kind) }
      const found = project.readKeys(kind.name).get(key)
      if (!found) throw new OrchError('record_not_found', { kind: `${kind.name} key`, id: key })
      return toOutput(found)
    },
  })
}

function setOperation(kind: KeyedKind): Operation {
  return defineOperation<{ key: string; value: unknown }, unknown>({
    name: `${kind.name}.set`,
    effect: 'write',
    role: 'writer',
    help: `Sets one key of the ${kind.name}.`,
    input: z.strictObject({
      key: z.string().describe('the key'),
      value: z.json().describe('its new value: JSON, or else taken as text'),
    }),
    output: keySchema,
    cli: {
      command: `${kind.name} set`,
      positionals: ['key', 'value'],
      view: { type: 'message', text: 'Set {key}' },
      examples: [`orch ${kind.name} set currentPhase beta`, `orch ${kind.name} set overallProgress 45`],
    },
    async run(context, input) {
      const { project } = context
      const json = checkedValue(input.key, parseJson(input.value))
      await project.transact(originOf(context), (tx) => tx.setKey(kind.name, input.key, json))
      const after = project.readKeys(kind.name).get(input.key)
      if (!after) throw new OrchError('record_not_found', { kind: `${kind.name} key`, id: input.key })
      return toOutput(after)
    },
  })
}

function patchOperation(kind: KeyedKind): Operation {
  return defineOperation<{ patch: unknown }, unknown>({
    name: `${kind.name}.patch`,
    effect: 'write',
    role: 'writer',
    help: `Sets several keys of the ${kind.name} at once, all or none; null removes a key.`,
    input: z.strictObject({ patch: z.json().describe('a JSON object: the new value of each key') }),
    output: allSchema,
    cli: {
      command: `${kind.name} patch`,
      positionals: ['patch'],
      stdin: 'patch',
      view: { type: 'json', field: 'value' },
      examples: [`orch ${kind.name} patch '{"currentPhase": "beta", "blocker": null}'`],
    },
    async run(context, input) {
      const { project } = context
      const patch = parseJson(input.patch)
      if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
        throw new OrchError('invalid_input', { field: 'patch', reason: 'it is not a JSON object' })
      }
      const entries = Object.entries(patch).map(
        ([key, value]) => [key, value === null ? undefined : checkedValue(key, value)] as const,
      )
      await project.transact(originOf(context), (tx) => {
        for (const [key, value] of entries) tx.setKey(kind.name, key, value)
      })
      return { value: allOf(project, kind) }
    },
  })
}

function allOf(project: Project, kind: KeyedKind): Readonly<Record<string, Json | undefined>> {
  return Object.fromEntries([...project.readKeys(kind.name)].map(([key, { value }]) => [key, value]))
}

function toOutput({ key, value, updatedAt, updatedBy }: KeyedValue): unknown {
  return { key, value, updatedAt: isoTime(updatedAt), updatedBy }
}

function checkedValue(key: string, value: unknown): Json {
  if (!STATE_KEY.test(key)) {
    throw new OrchError('invalid_input', {
      field: `key "${key.slice(0, 80)}"`,
      reason: 'a key is a letter or _ and up to 63 letters, digits and ._-',
    })
  }
  const reason = checkJson(value)
  if (reason !== undefined) throw new OrchError('invalid_input', { field: key, reason })
  return value as Json
}

/** A text that is JSON is taken as what it says; everything else as it is. */
function parseJson(input: unknown): unknown {
  if (typeof input !== 'string') return input
  try {
    return JSON.parse(input)
  } catch {
    return input
  }
}
