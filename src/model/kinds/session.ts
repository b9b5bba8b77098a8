import { MAX_TITLE_LENGTH, prose, refs, tags, text, time } from '../field.ts'
import { defineKind } from '../kind.ts'
import { task } from './task.ts'

export const session = defineKind('session', {
  plural: 'sessions',
  letter: 's',
  help: 'a bounded piece of work by one actor',
  fields: {
    actor: text({ help: 'who works in it', readonly: true, indexed: true, maxLength: 64, shown: true }),
    goal: text({ help: 'what it is for', maxLength: MAX_TITLE_LENGTH, shown: true }),
    startedAt: time({ help: 'when it began', readonly: true }),
    endedAt: time({ help: 'when it ended; empty while it is active', readonly: true }),
    artifacts: tags({ help: 'what came of it: paths, addresses, commits', flag: 'artifact', shown: true }),
    tasks: refs(task, { help: 'tasks it is about', flag: 'task', indexed: true, shown: true, inverse: 'sessions' }),
    summary: prose({ help: 'plan, notes and hand-over: any Markdown' }),
  },
  title: 'goal',
  body: 'summary',
  fileName: 'id',
  creator: 'session.start',
  born: { actor: 'actor', startedAt: 'at' },
  filters: { active: { help: 'only those that have not ended', where: { endedAt: [null] } } },
})
