import { z } from 'zod'
import { ATTENTION_KINDS, type AttentionKind } from '../../model/attention.ts'

/** No input at all. */
export const nothing = z.strictObject({})

/** An item of the attention list. */
export const itemSchema = z.object({
  id: z.string().describe('the item: what `orch attention show` takes'),
  kind: z.enum(Object.keys(ATTENTION_KINDS) as [AttentionKind, ...AttentionKind[]]).describe('what it is about'),
  where: z.string().describe('a file, a peer or a part'),
  line: z.number().optional().describe('the line'),
  column: z.number().optional().describe('the column'),
  record: z.string().optional().describe('the record it is about'),
  what: z.string().describe('what is wrong, or what happened'),
  why: z.string().optional().describe('how it came about'),
  since: z.string().describe('since when'),
  fix: z.string().describe('what to do'),
  ways: z
    .array(
      z.object({
        name: z.string().describe('what `orch attention resolve` takes'),
        help: z.string().describe('what it does'),
        destructive: z.boolean().optional().describe('for a person at a terminal or an administrator only'),
      }),
    )
    .readonly()
    .describe('how it can be settled; without one, it goes when its cause does'),
})

/** A folder of files. */
export const mirrorSchema = z.object({
  dir: z.string().describe('the folder'),
  worktree: z.string().describe('the worktree it is in'),
  main: z.boolean().describe('whether it is the one of the main worktree'),
})

/** The git remote that the history branch is synced with. */
export const remoteSchema = z.object({
  name: z.string().describe('its name'),
  state: z.enum(['waiting', 'synced', 'failed']).describe('how the last sync went'),
  since: z.string().describe('when it was last synced; empty before the first time'),
  error: z.string().optional().describe('why, when the last sync failed'),
})

/** A link to another replica. */
export const peerSchema = z.object({
  name: z.string().describe('its name'),
  url: z.string().describe('its address'),
  state: z.enum(['connecting', 'linked', 'waiting', 'refused']).describe('how the link is'),
  since: z.string().describe('since when'),
  error: z.string().optional().describe('why, when it is not linked'),
  lag: z
    .object({
      behind: z.number().describe('rows that other nodes hold and this one does not'),
      unsent: z.number().describe('rows of this node that were not passed on'),
      roundTripMs: z.number().optional().describe('from the way out of a row until it was read back, the last time'),
    })
    .optional()
    .describe('how far nodes that share a Redis are apart; of `redis` only'),
})
