import { choice, counter, entries, MAX_TITLE_LENGTH, number, prose, ref, refs, tags, text, time } from '../field.ts'
import { defineKind } from '../kind.ts'

const self = { name: 'task', letter: 't' }

export const task = defineKind(self.name, {
  plural: 'tasks',
  letter: self.letter,
  help: 'a piece of work',
  fields: {
    title: text({ help: 'what is to be done', required: true, maxLength: MAX_TITLE_LENGTH, shown: true }),
    status: choice(['todo', 'in_progress', 'blocked', 'review', 'completed', 'cancelled'], {
      help: 'where the work stands',
      synonyms: { done: 'completed', 'in-progress': 'in_progress', 'in progress': 'in_progress' },
      required: true,
      indexed: true,
      shown: true,
    }),
    priority: choice(['critical', 'high', 'medium', 'low'], {
      help: 'how much it matters',
      required: true,
      indexed: true,
      shown: true,
    }),
    assignee: text({ help: 'who works on it', indexed: true, maxLength: 200, shown: true }),
    labels: tags({ help: 'free words to find it by', flag: 'label', indexed: true, shown: true }),
    dependencies: refs(self, {
      help: 'tasks that must be completed first',
      flag: 'dependency',
      inverse: 'dependents',
      indexed: true,
      shown: true,
    }),
    parent: ref(self, { help: 'the task this one is a part of', indexed: true, inverse: 'subtasks' }),
    estimatedHours: number({
      help: 'how long it may take, in hours',
      flag: 'estimate',
      min: 0,
      max: 1e6,
      indexed: true,
    }),
    spentHours: counter({ help: 'how long it took so far, in hours', flag: 'spent' }),
    due: time({ help: 'when it must be completed', indexed: true }),
    body: prose({ help: 'what it is about: any Markdown' }),
    comments: entries({ help: 'what people and agents said about it' }),
    closedAt: time({ help: 'when it was completed or cancelled', readonly: true }),
  },
  defaults: { status: 'todo', priority: 'medium' },
  order: ['priority'],
  stamps: { closedAt: { field: 'status', values: ['completed', 'cancelled'] } },
})
