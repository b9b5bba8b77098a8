import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../src/base/error.ts'
import { itemOf } from '../helpers/attention.ts'
import { createCaller, STATUS } from './operations-caller.ts'

describe('pages', () => {
  test('a page is made where its path says, and read by path or id', async () => {
    const { call } = createCaller()
    const page = await call('page.write', { path: 'guides/start.md', text: '# Start\n', title: 'How to start' })
    expect(page).toMatchObject({ kind: 'page', file: 'pages/guides/start.md', title: 'How to start' })
    for (const path of ['guides/start.md', 'pages/guides/start.md', String(page.id)]) {
      expect(await call('page.read', { path })).toEqual(page)
    }
    expect((await call('page.list')).items).toMatchObject([{ file: 'pages/guides/start.md' }])
  })

  test('a page that is given no title takes it from its text, or its path', async () => {
    const { call } = createCaller()
    expect((await call('page.write', { path: 'a.md', text: 'x\n\n# Head\n' })).title).toBe('Head')
    expect((await call('page.write', { path: 'b/how-to.md', text: 'x' })).title).toBe('how to')
    expect((await call('page.write', { path: 'a.md', text: '# Other\n' })).title).toBe('Head')
  })

  test('a whole text changes only what differs, so that words written meanwhile stay', async () => {
    const { call, project } = createCaller()
    const { id, title } = await call('page.write', { path: './a.md', text: 'one two three\n', title: 'T' })
    const updates: number[] = []
    project.onCommit((commit) => {
      updates.push(...commit.rows.map(({ update }) => update.length))
    })
    const long = `${'word '.repeat(2000)}\n`
    await call('page.write', { path: 'a.md', text: long })
    expect(await call('page.write', { path: 'a.md', text: `${long}end\n` })).toMatchObject({
      id,
      title,
      body: `${long}end`,
    })
    expect(updates[1]).toBeLessThan(200)
  })

  test('a text made from what has changed since is refused', async () => {
    const { call, refusal } = createCaller()
    const { hash } = await call('page.write', { path: 'a.md', text: 'one' })
    await call('page.write', { path: 'a.md', text: 'two', base: hash })
    expect((await refusal('page.write', { path: 'a.md', text: 'three', base: hash })).code).toBe('stale_base')
    expect((await refusal('page.write', { path: 'new.md', text: 'x', base: hash })).code).toBe('record_not_found')
  })

  test.each(['../out.md', '/etc/x.md', 'a/../../x.md', 'con.md', 'a\0.md', ''])('refuses the path %j', async (path) => {
    const { call, refusal } = createCaller()
    expect((await refusal('page.write', { path, text: 'x' })).code).toBe('invalid_input')
    expect((await call('page.list')).total).toBe(0)
  })

  test('a deleted page leaves its path to the next', async () => {
    const { call } = createCaller()
    const first = await call('page.write', { path: 'a.md', text: 'one' })
    await call('page.delete', { id: 'a.md' })
    const second = await call('page.write', { path: 'a.md', text: 'two' })
    expect(second.id).not.toBe(first.id)
    expect((await call('page.restore', { id: first.id })).body).toBe('one')
  })
})

describe('state', () => {
  test('values are JSON where they can be read so, else text', async () => {
    const { call, refusal } = createCaller()
    expect(await call('state.set', { key: 'currentPhase', value: 'beta' })).toMatchObject({
      key: 'currentPhase',
      value: 'beta',
      updatedBy: 'alice',
    })
    await call('state.set', { key: 'overallProgress', value: '45' })
    await call('state.set', { key: 'goals', value: { a: [1, null] } })
    await call('state.set', { key: 'none', value: 'null' })
    expect(await call('state.get')).toEqual({
      value: { currentPhase: 'beta', overallProgress: 45, goals: { a: [1, null] }, none: null },
    })
    expect((await call('state.get', { key: 'overallProgress' })).value).toBe(45)
    expect((await refusal('state.get', { key: 'nope' })).code).toBe('record_not_found')
  })

  test('a patch is merged key by key, all or nothing; null removes', async () => {
    const { call, refusal } = createCaller()
    await call('state.patch', { patch: '{"a": 1, "b": 2}' })
    expect(await call('state.patch', { patch: { b: null, c: 3 } })).toEqual({ value: { a: 1, c: 3 } })
    expect((await refusal('state.patch', { patch: '{"d": 4, "bad key": 5}' })).code).toBe('invalid_input')
    expect((await refusal('state.patch', { patch: '[1]' })).code).toBe('invalid_input')
    expect((await refusal('state.patch', { patch: '{"d": ' })).code).toBe('invalid_input')
    expect(await call('state.get')).toEqual({ value: { a: 1, c: 3 } })
  })

  test.each(['__proto__', '1a', 'a b', '', 'x'.repeat(65)])('refuses the key %j', async (key) => {
    expect((await createCaller().refusal('state.set', { key, value: 1 })).code).toBe('invalid_input')
  })

  test('refuses what is nested too deep', async () => {
    const deep = JSON.parse(`${'['.repeat(10)}${']'.repeat(10)}`) as unknown
    expect((await createCaller().refusal('state.set', { key: 'a', value: deep })).code).toBe('invalid_input')
  })
})

const SNAPSHOT = { commit: 'abcdef0123456789', at: '2026-11-23T08:00:00Z', author: 'alice', subject: 'One', body: '' }

describe('snapshots', () => {
  test('snapshot says what it committed, or that nothing was new', async () => {
    const { call, parts } = createCaller()
    expect(await call('snapshot')).toEqual({ snapshot: null, message: 'Nothing is new since the last snapshot.' })
    parts.next = SNAPSHOT
    expect(await call('snapshot', { message: 'Before' })).toEqual({
      snapshot: SNAPSHOT,
      message: 'Snapshot abcdef0123: One',
    })
    expect(parts.calls).toEqual(['take', 'take Before'])
  })

  test('snapshots of a record ask with its full id', async () => {
    const { call, refusal, parts } = createCaller()
    const { id } = await call('task.create', { title: 'One' })
    parts.next = SNAPSHOT
    expect(await call('snapshots', { id: String(id).slice(0, 5) })).toEqual({ items: [SNAPSHOT] })
    await call('snapshots', { limit: 3 })
    expect(parts.calls).toEqual([`history ${id} 20`, 'history all 3'])
    expect((await refusal('snapshots', { id: 't-00000000' })).code).toBe('record_not_found')
  })

  test('[M7] sync waits for the files, then takes a snapshot, and says which files need somebody, with their lines', async () => {
    const { call, parts } = createCaller()
    parts.trouble = [
      itemOf({ kind: 'broken_file', what: 'Broken YAML.', where: 'tasks/a.md', line: 2, fix: 'Close the quote.' }),
    ]
    expect((await call('sync')).message).toContain('tasks/a.md:2: Broken YAML. Close the quote.')
    expect(parts.calls).toEqual(['sync', 'take'])
  })
})

describe('peers and the daemon', () => {
  test('a peer is added once, listed and removed', async () => {
    const { call, refusal } = createCaller()
    const peer = { name: 'laptop', url: 'ws://127.0.0.1:9/sync/demo', token: 't' }
    expect(await call('peer.add', peer)).toMatchObject({ name: 'laptop', state: 'connecting' })
    expect((await refusal('peer.add', peer)).code).toBe('already_exists')
    expect((await call('peer.list')).items).toHaveLength(1)
    expect(await call('peer.remove', { name: 'laptop' })).toEqual({ name: 'laptop' })
    expect((await refusal('peer.remove', { name: 'laptop' })).code).toBe('peer_not_found')
    expect((await refusal('peer.add', { ...peer, url: 'https://x' })).code).toBe('invalid_input')
    expect((await refusal('peer.add', { ...peer, name: 'a b' })).code).toBe('invalid_input')
  })

  test('tokens are made, listed, rotated and revoked; the text is shown once', async () => {
    const { call, refusal, clock } = createCaller()
    const made = await call('token.create', { name: 'claude', scope: ['task:ui', 'log'], expires: '30d' })
    expect(made).toMatchObject({
      token: expect.stringMatching(/^orch_/),
      role: 'writer',
      state: 'valid',
      actor: 'claude',
    })
    expect(Date.parse(String(made.expiresAt)) - clock.now()).toBe(30 * 86_400_000)
    expect((await refusal('token.create', { name: 'claude' })).code).toBe('already_exists')
    const { items } = await call('token.list')
    expect(items).toMatchObject([
      { name: 'default', role: 'replica' },
      { name: 'claude', scopes: ['task:ui', 'log'] },
    ])
    expect(JSON.stringify(items)).not.toContain(made.token)
    const rotated = await call('token.rotate', { name: 'claude' })
    expect([rotated.id, rotated.token === made.token]).toEqual([made.id, false])
    expect(await call('token.revoke', { name: 'claude' })).toMatchObject({ id: made.id, state: 'revoked' })
    expect((await refusal('token.revoke', { name: 'nobody' })).code).toBe('token_not_found')
    expect(await call('token.create', { name: 'claude', actor: '-' })).not.toHaveProperty('actor')
  })

  test.each([
    ['a kind that does not exist', { scope: ['tusk'] }, 'scope'],
    ['a label of a kind without labels', { scope: ['session:x'] }, 'scope'],
    ['a label that is empty', { scope: ['task:'] }, 'scope'],
    ['a scope of a replica', { scope: ['task'], role: 'replica' }, 'scope'],
    ['an end that is over', { expires: '2020-01-01' }, 'expires'],
    ['an end that is none', { expires: 'soon' }, 'expires'],
    ['a name that no actor can have', { actor: '\u001b[31m' }, 'actor'],
  ])('[P6] a token with %s is refused', async (_, wish, field) => {
    const { refusal } = createCaller()
    expect(await refusal('token.create', { name: 'x', ...wish })).toMatchObject({
      code: 'invalid_input',
      data: { field },
    })
  })

  test('status, doctor and token are the answers of the daemon', async () => {
    const { call } = createCaller()
    expect(await call('status')).toEqual(STATUS)
    expect(await call('doctor')).toMatchObject({ ok: false, findings: [{ check: 'index' }] })
    expect(await call('token.show')).toEqual({ token: expect.stringMatching(/^orch_[0-9a-z]{8}_[0-9a-z]{32}$/) })
  })
})

test('an import reports what it would do, does it, and does not do it again', async () => {
  const { call, refusal } = createCaller()
  const dir = join(import.meta.dirname, '../fixtures/import')
  expect(await call('import.backlog', { dir, dryRun: true })).toMatchObject({ dryRun: true, created: 10 })
  expect(await call('import.backlog', { dir })).toMatchObject({ dryRun: false, created: 10 })
  expect(await call('import.backlog', { dir })).toMatchObject({ created: 0, unchanged: 10 })
  expect(await call('task.show', { id: 'back-2' })).toMatchObject({ aliases: ['BACK-2'], extra: { milestone: 'm-1' } })
  expect((await call('task.update', { id: 'BACK-2', addDependencies: ['back-3'] })).dependencies).toHaveLength(2)
  expect((await refusal('import.backlog', { dir: `${dir}/nowhere` })).code).toBe('import_failed')
})

test('issues of beads are imported from a file, its folder or the repository', async () => {
  const { call, refusal } = createCaller()
  const path = join(import.meta.dirname, '../fixtures/import/beads')
  expect(await call('import.beads', { path, dryRun: true })).toMatchObject({ dryRun: true, created: 7 })
  expect(await call('import.beads', { path: `${path}/.beads/issues.jsonl` })).toMatchObject({ created: 7 })
  expect(await call('import.beads', { path: `${path}/.beads`, deleted: true })).toMatchObject({
    created: 1,
    unchanged: 7,
  })
  expect(await call('task.show', { id: 'shop-2.1' })).toMatchObject({ aliases: ['shop-2.1'], extra: { type: 'task' } })
  expect((await refusal('import.beads', { path: `${path}/nowhere` })).code).toBe('import_failed')
})

test('no text of an error holds a command that destroys', () => {
  for (const { message, hint } of Object.values(errorCodes)) {
    expect(`${message} ${hint}`).not.toMatch(/`[^`]*\b(delete|rm|uninstall|purge|reset|clean|force)\b/)
  }
})

describe('edits of a page', () => {
  test('pieces are replaced and paragraphs added where they are, so that two writers keep both', async () => {
    const { call, refusal } = createCaller()
    const { hash } = await call('page.write', { path: 'a.md', text: 'one\n\ntwo' })
    await call('page.update', { id: 'a.md', find: 'one', replace: 'first' })
    expect(await call('page.update', { id: 'pages/a.md', append: 'three', title: 'Three' })).toMatchObject({
      title: 'Three',
      body: 'first\n\ntwo\n\nthree',
    })
    expect((await refusal('page.update', { id: 'a.md', append: 'x', base: hash })).code).toBe('stale_base')
    expect((await refusal('page.update', { id: 'a.md', find: 'one', replace: 'x' })).code).toBe('text_not_found')
  })
})
