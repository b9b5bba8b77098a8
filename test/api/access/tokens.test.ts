import { expect, test } from 'vitest'
import type { TokenWish } from '../../../src/api/access/tokens.ts'
import { createTestClock } from '../../helpers/clock.ts'
import { createTestProject } from '../../helpers/project.ts'
import { createTestTokens } from '../../helpers/tokens.ts'

const wish: TokenWish = { name: 'claude', role: 'writer', actor: { name: 'claude', type: 'agent' } }

function open(options: Parameters<typeof createTestTokens>[1] = {}) {
  const clock = createTestClock()
  const world = createTestProject({ clock })
  return { ...world, clock, ...createTestTokens(world, options) }
}

test('a token is known by its text, also after a restart; what is kept is a hash', () => {
  const world = open()
  const { token, stored } = world.tokens.create(wish, 'ada')
  expect(world.tokens.verify(token)?.stored).toMatchObject({ id: stored.id, role: 'writer', createdBy: 'ada' })
  expect(world.reopen().tokens.verify(token)?.stored.id).toBe(stored.id)
  const bytes = JSON.stringify(world.database.all('SELECT * FROM tokens'))
  expect(bytes).toContain(stored.hash)
  expect(bytes).not.toContain(token.split('_')[2])
})

test.each([
  ['nonsense', () => 'nonsense'],
  ['nothing', () => ''],
  ['an unknown id', (token: string) => token.replace(/_(.)/, (_, c: string) => `_${c === 'a' ? 'b' : 'a'}`)],
  ['another secret', (token: string) => token.slice(0, -1) + (token.endsWith('a') ? 'b' : 'a')],
  ['its id alone', (token: string) => token.slice(0, 13)],
])('%s is no token', (_, change) => {
  const { tokens } = open()
  const { token } = tokens.create(wish, 'ada')
  expect(tokens.verify(change(token))).toBeUndefined()
  expect(tokens.verify(token)).toBeDefined()
})

test('revoking and rotating end the old text and what was opened with it, at once and for good', () => {
  const world = open()
  const { token } = world.tokens.create(wish, 'ada')
  const opened = world.tokens.verify(token)
  const second = world.tokens.rotate('claude')
  expect([opened?.ended.aborted, world.tokens.verify(token)]).toEqual([true, undefined])
  const again = world.tokens.verify(second.token)
  world.tokens.revoke(second.stored.id)
  expect([again?.ended.aborted, world.tokens.verify(second.token)]).toEqual([true, undefined])
  expect(world.reopen().tokens.verify(second.token)).toBeUndefined()
})

test('a token ends when it expires, with what was opened with it, however far that is', async () => {
  const { tokens, clock } = open()
  const { token } = tokens.create({ ...wish, expiresAt: clock.now() + 40 * 86_400_000 }, 'ada')
  const opened = tokens.verify(token)
  await clock.advance(39 * 86_400_000)
  expect([opened?.ended.aborted, tokens.verify(token) !== undefined]).toEqual([false, true])
  await clock.advance(86_400_000)
  expect([opened?.ended.aborted, tokens.verify(token)]).toEqual([true, undefined])
  expect(tokens.rotate('claude').stored.expiresAt).toBe(clock.now() + 40 * 86_400_000)
})

test('a token of another project is none; a project that takes on another id keeps its tokens', () => {
  let id = 'first'
  const { tokens } = open({ project: () => id })
  const { token } = tokens.create(wish, 'ada')
  id = 'second'
  expect(tokens.verify(token)).toBeUndefined()
  tokens.rebind()
  expect(tokens.verify(token)).toBeDefined()
})

test('the token of a file from before tokens had names is the default one, and goes on working', () => {
  const text = 'orch_0123456789abcdefghjkmnpqrstvwxyz'
  const world = open({ text })
  expect(world.tokens.show()).toBe(text)
  expect(world.tokens.verify(text)?.stored).toMatchObject({ name: 'default', role: 'replica', actor: null })
  expect(world.reopen().tokens.list()).toHaveLength(1)

  world.tokens.revoke('default')
  expect([world.file.text, world.tokens.verify(text)]).toEqual([undefined, undefined])
  expect(() => world.tokens.show()).toThrow('There is no token')
  const later = world.reopen()
  expect(() => later.tokens.show()).toThrow('There is no token')
  const { token } = later.tokens.rotate('default')
  expect([later.tokens.show(), later.tokens.verify(token)?.stored.role]).toEqual([token, 'replica'])
})

test('the last use is kept, but not written at every use', async () => {
  const world = open()
  const { token, stored } = world.tokens.create(wish, 'ada')
  const kept = () =>
    world.database.get<{ last_used_at: number }>('SELECT last_used_at FROM tokens WHERE id = ?', stored.id)
      ?.last_used_at
  const first = world.clock.now()
  world.tokens.verify(token)
  await world.clock.advance(30_000)
  world.tokens.verify(token)
  expect(kept()).toBe(first)
  await world.clock.advance(31_000)
  world.tokens.verify(token)
  expect(kept()).toBe(first + 61_000)
})

test('a disk that takes no writes keeps nobody out', () => {
  const world = open()
  const { token } = world.tokens.create(wish, 'ada')
  world.database.failAt(1)
  expect(world.tokens.verify(token)).toBeDefined()
})

test('what another node knows of a token counts here, but for the default one, which is each node’s own', async () => {
  const [here, there] = [open(), open()]
  const made = here.tokens.create(wish, 'ada')
  there.tokens.learn({ ...made.stored, project: 'p-other' })
  expect(there.tokens.verify(made.token)).toBeUndefined()
  there.tokens.learn(made.stored)
  const opened = there.tokens.verify(made.token)
  expect(opened?.stored.id).toBe(made.stored.id)

  await here.clock.advance(10)
  const replaced = here.tokens.rotate('claude')
  there.tokens.learn(replaced.stored)
  expect([opened?.ended.aborted, there.tokens.verify(made.token)]).toEqual([true, undefined])
  const again = there.tokens.verify(replaced.token)
  // What is older changes nothing.
  there.tokens.learn(made.stored)
  expect(there.tokens.verify(replaced.token)).toBeDefined()
  there.tokens.learn(here.tokens.revoke('claude'))
  expect([again?.ended.aborted, there.tokens.verify(replaced.token)]).toEqual([true, undefined])
  there.tokens.learn(replaced.stored)
  expect(there.tokens.verify(replaced.token)).toBeUndefined()

  const admin = here.tokens.create({ ...wish, name: 'root', role: 'admin' }, 'ada')
  there.tokens.learn(admin.stored)
  expect(there.tokens.verify(admin.token)).toBeUndefined()

  const own = there.tokens.show()
  there.tokens.rebind()
  for (const token of here.tokens.list()) there.tokens.learn({ ...token, createdAt: token.createdAt + 1000 })
  expect(there.tokens.verify(own)?.stored.name).toBe('default')
})
