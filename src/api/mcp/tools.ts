import type { Tool } from './tool.ts'
import { context, inbox, wait } from './tools/context.ts'
import { find } from './tools/find.ts'
import { create, edit, get, update } from './tools/records.ts'
import { claim, log, publish, release, session } from './tools/work.ts'

/** What agents are offered, in the order in which they are shown. Nothing here destroys: what it changes can be undone. */
export const tools: readonly Tool[] = [
  context,
  find,
  get,
  create,
  update,
  edit,
  claim,
  release,
  publish,
  inbox,
  wait,
  log,
  session,
]
