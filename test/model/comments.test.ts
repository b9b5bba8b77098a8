import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addedComments, COMMENTS_MARKER, losesComments, renderComments } from '../../src/model/comments.ts'
import type { Entry } from '../../src/model/entry.ts'
import { task } from '../../src/model/kinds/task.ts'
import { parseRecord, renderRecord } from '../../src/model/markdown.ts'
import { viewOf } from './view.ts'

const first: Entry = { id: 'aaaaaaaaaa', at: 1, by: 'claude', text: 'Tried it.\n\n```sh\nnpm test\n```' }
const second: Entry = { id: 'bbbbbbbbbb', at: 2, by: 'alice', text: 'Good.' }
const section = renderComments([first, second], '')

describe('comments in a file', () => {
  test('[M9] whatever comments and bodies hold, they are read as they were rendered', () => {
    const line = fc.oneof(
      fc.constantFrom('', ' ', '> a', '```', '---', COMMENTS_MARKER, '**x**, y <!-- orch:comment aaaaaaaaaa -->', 'x'),
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\p{Cc}\p{Cs}]/gu, ' ')),
    )
    const text = fc.array(line, { maxLength: 6 }).map((lines) => ['B', ...lines].join('\n'))
    const entry = fc.record({
      at: fc.integer({ min: 0, max: 4e12 }),
      by: fc.constantFrom('claude', 'Ada ** <!-- x -->', '山田'),
      text,
    })
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), text, (given, body) => {
        const comments = given.map((one, i) => ({ ...one, id: `id${i}` }))
        const rendered = renderRecord(
          task,
          viewOf(task, { values: { title: 'T', body, comments }, skeleton: 'id: @\n' }),
        )
        const parsed = parseRecord(task, rendered)
        if (!parsed.ok) return // Merge markers by chance.
        expect(parsed.values.comments).toEqual(comments)
        expect(parsed.values.body).toBe(body.replace(/\n+$/, ''))
        expect(renderRecord(task, viewOf(task, parsed))).toBe(rendered)
        expect(addedComments(parsed.section, parsed.section)).toEqual([])
      }),
    )
  })

  test('what is written below, between or inside older comments is a comment of its own', () => {
    const below = `${section}\nI agree.\n\n- one\n- two\n`
    expect(addedComments(section, below)).toEqual(['I agree.\n\n- one\n- two'])
    expect(losesComments(section, below)).toBe(false)
    expect(addedComments(section, section.replace('> npm test', 'why?\n> npm test'))).toEqual(['why?'])
    expect(addedComments(section, section.replace('> Good.', '> Good.\n> And fast.'))).toEqual(['And fast.'])
    expect(addedComments(section, section.replace('> Good.\n', '> Good.\n\n> Good.\n\nReally?\n'))).toEqual([
      '> Good.\n\nReally?',
    ])
    expect(addedComments('', `${COMMENTS_MARKER}\nThe first.`)).toEqual(['The first.'])
  })

  test('what was changed, moved or taken out of older comments is no comment, and is noticed', () => {
    const changed = section.replace('> Good.', '> Bad.')
    const removed = renderComments([first], '')
    const moved = renderComments([second, first], '')
    expect(addedComments(section, changed)).toEqual([])
    expect(addedComments(section, removed)).toEqual([])
    expect(addedComments(section, moved)).toEqual([])
    expect([changed, removed, moved].map((text) => losesComments(section, text))).toEqual([true, true, false])
  })

  test('a comment that was copied from elsewhere says whose it was, and is the copier’s', () => {
    expect(addedComments('', renderComments([second], ''))).toEqual(['**alice**, 1970-01-01T00:00:00.002Z\n\n> Good.'])
  })

  test('without the marker, the comments still begin at the first of them', () => {
    const text = `---\nid: t-7f3k9q2m\n---\n\nBody\n\n${section.replace(`${COMMENTS_MARKER}\n`, '')}`
    const parsed = parseRecord(task, text)
    if (!parsed.ok) throw new Error(parsed.reason)
    expect(parsed.values).toMatchObject({ body: 'Body', comments: [first, second] })
  })
})
