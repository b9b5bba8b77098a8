import { describe, expect, test } from 'vitest'
import { activeSessionOf } from '../../src/api/operations/sessions.ts'
import { operationsOf } from '../../src/api/operations.ts'
import { must } from '../../src/base/assert.ts'
import { ownCommands } from '../../src/config/declared.ts'
import type { TestClock } from '../helpers/clock.ts'
import { kindsOfText } from '../helpers/own-kinds.ts'
import { createCaller } from './operations-caller.ts'

describe('sessions', () => {
  test('a session begins with the text of its template, which is a page from then on', async () => {
    const { call } = createCaller()
    const task = await call('task.create', { title: 'Fix login' })
    const session = await call('session.start', { goal: 'Fix the loop', tasks: [task.id] })
    expect(session).toMatchObject({
      actor: 'alice',
      goal: 'Fix the loop',
      endedAt: null,
      tasks: [task.id],
      file: `sessions/${session.id}.md`,
    })
    expect(session.summary).toBe(`## Goal\n\nFix the loop\n\n## Tasks\n\n- ${task.id} Fix login`)
    expect(session.startedAt).toBe(session.createdAt)
    await call('page.write', { path: 'templates/session-start.md', text: 'Plan of {{actor}} for {{goal}}' })
    expect((await call('session.start', { goal: 'x' })).summary).toBe('Plan of alice for x')
  })

  test('what the project declares of sessions and contexts is written when they are made, like that of tasks', async () => {
    const kinds = kindsOfText(`
fields:
  session:
    mood: { type: choice, choices: [calm, hurried], help: how it feels }
  context:
    source: { type: text, help: where it comes from }
    areas: { type: set, flag: area }
    about: { type: ref, to: task }
`)
    const { call, refusal } = createCaller(kinds)
    const task = await call('task.create', { title: 'Fix login' })
    expect(await call('session.start', { goal: 'x', mood: 'calm' })).toMatchObject({ goal: 'x', mood: 'calm' })
    expect(await refusal('session.start', { goal: 'x', mood: 'wild' })).toMatchObject({ code: 'invalid_input' })
    expect(
      await call('context.publish', {
        title: 'y',
        source: 'a talk',
        areas: ['ui'],
        about: String(task.id).slice(0, 6),
      }),
    ).toMatchObject({ title: 'y', source: 'a talk', areas: ['ui'], about: task.id })
    const { cli } = must(
      operationsOf(kinds).find(({ name }) => name === 'context.publish'),
      'there is one',
    )
    expect(cli.flags).toMatchObject({ areas: 'area', expiresAt: 'expires' })
    const said = ownCommands(kinds, '.orchrc').find(({ command }) => command === 'session start')
    expect(said?.flags.map(({ name }) => name)).toContain('mood')
    const clash = kindsOfText('fields: { session: { template: { type: text } } }')
    expect(() => ownCommands(clash, '.orchrc')).toThrow('the commands of session use the word "template"')
  })

  test('a template of one’s own is named, and refused when it is not there', async () => {
    const { call, refusal } = createCaller()
    expect(await refusal('session.start', { template: 'review' })).toMatchObject({ code: 'record_not_found' })
    await call('page.write', { path: 'templates/review.md', text: '# Review\n\n{{goal}}\n\nRead all of it.' })
    expect((await call('session.start', { template: 'review' })).summary).toBe('Read all of it.')
  })

  test('ending writes the hand-over below what is there, adds artifacts and takes a snapshot, once', async () => {
    const { call, refusal, parts } = createCaller()
    const { id } = await call('session.start', { goal: 'Fix' })
    parts.next = { commit: 'abc', at: '', author: '', subject: '', body: '' }
    const { session, snapshot } = await call('session.end', { summary: 'Done.', artifacts: ['src/a.ts'] })
    expect(snapshot).toBe('abc')
    expect(parts.calls).toEqual(['take'])
    expect(session).toMatchObject({ id, artifacts: ['src/a.ts'], endedAt: expect.stringContaining('T') })
    expect(session).toMatchObject({
      summary: '## Goal\n\nFix\n\n## Hand-over\n\nDone.\n\n### Artifacts\n\n- src/a.ts',
    })
    expect(await refusal('session.end', { id })).toMatchObject({ code: 'invalid_input' })
    expect(await refusal('session.end')).toMatchObject({ code: 'usage' })
  })

  test('[P5] the only active session of an actor is the one that their writes belong to', async () => {
    const { call, project } = createCaller()
    const first = await call('session.start', { goal: 'one' })
    expect(activeSessionOf(project, 'alice')?.id).toBe(first.id)
    expect(activeSessionOf(project, 'bob')).toBeUndefined()
    await call('session.start', { goal: 'two' })
    expect(activeSessionOf(project, 'alice')).toBeUndefined()
    await call('session.end', { id: first.id })
    expect((await call('session.list', { active: true })).items).toMatchObject([{ goal: 'two' }])
    expect((await call('session.list', { actor: ['alice'] })).total).toBe(2)
  })
})

describe('contexts', () => {
  test('what was published is found by type, audience, words and task, the newest first', async () => {
    const { call } = createCaller()
    const task = await call('task.create', { title: 'Fix login' })
    const data = { p99: 41, list: ['1', null, true], deep: { a: '010' } }
    const first = await call('context.publish', { title: 'We keep SQLite', type: 'decision', data })
    expect(first).toMatchObject({ data, publishedBy: 'alice', file: `context/${first.id}-we-keep-sqlite.md` })
    await call('context.publish', { title: 'For bob', type: 'handoff', audience: ['bob'], body: `About ${task.id}` })
    const titles = async (query: object): Promise<readonly unknown[]> =>
      ((await call('context.query', { ...query })).items as { title: string }[]).map(({ title }) => title).sort()
    expect(await titles({})).toEqual(['For bob', 'We keep SQLite'])
    expect(await titles({ type: ['decision'] })).toEqual(['We keep SQLite'])
    expect(await titles({ audience: ['carol'] })).toEqual(['We keep SQLite'])
    expect(await titles({ audience: ['bob'] })).toEqual(['For bob', 'We keep SQLite'])
    expect(await titles({ task: task.id })).toEqual(['For bob'])
    expect(await titles({ text: 'sqlite' })).toEqual(['We keep SQLite'])
  })

  test('contexts are found by the task they are about, and by when they were published', async () => {
    const caller = createCaller()
    const { call, refusal } = caller
    const task = await call('task.create', { title: 'Login' })
    const old = await call('context.publish', { title: 'It loops', task: task.id })
    await (caller.clock as TestClock).advance(3_600_000)
    await call('context.publish', { title: 'Unrelated' })
    expect(old).toMatchObject({ task: task.id })
    const titles = async (input: object): Promise<unknown> =>
      ((await call('context.query', { ...input })).items as { title: string }[]).map(({ title }) => title)
    expect(await titles({ task: String(task.id).slice(0, 6) })).toEqual(['It loops'])
    expect(await titles({ since: '30m ago' })).toEqual(['Unrelated'])
    expect(await titles({ until: '30m ago' })).toEqual(['It loops'])
    expect(await titles({ since: '2h ago', until: 'now', all: true })).toEqual(['Unrelated', 'It loops'])
    expect(await titles({ since: '30m ago', task: task.id })).toEqual([])
    expect(await refusal('context.query', { since: 'soon' })).toMatchObject({ code: 'invalid_input' })
    const { items } = await call('task.list', { include: ['contexts'] })
    expect(items).toMatchObject([{ related: { contexts: [{ id: old.id }] } }])
  })

  test('what expired or was superseded holds no more, and is there when asked for', async () => {
    const { call } = createCaller()
    const old = await call('context.publish', { title: 'Old' })
    await call('context.publish', { title: 'Gone', expiresAt: '2020-01-01' })
    await call('context.publish', { title: 'New', supersedes: old.id })
    expect((await call('context.query')).items).toMatchObject([{ title: 'New' }])
    expect((await call('context.query', { all: true })).items).toHaveLength(3)
  })

  test('the current context says state, sessions, contexts and how many tasks there are', async () => {
    const { call } = createCaller()
    await call('state.set', { key: 'currentPhase', value: 'beta' })
    await call('task.create', { title: 'a', status: 'completed' })
    await call('task.create', { title: 'b', status: 'in_progress' })
    await call('task.create', { title: 'c' })
    await call('session.start', { goal: 'work' })
    await call('context.publish', { title: 'Know this', body: 'all of it' })
    expect(await call('context.current')).toMatchObject({
      project: 'demo',
      state: { currentPhase: 'beta' },
      sessions: [{ goal: 'work', actor: 'alice' }],
      contexts: [{ title: 'Know this', body: 'all of it' }],
      tasks: { total: 3, active: 1, completed: 1 },
    })
  })
})

describe('search', () => {
  test('finds all words in title, text or comments of any kind, the title first', async () => {
    const { call } = createCaller()
    const said = await call('task.create', { title: 'A' })
    await call('task.comment', { id: said.id, text: 'The **Login** loop is back,\nsee 100%_x' })
    const inBody = await call('page.write', {
      path: 'guide.md',
      text: `# Guide\n\n${'x '.repeat(100)}a loop of logins`,
    })
    const inTitle = await call('task.create', { title: 'Fix LOGIN loop' })
    const gone = await call('task.create', { title: 'login loop' })
    await call('task.delete', { id: gone.id })
    const { items, total } = await call('search', { text: 'loop login' })
    expect(items).toMatchObject([{ id: inTitle.id, kind: 'task', where: 'title', snippet: '' }, {}, {}])
    const others = (items as readonly { kind: string }[]).slice(1).sort((a, b) => (a.kind < b.kind ? -1 : 1))
    expect(others).toMatchObject([
      { id: inBody.id, kind: 'page', where: 'body', snippet: expect.stringMatching(/^…x.*a loop of logins$/) },
      { id: said.id, where: 'comments', snippet: 'The **Login** loop is back, see 100%_x', file: said.file },
    ])
    expect(total).toBe(3)
    expect((await call('search', { text: '100%_' })).items).toHaveLength(1)
    expect((await call('search', { text: '0%x' })).items).toHaveLength(0)
    expect((await call('search', { text: 'login', kind: ['page'] })).total).toBe(1)
    expect(await call('search', { text: ' ' })).toEqual({ items: [], total: 0 })
  })
})

test('a comment is shown with its author and time, and counted in lists', async () => {
  const { call, refusal } = createCaller()
  const { id } = await call('task.create', { title: 'Fix' })
  const { comment } = await call('task.comment', { id, text: 'One\ntwo' })
  expect(comment).toMatchObject({ by: 'alice', text: 'One\ntwo', at: expect.stringMatching(/^\d{4}-.*Z$/) })
  expect((await call('task.show', { id })).comments).toEqual([comment])
  const [listed] = (await call('task.list')).items as readonly Record<string, unknown>[]
  expect(listed).toMatchObject({ commentsCount: 1 })
  expect(listed).not.toHaveProperty('comments')
  expect(await refusal('task.comment', { id, text: ' ' })).toMatchObject({ code: 'invalid_input' })
})
