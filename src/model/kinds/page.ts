import { MAX_TITLE_LENGTH, prose, text } from '../field.ts'
import { defineKind } from '../kind.ts'

export const page = defineKind('page', {
  plural: 'pages',
  letter: 'p',
  help: 'a Markdown document that people and agents write together',
  fields: {
    title: text({ help: 'what the page is about', maxLength: MAX_TITLE_LENGTH, shown: true }),
    body: prose({ help: 'the text: any Markdown' }),
  },
  fileName: 'path',
  order: ['title'],
})
