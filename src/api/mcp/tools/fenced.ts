import { OrchError } from '../../../base/error.ts'
import { isRecordId } from '../../../model/id.ts'
import type { Row } from '../answer.ts'
import type { McpCaller } from '../caller.ts'

export interface Named {
  readonly id: string
  readonly kind: string
}

export async function identify(caller: McpCaller, name: string, signal: AbortSignal | undefined): Promise<Named> {
  return (await caller.call('record.text', { id: name }, { signal })) as Named
}

/**
 * Calls an operation that writes about a task with the number of the claim that this session took on it, so that it is
 * refused once that claim has ended. It is refused once: what the agent does next, it does knowing that.
 */
export async function callFenced(
  caller: McpCaller,
  operation: string,
  task: unknown,
  input: object,
  signal: AbortSignal | undefined,
): Promise<Row> {
  const { fences } = caller.session
  const name = String(task)
  const isKnown = task === undefined || fences.size === 0 || isRecordId(name)
  const id = isKnown ? name : (await identify(caller, name, signal)).id
  const fence = fences.get(id)
  try {
    return (await caller.call(operation, { ...input, ...(fence !== undefined && { fence }) }, { signal })) as Row
  } catch (error) {
    if (error instanceof OrchError && error.code === 'fenced') fences.delete(id)
    throw error
  }
}

/** Forgets the number of a claim that ended by what this session did itself: what it says of the task later is no late write. */
export async function forgetEnded(caller: McpCaller, id: string, signal: AbortSignal | undefined): Promise<void> {
  const { fences } = caller.session
  if (!fences.has(id)) return
  const { items } = (await caller.call('claim.list', {}, { signal })) as { readonly items: readonly Row[] }
  const own = items.find((one) => one.task === id && one.session === caller.session.id())
  if (!own) fences.delete(id)
}
