import { expect, test } from 'vitest'
import { OrchError } from '../../src/base/error.ts'
import { loadConfig } from '../../src/config/config.ts'
import { ownCommands, projectKinds } from '../../src/config/declared.ts'
import { statusesOf } from '../../src/model/statuses.ts'
import { DECLARED, kindsOfText } from '../helpers/own-kinds.ts'

const field = (declared: string): string => `fields: { task: { size: ${declared} } }`
const kind = (declared: string): string => `kinds: { risk: ${declared} }`

/** Reads a declaration to the end, as a daemon does at its start. */
function refusalOf(text: string): string {
  try {
    const file = { path: '.orchrc', text, isTrusted: false }
    const kinds = projectKinds(loadConfig({ file, env: {}, flags: [] }).config, '.orchrc')
    ownCommands(kinds, '.orchrc')
  } catch (error) {
    if (!(error instanceof OrchError)) throw error
    expect(error.code).toBe('invalid_config')
    expect(error.message).toContain('.orchrc')
    return error.message
  }
  return 'was taken'
}

test.each([
  ['a status of orch', 'statuses: { review: { as: todo } }', /statuses\.review: orch has it already/],
  ['a synonym', 'statuses: { done: { as: completed } }', /statuses\.done: means completed already/],
  ['what is no status', 'statuses: { testing: { as: busy } }', /statuses\.testing\.as: must be one of: todo, /],
  ['a status without meaning', 'statuses: { testing: {} }', /statuses\.testing\.as: /],
  ['a status with blanks', 'statuses: { in test: { as: review } }', /statuses\.in test: begins with a small letter/],
  [
    'a field of no kind',
    'fields: { goal: { size: { type: text } } }',
    /fields\.goal: is no kind of records of orch: task, page/,
  ],
  ['a field of the log', 'fields: { log: { size: { type: text } } }', /fields\.log: is no kind of records/],
  [
    'a field of an own kind',
    `fields: { risk: { size: { type: text } } }\n${kind('{ letter: k }')}`,
    /fields\.risk: .*kinds\.risk\.fields/,
  ],
  ['a field that is there', 'fields: { task: { labels: { type: set } } }', /fields\.task\.labels: task has it already/],
  [
    'a field in other case',
    'fields: { task: { spenthours: { type: counter } } }',
    /fields\.task\.spenthours: task has it already/,
  ],
  ['a reserved name', 'fields: { task: { hash: { type: text } } }', /fields\.task\.hash: the name "hash" is taken/],
  [
    'a name of objects',
    'fields: { task: { constructor: { type: text } } }',
    /fields\.task\.constructor: the name .* is taken/,
  ],
  ['a prototype', 'fields: { task: { __proto__: { type: text } } }', /begins with a small letter|was taken/],
  ['a word of the list', 'fields: { task: { limit: { type: text } } }', /fields\.task\.limit: .*use the word "limit"/],
  [
    'a word of the update',
    'fields: { task: { append: { type: text } } }',
    /fields\.task\.append: .*use the word "append"/,
  ],
  [
    'a flag of every command',
    'fields: { task: { json: { type: text } } }',
    /fields\.task\.json: .*use the word "json"/,
  ],
  [
    'a flag that is there',
    'fields: { task: { size: { type: set, flag: label } } }',
    /fields\.task: two have the flag --label/,
  ],
  ['an unknown type', field('{ type: date }'), /fields\.task\.size\.type: /],
  ['no type', field('{ help: x }'), /fields\.task\.size\.type: /],
  ['an unknown option', field('{ type: text, colour: red }'), /fields\.task\.size: .*colour/],
  ['help of two lines', field('{ type: text, help: "a\\nb" }'), /fields\.task\.size\.help: must be one line/],
  ['a choice without choices', field('{ type: choice }'), /fields\.task\.size\.choices: is missing/],
  ['a choice twice', field('{ type: choice, choices: [S, s] }'), /fields\.task\.size\.choices: names one twice/],
  [
    'choices of a text',
    field('{ type: text, choices: [s] }'),
    /fields\.task\.size\.choices: is for choice, not for text/,
  ],
  ['a ref to nothing', field('{ type: ref }'), /fields\.task\.size\.to: must name a kind of records: task, /],
  ['a ref to the log', field('{ type: refs, to: log }'), /fields\.task\.size\.to: must name a kind/],
  ['bounds of a text', field('{ type: text, min: 1 }'), /fields\.task\.size\.min: is for number/],
  ['bounds in disorder', field('{ type: number, min: 2, max: 1 }'), /fields\.task\.size\.min: is more than max/],
  ['a required set', field('{ type: set, required: true }'), /fields\.task\.size\.required: is for /],
  ['an indexed prose', field('{ type: prose, indexed: true }'), /fields\.task\.size\.indexed: is for /],
  [
    'a second field of entries',
    field('{ type: entries }'),
    /fields\.task\.size: a file has one place for entries, and task has comments/,
  ],
  ['a default that is none', field('{ type: number, default: big }'), /fields\.task\.size\.default: must be a number/],
  ['a default of a counter', field('{ type: counter, default: 1 }'), /fields\.task\.size\.default: is not for counter/],
  [
    'a required field of a session',
    'fields: { session: { cost: { type: text, required: true } } }',
    /fields\.session\.cost\.default: is missing/,
  ],
  [
    'a kind of orch',
    'kinds: { task: { letter: k } }',
    /kinds\.task: orch has this kind; fields can be added to it: fields\.task/,
  ],
  [
    'a kind called like a command',
    'kinds: { search: { letter: k } }',
    /kinds\.search: orch has a command of this name/,
  ],
  [
    'a kind called like a local command',
    'kinds: { watch: { letter: k } }',
    /kinds\.watch: orch has a command of this name/,
  ],
  ['a reserved kind', 'kinds: { record: { letter: k } }', /kinds\.record: the name "record" is taken/],
  ['a kind with a capital', 'kinds: { Risk: { letter: k } }', /kinds\.Risk: is 2 to 30 small letters/],
  ['no letter', kind('{}'), /kinds\.risk\.letter: /],
  ['a letter of orch', kind('{ letter: t }'), /kinds\.risk\.letter: "t" is the letter of task/],
  ['a letter of the log', kind('{ letter: l }'), /kinds\.risk\.letter: "l" is the letter of log/],
  ['two letters', kind('{ letter: rk }'), /kinds\.risk\.letter: is one small letter/],
  ['a letter twice', 'kinds: { risk: { letter: k }, goal: { letter: k } }', /kinds\.\w+\.letter: "k" is the letter of/],
  ['a plural of orch', kind('{ letter: k, plural: tasks }'), /kinds\.risk\.plural: "tasks" is taken/],
  ['its name as plural', kind('{ letter: k, plural: risk }'), /kinds\.risk\.plural: .*its own name/],
  [
    'a plural of the document',
    kind('{ letter: k, plural: clients }'),
    /kinds\.risk\.plural: the name "clients" is taken/,
  ],
  ['a folder of orch', kind('{ letter: k, folder: tasks }'), /kinds\.risk\.folder: "tasks" is the folder of task/],
  ['the folder of the log', kind('{ letter: k, folder: log }'), /kinds\.risk\.folder: "log" is the folder of log/],
  ['the rows of snapshots', kind('{ letter: k, folder: crdt }'), /kinds\.risk\.folder: the name "crdt" is taken/],
  ['a folder outside', kind('{ letter: k, folder: ../x }'), /kinds\.risk\.folder: is one folder below the mirror/],
  ['a hidden folder', kind('{ letter: k, folder: .git }'), /kinds\.risk\.folder: is one folder below the mirror/],
  [
    'a title that is no text',
    kind('{ letter: k, title: name, fields: { name: { type: number } } }'),
    /kinds\.risk\.fields\.name: .*type must be text/,
  ],
  [
    'a body that is no prose',
    kind('{ letter: k, fields: { body: { type: text } } }'),
    /kinds\.risk\.fields\.body: .*type must be prose/,
  ],
  [
    'a common field',
    kind('{ letter: k, fields: { aliases: { type: set } } }'),
    /kinds\.risk\.fields\.aliases: every record has it/,
  ],
  [
    'two fields of entries',
    kind('{ letter: k, fields: { a: { type: entries }, b: { type: entries } } }'),
    /kinds\.risk\.fields\.b: a file has one place/,
  ],
  [
    'entries called like a command',
    kind('{ letter: k, fields: { lists: { type: entries } } }'),
    /kinds\.risk\.fields: one makes the command "risk list"/,
  ],
  ['an order by nothing', kind('{ letter: k, order: [size] }'), /kinds\.risk\.order: "size" is no field/],
  [
    'closed by nothing',
    kind('{ letter: k, closed: { state: [x] } }'),
    /kinds\.risk\.closed\.state: is no choice field/,
  ],
  [
    'closed by no choice of it',
    kind('{ letter: k, fields: { state: { type: choice, choices: [a] } }, closed: { state: [b] } }'),
    /kinds\.risk\.closed\.state: "b" must be one of: a/,
  ],
  [
    'a filter by nothing',
    kind('{ letter: k, filters: { mine: { where: { size: [a] } } } }'),
    /kinds\.risk\.filters\.mine\.where\.size: is no field/,
  ],
  [
    'a filter called like a field',
    kind('{ letter: k, filters: { title: { where: { title: [a] } } } }'),
    /kinds\.risk\.filters\.title: is the name of a field/,
  ],
])('%s is refused with its key and the reason', (_, text, message) => {
  expect(refusalOf(text)).toMatch(message)
})

test('what is sound is taken, and what orch has of its own stays what it was', () => {
  expect(refusalOf(DECLARED)).toBe('was taken')
  expect(kindsOfText('')).toBe(kindsOfText('log: { level: warn }'))
})

test('a status stands behind the one it counts as, and counts as it', () => {
  const { all, closed, open, like, meaning } = statusesOf(kindsOfText(DECLARED))
  expect(all).toEqual(['todo', 'in_progress', 'testing', 'blocked', 'review', 'completed', 'cancelled', 'wontfix'])
  expect(closed).toEqual(['completed', 'cancelled', 'wontfix'])
  expect(open).toEqual(['todo', 'in_progress', 'testing', 'blocked', 'review'])
  expect(like('in_progress')).toEqual(['in_progress', 'testing'])
  expect([meaning('testing'), meaning('todo'), meaning('elsewhere')]).toEqual(['in_progress', 'todo', 'elsewhere'])
})
