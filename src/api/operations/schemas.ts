import { z } from 'zod'

/** No input at all. */
export const nothing = z.strictObject({})

/** Something that needs somebody. */
export const problemSchema = z.object({
  what: z.string().describe('what is wrong'),
  where: z.string().describe('a file, a peer or a part'),
  line: z.number().optional().describe('the line'),
  column: z.number().optional().describe('the column'),
  fix: z.string().describe('what to do'),
})

/** A link to another replica. */
export const peerSchema = z.object({
  name: z.string().describe('its name'),
  url: z.string().describe('its address'),
  state: z.enum(['connecting', 'linked', 'waiting', 'refused']).describe('how the link is'),
  since: z.string().describe('since when'),
  error: z.string().optional().describe('why, when it is not linked'),
})
