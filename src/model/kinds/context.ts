import { json, MAX_TITLE_LENGTH, prose, ref, tags, text, time } from '../field.ts'
import { defineKind } from '../kind.ts'
import { task } from './task.ts'

const self = { name: 'context', letter: 'c' }

export const context = defineKind(self.name, {
  plural: 'contexts',
  folder: 'context',
  letter: self.letter,
  help: 'something others should know: a decision, a finding, a hand-over',
  fields: {
    type: text({ help: 'a free word: decision, finding, handoff, ...', indexed: true, maxLength: 64, shown: true }),
    title: text({ help: 'what it says, in a line', required: true, maxLength: MAX_TITLE_LENGTH, shown: true }),
    audience: tags({
      help: 'whom it is for: actors, or what they are able to do; everybody when empty',
      indexed: true,
    }),
    task: ref(task, { help: 'the task it is about', indexed: true, inverse: 'contexts' }),
    data: json({ help: 'any JSON, for programs' }),
    expiresAt: time({ help: 'until when it holds', flag: 'expires' }),
    supersedes: ref(self, {
      help: 'the context that this one takes the place of',
      indexed: true,
      inverse: 'supersededBy',
    }),
    body: prose({ help: 'what it says: any Markdown' }),
    publishedAt: time({ help: 'when it was published', readonly: true, indexed: true }),
    publishedBy: text({ help: 'who published it', readonly: true, indexed: true, maxLength: 64 }),
  },
  creator: 'context.publish',
  born: { publishedAt: 'at', publishedBy: 'actor' },
})
