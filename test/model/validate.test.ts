import { describe, expect, test } from 'vitest'
import { choice, counter, type Field, number, prose, ref, refs, tags, text, time } from '../../src/model/field.ts'
import { task } from '../../src/model/kinds/task.ts'
import { checkJson, issuesOf, parseValue, STATE_KEY } from '../../src/model/validate.ts'

const help = ''
const title = text({ help, required: true, maxLength: 10 })
const line = text({ help })
const status = choice(['todo', 'in_progress', 'completed'], { help, synonyms: { done: 'completed' } })
const hours = number({ help, min: 0, max: 100 })
const labels = tags({ help })
const dependencies = refs(task, { help })

describe('parseValue', () => {
  test.each<[string, Field, unknown, unknown]>([
    ['text without blanks around it', line, '  a b ', 'a b'],
    ['empty text as nothing', line, '  ', null],
    ['nothing as nothing', line, undefined, null],
    ['a number', hours, 2.5, 2.5],
    ['a number in text', hours, ' 2.50 ', 2.5],
    ['negative zero as zero', number({ help }), '-0', 0],
    ['no counter as zero', counter({ help }), null, 0],
    ['a choice in any case', status, 'TODO', 'todo'],
    ['a synonym', status, 'Done', 'completed'],
    ['a date', time({ help }), '2024-02-29', '2024-02-29'],
    ['a time', time({ help }), '2026-11-23T08:30:00.123+09:00', '2026-11-23T08:30:00.123+09:00'],
    ['a time without seconds', time({ help }), '2026-11-23 08:30Z', '2026-11-23 08:30Z'],
    ['an id as people type it', ref(task, { help }), 'T-OOOOOOOl', 't-00000001'],
    ['a set, sorted and each once', labels, ['b', ' a ', 'b', '', null], ['a', 'b']],
    ['members in one normal form', labels, ['e\u0301', '\u00e9'], ['\u00e9']],
    ['a set in one text', labels, 'b, a', ['a', 'b']],
    ['a member with a comma', labels, ['b, a'], ['b, a']],
    ['no set as the empty one', labels, null, []],
    ['a set of ids', dependencies, ['T-00000002', 't-00000001'], ['t-00000001', 't-00000002']],
    ['prose with one kind of line end', prose({ help }), 'a\r\nb\rc\n', 'a\nb\nc\n'],
  ])('reads %s', (_, field, input, value) => {
    expect(parseValue(field, input)).toEqual({ ok: true, value })
  })

  test.each<[string, Field, unknown, RegExp]>([
    ['nothing where something must be', title, '', /not be empty/],
    ['long text', title, 'x'.repeat(11), /11 characters; the limit is 10/],
    ['text of two lines', line, 'a\nb', /one line/],
    ['a number as text', line, 5, /must be text/],
    ['NUL', line, 'a\0b', /NUL/],
    ['half a character', prose({ help }), 'a\ud83d', /cut inside a character/],
    ['text as a number', hours, '3 h', /must be a number/],
    ['hexadecimal', hours, '0x10', /must be a number/],
    ['infinity', hours, Number.POSITIVE_INFINITY, /must be a number/],
    ['true', hours, true, /must be a number/],
    ['a number too small', hours, -1, /at least 0/],
    ['a number too large', hours, '101', /at most 100/],
    ['an unknown choice, naming all', status, 'doing', /one of: todo, in_progress, completed/],
    ['a choice that every object has', status, 'constructor', /one of/],
    ['a day that does not exist', time({ help }), '2026-02-29', /2026-02-29/],
    ['an hour that does not exist', time({ help }), '2026-02-28T24:00Z', /time that does not exist/],
    ['a time without zone', time({ help }), '2026-02-28T10:00', /time zone/],
    ['a word as a time', time({ help }), 'tomorrow', /date or time/],
    ['the id of another kind', ref(task, { help }), 'p-00000001', /id of a task/],
    ['half an id', dependencies, ['t-0000'], /member that must be the id of a task/],
    ['a number as a set', labels, 5, /must be a list/],
    ['a list in a list', labels, [['a']], /member that must be text/],
    ['a long member', labels, ['x'.repeat(201)], /limit is 200/],
    ['a member of two lines', labels, ['a\nb'], /one line/],
  ])('refuses %s', (_, field, input, reason) => {
    expect(parseValue(field, input)).toEqual({ ok: false, reason: expect.stringMatching(reason) })
  })
})

test('issuesOf names each field that breaks its rule, and none of a sound record', () => {
  const sound = { title: 'T', status: 'todo', priority: 'low' }
  expect(issuesOf(task, { values: sound, extra: {} })).toEqual([])
  expect(issuesOf(task, { values: { ...sound, title: null, estimatedHours: -1 }, extra: {} })).toEqual([
    'title must not be empty',
    'estimatedHours must be at least 0',
  ])
})

describe('values of the state', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])

  test.each([null, 1, 'x', true, [], { a: [1, { b: null }] }, nested(8)])('accepts %j', (value) => {
    expect(checkJson(value)).toBeUndefined()
  })

  test.each<[string, unknown, RegExp]>([
    ['nesting', nested(9), /deeper than 8/],
    ['size', 'x'.repeat(262_144), /bytes; the limit is 262144/],
    ['a prototype key', JSON.parse('{"a":{"__proto__":1}}'), /__proto__/],
    ['what is no JSON', { a: undefined }, /JSON cannot write/],
    ['an object with a class', new Date(0), /JSON cannot write/],
    ['not a number', [Number.NaN], /JSON cannot write/],
    ['half a character', { a: '\ud83d' }, /cut inside/],
  ])('refuses %s', (_, value, reason) => {
    expect(checkJson(value)).toMatch(reason)
  })

  test.each([
    ['currentPhase', true],
    ['_a.b-c9', true],
    ['x'.repeat(64), true],
    ['x'.repeat(65), false],
    ['9a', false],
    ['a b', false],
    ['', false],
    ['__proto__', false],
  ])('key %s', (key, ok) => {
    expect(STATE_KEY.test(key)).toBe(ok)
  })
})
