import { beforeEach, describe, expect, test } from 'vitest'
import { claude } from '../helpers/project.ts'
import { type Answer, type Caller, createCaller } from './operations-caller.ts'

const TEXT = ['Intro.', '## Notes', 'Ask Ada.', '### Deep', 'Ada knows.', '```\n## Notes\n```', '## Plan', 'One.'].join(
  '\n\n',
)

let caller: Caller
let id: string
let hash: string
beforeEach(async () => {
  caller = createCaller()
  const made = await caller.call('task.create', { title: 'One', body: TEXT })
  ;[id, hash] = [String(made.id), String(made.hash)]
})

const update = async (input: Readonly<Record<string, unknown>>): Promise<unknown> =>
  (await caller.call('task.update', { id, ...input })).body
const code = async (input: Readonly<Record<string, unknown>>): Promise<string> =>
  (await caller.refusal('task.update', { id, ...input })).code

describe('pieces of a text', () => {
  test('a paragraph is added at the beginning, at the end, and below a heading', async () => {
    expect(await update({ prepend: 'First.', append: 'Last.' })).toBe(`First.\n\n${TEXT}\n\nLast.`)
    expect(await update({ under: '## Notes', append: 'And Grace.' })).toContain('```\n\nAnd Grace.\n\n## Plan')
    expect(await update({ under: 'Deep', append: 'Deeper.', prepend: 'Above.' })).toContain(
      '### Deep\n\nAbove.\n\nAda knows.\n\n```\n## Notes\n```\n\nAnd Grace.\n\nDeeper.\n\n## Plan',
    )
    expect(await update({ under: '## Plan', append: 'Two.' })).toMatch(/One\.\n\nLast\.\n\nTwo\.$/)
  })

  test('into an empty text, and below a heading with nothing', async () => {
    const empty = String((await caller.call('task.create', { title: 'Two' })).id)
    expect((await caller.call('task.update', { id: empty, prepend: '## A' })).body).toBe('## A')
    expect((await caller.call('task.update', { id: empty, under: 'A', append: 'x' })).body).toBe('## A\n\nx')
    expect((await caller.call('task.update', { id: empty, under: 'A', prepend: 'y' })).body).toBe('## A\n\ny\n\nx')
  })

  test('a heading that is not there is refused with those that are; a level can tell two apart', async () => {
    const error = await caller.error('task.update', { id, under: '## Risks', append: 'x' })
    expect(error).toMatchObject({ code: 'heading_not_found', data: { headings: '## Notes, ### Deep, ## Plan' } })
    await update({ append: '# Notes\n\nother' })
    expect(await code({ under: 'Notes', append: 'x' })).toBe('text_not_unique')
    expect(await update({ under: '# Notes', append: 'x' })).toMatch(/# Notes\n\nother\n\nx$/)
  })

  test('a piece is replaced as often as it is said to be there', async () => {
    expect(await code({ find: 'Ada', replace: 'Grace' })).toBe('text_not_unique')
    expect(await code({ find: 'Ada', replace: 'Grace', count: 3 })).toBe('text_not_unique')
    expect(await update({ find: 'Ada', replace: 'Grace', count: 2 })).toBe(TEXT.replaceAll('Ada', 'Grace'))
    expect(await code({ count: 2, append: 'x' })).toBe('invalid_input')
    expect(await code({ find: '## Plan\n\nOne.', replace: 'x', under: '## Plan', prepend: 'y' })).toBe('invalid_input')
  })

  test('[P2] a section takes the place of the one that was read, and of nothing else', async () => {
    const input = { under: '### Deep', section: 'Grace knows.' }
    expect(await caller.refusal('task.update', { id, ...input })).toMatchObject({
      code: 'base_required',
      data: { hash, text: TEXT },
    })
    expect(await update({ ...input, base: hash })).toBe(
      TEXT.replace('Ada knows.\n\n```\n## Notes\n```', 'Grace knows.'),
    )
    expect(await caller.refusal('task.update', { id, ...input, base: hash })).toMatchObject({
      code: 'stale_base',
      data: { text: expect.stringContaining('Grace knows.') },
    })
    expect(await code({ section: 'x', base: hash })).toBe('stale_base')
  })
})

describe('a whole text', () => {
  test('[P2] is taken only for the one it was made from; who is late gets what it says now, and its hash', async () => {
    expect(await caller.refusal('task.update', { id, body: 'x' })).toMatchObject({
      code: 'base_required',
      data: { hash },
    })
    const { hash: next, body } = (await caller.call('task.update', { id, body: 'x', base: hash })) as Answer
    expect(body).toBe('x')
    expect(await caller.refusal('task.update', { id, body: 'y', base: hash })).toMatchObject({
      code: 'stale_base',
      data: { hash: next, text: 'x' },
    })
    expect(await code({ body: 'y', append: 'z', base: next })).toBe('invalid_input')
  })

  test('of a page, an agent says what it was made from; of a session and a finding, too', async () => {
    await caller.call('page.write', { path: 'a.md', text: 'one' })
    const agent = caller.as(claude)
    expect((await agent.refusal('page.write', { path: 'a.md', text: 'two' })).code).toBe('base_required')
    expect((await agent.call('page.write', { path: 'a.md', text: 'one' })).body).toBe('one')
    const { hash: now } = await agent.call('page.update', { id: 'a.md', prepend: 'zero' })
    expect((await agent.call('page.write', { path: 'a.md', text: 'two', base: now })).body).toBe('two')
    const session = await caller.call('session.start', { goal: 'Fix' })
    await caller.call('session.update', { id: session.id, base: session.hash, summary: '## Left\n\nnothing' })
    const left = await caller.call('session.update', { id: session.id, under: 'Left', prepend: 'much' })
    expect(left.summary).toBe('## Left\n\nmuch\n\nnothing')
  })
})
