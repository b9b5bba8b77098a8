import { type Kinds, kindSet } from './kind-set.ts'
import { context } from './kinds/context.ts'
import { log } from './kinds/log.ts'
import { page } from './kinds/page.ts'
import { session } from './kinds/session.ts'
import { state } from './kinds/state.ts'
import { task } from './kinds/task.ts'

/** The kinds that every project has, as orch declares them. What a project makes of them is `project.kinds`. */
export const builtInKinds: Kinds = kindSet([task, page, session, context, state, log])
