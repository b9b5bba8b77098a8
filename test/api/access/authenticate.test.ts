import { expect, test } from 'vitest'
import { createAuthenticate, type VerifyJwt } from '../../../src/api/access/authenticate.ts'
import { createFailures } from '../../../src/api/access/failures.ts'
import { OrchError } from '../../../src/base/error.ts'
import { createTestClock } from '../../helpers/clock.ts'
import { createTestProject } from '../../helpers/project.ts'
import { createTestTokens } from '../../helpers/tokens.ts'

function open(verifyJwt?: VerifyJwt) {
  const clock = createTestClock()
  const { tokens } = createTestTokens(createTestProject({ clock }))
  const failures: string[] = []
  const counted = createFailures(clock)
  const onFailure = (from: string): number => failures.push(from)
  const authenticate = createAuthenticate({ tokens, verifyJwt, clock, failures: counted, onFailure })
  const outcome = async (token: string | undefined, from = '192.0.2.1', actor?: string) =>
    authenticate({ token, from, actor }).then(
      ({ actor: { name, verified }, role }) => ({ name, verified, role }),
      (error: OrchError) => error.code,
    )
  return { clock, tokens, failures, counted, outcome }
}

test('a token stands for its actor, and nobody else', async () => {
  const { tokens, outcome } = open()
  const { token } = tokens.create({ name: 'c', role: 'reader', actor: { name: 'claude', type: 'agent' } }, 'ada')
  const claude = { name: 'claude', verified: true, role: 'reader' }
  expect(await outcome(token)).toEqual(claude)
  expect(await outcome(token, '::1', 'claude')).toEqual(claude)
  expect(await outcome(token, '::1', 'ada')).toBe('forbidden')
})

test('the bearer of a token that stands for nobody says who it is, and that is not taken as checked', async () => {
  const { tokens, outcome } = open()
  expect(await outcome(tokens.show())).toEqual({ name: 'peer', verified: false, role: 'replica' })
  expect(await outcome(tokens.show(), '::1', 'codex')).toEqual({ name: 'codex', verified: false, role: 'replica' })
  expect(await outcome(tokens.show(), '::1', '\u001b[31m')).toBe('invalid_input')
})

test('what an address guesses at other nodes counts here', async () => {
  const { tokens, outcome, counted, failures } = open()
  for (let i = 0; i < 20; i++) counted.note('192.0.2.1')
  expect(await outcome(tokens.show())).toMatchObject({ role: 'replica' })
  expect(await outcome('guess')).toBe('too_many_attempts')
  expect(await outcome(tokens.show())).toBe('too_many_attempts')
  expect(await outcome(tokens.show(), '192.0.2.2')).toMatchObject({ role: 'replica' })
  expect(failures.length).toBe(1)
})

test('an address that guesses is not listened to for a minute, and no other pays for it', async () => {
  const { tokens, outcome, clock, failures } = open()
  for (let i = 0; i < 20; i++) expect(await outcome(`guess-${i}`)).toBe('unauthorized')
  expect(await outcome('guess')).toBe('too_many_attempts')
  expect(await outcome(tokens.show())).toBe('too_many_attempts')
  expect(failures).toHaveLength(21)
  expect(await outcome(tokens.show(), '192.0.2.2')).toMatchObject({ role: 'replica' })
  await clock.advance(60_000)
  expect(await outcome(tokens.show())).toMatchObject({ role: 'replica' })
})

test('a stale program on this machine locks nobody out', async () => {
  const { tokens, outcome } = open()
  for (let i = 0; i < 30; i++) await outcome('stale', '127.0.0.1')
  expect(await outcome('stale', '127.0.0.1')).toBe('too_many_attempts')
  expect(await outcome(tokens.show(), '127.0.0.1')).toMatchObject({ role: 'replica' })
})

test('no token at all is no guess', async () => {
  const { outcome, failures } = open()
  for (let i = 0; i < 30; i++) expect(await outcome(undefined)).toBe('unauthorized')
  expect(failures).toEqual([])
})

test('a signed token is only asked about when it is none of ours and looks like one', async () => {
  const asked: string[] = []
  const { tokens, outcome } = open(async (token, from) => {
    asked.push(token)
    if (token === 'a.b.bad') throw new OrchError('unauthorized')
    if (token === 'a.b.nobody') throw new OrchError('forbidden', { reason: 'no role' })
    return { actor: { name: 'mia', type: 'person', verified: true }, role: 'writer', by: 'jwt', from }
  })
  expect(await outcome('a.b.c')).toEqual({ name: 'mia', verified: true, role: 'writer' })
  expect(await outcome('a.b.bad')).toBe('unauthorized')
  expect(await outcome('a.b.nobody')).toBe('forbidden')
  await outcome(tokens.show())
  await outcome('orch_x')
  expect(asked).toEqual(['a.b.c', 'a.b.bad', 'a.b.nobody'])
})
