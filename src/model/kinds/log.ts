import { defineLog } from '../kind.ts'

export const log = defineLog('log', {
  plural: 'log',
  letter: 'l',
  help: 'the work log: what was done, by whom and when; entries are added and never change',
  table: 'work_logs',
  fields: {
    at: { help: 'when it was done', indexed: true },
    actor: { help: 'who did it', indexed: true },
    action: { help: 'what was done, in a few words', indexed: true },
    session: { help: 'the session it was done in', indexed: true },
    task: { help: 'the task it was done for', indexed: true },
    details: { help: 'any JSON about it' },
  },
})
