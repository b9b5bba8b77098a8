import type { KeyedKind, Kind, LogKind, RecordKind } from './kind.ts'
import { context } from './kinds/context.ts'
import { log } from './kinds/log.ts'
import { page } from './kinds/page.ts'
import { session } from './kinds/session.ts'
import { state } from './kinds/state.ts'
import { task } from './kinds/task.ts'

/** The only list of kinds. */
export const kinds: readonly Kind[] = [task, page, session, context, state, log]

export const recordKinds: readonly RecordKind[] = kinds.filter((kind) => kind.shape === 'records')
export const keyedKinds: readonly KeyedKind[] = kinds.filter((kind) => kind.shape === 'keys')
export const logKinds: readonly LogKind[] = kinds.filter((kind) => kind.shape === 'log')
