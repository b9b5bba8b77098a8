import type { Tool } from './tool.ts'
import { find } from './tools/find.ts'
import { create, edit, get, update } from './tools/records.ts'
import { claim, log, publish, release, session } from './tools/work.ts'

/** What agents are offered, in the order in which they are shown. Nothing here destroys: what it changes can be undone. */
export const tools: readonly Tool[] = [find, get, create, update, edit, claim, release, publish, log, session]
