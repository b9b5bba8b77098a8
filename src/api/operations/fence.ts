import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { RecordKind } from '../../model/kind.ts'
import { task } from '../../model/kinds/task.ts'
import type { OperationContext } from '../operation.ts'

/** What a write to a task may name: the claim under which it is made. */
export interface FenceInput {
  readonly fence?: number | undefined
}

export const fenceSchema = z
  .number()
  .int()
  .optional()
  .describe('the number of your claim on the task; refused when that has ended')

/** The property of the input, for a kind whose records can be claimed; others have none, and refuse it. */
export function fenceProperty(kind: RecordKind): { fence: typeof fenceSchema } {
  return kind.name === task.name ? { fence: fenceSchema } : ({} as { fence: typeof fenceSchema })
}

/** Throws `fenced` unless the claim that a write names holds. For the inside of its transaction. */
export function checkFence({ parts }: Pick<OperationContext, 'parts'>, about: unknown, { fence }: FenceInput): void {
  if (fence === undefined) return
  if (typeof about !== 'string' || about === '') {
    throw new OrchError('usage', { reason: 'A fence is the number of a claim on a task: say which task' })
  }
  parts.agents.claims.checkFence(about, fence)
}
