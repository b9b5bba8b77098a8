import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createVerifyJwt, type JwtRules } from '../../../src/api/access/jwt.ts'
import type { OrchError } from '../../../src/base/error.ts'
import { createTestClock } from '../../helpers/clock.ts'

const clock = createTestClock()
const dir = mkdtempSync(join(tmpdir(), 'orch-jwt-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

let keys: Awaited<ReturnType<typeof generateKeyPair>>
let rules: JwtRules
beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true })
  writeFileSync(
    join(dir, 'jwks.json'),
    JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), alg: 'ES256', kid: 'k' }] }),
  )
  writeFileSync(join(dir, 'key.pem'), await exportSPKI(keys.publicKey))
  rules = {
    issuer: 'https://login.example.org',
    audience: 'orch',
    keys: join(dir, 'jwks.json'),
    actorClaim: 'email',
    roleClaim: 'groups',
  }
})

const now = (): number => Math.floor(clock.now() / 1000)
const sign = (
  claims: object = {},
  key: Parameters<SignJWT['sign']>[0] = keys.privateKey,
  alg = 'ES256',
): Promise<string> =>
  new SignJWT({
    iss: 'https://login.example.org',
    aud: 'orch',
    exp: now() + 600,
    email: 'mia@example.org',
    groups: ['staff', 'writer'],
    ...claims,
  })
    .setProtectedHeader({ alg, kid: 'k' })
    .sign(key)
const verify = (token: string, changed: Partial<JwtRules> = {}) =>
  createVerifyJwt({ ...rules, ...changed }, clock)(token, '::1').catch((error: OrchError) => error.code)

test.each(['jwks.json', 'key.pem'])(
  'a token signed by the issuer says who it is and what they may do (%s)',
  async (file) => {
    expect(await verify(await sign(), { keys: join(dir, file) })).toMatchObject({
      actor: { name: 'mia@example.org', type: 'person', verified: true },
      role: 'writer',
      by: 'jwt',
    })
  },
)

test('what was opened with it ends when it does', async () => {
  const principal = await createVerifyJwt(rules, clock)(await sign({ exp: now() + 60 }), '::1')
  expect(principal.ended?.aborted).toBe(false)
  await clock.advance(60_000)
  expect(principal.ended?.aborted).toBe(true)
})

describe('[P6] refused', () => {
  test.each<[string, () => Promise<string>, string]>([
    ['another issuer', () => sign({ iss: 'https://evil.example' }), 'unauthorized'],
    ['another audience', () => sign({ aud: 'mail' }), 'unauthorized'],
    ['expired', () => sign({ exp: now() - 60 }), 'unauthorized'],
    ['without an end', () => sign({ exp: undefined }), 'unauthorized'],
    ['not yet valid', () => sign({ nbf: now() + 600 }), 'unauthorized'],
    ['another key', async () => sign({}, (await generateKeyPair('ES256')).privateKey), 'unauthorized'],
    ['a shared secret', () => sign({}, new Uint8Array(32), 'HS256'), 'unauthorized'],
    ['no actor', () => sign({ email: undefined }), 'unauthorized'],
    ['no role of ours', () => sign({ groups: ['staff'] }), 'forbidden'],
    [
      'no signature',
      async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await sign()).split('.')[1]}.`,
      'unauthorized',
    ],
  ])('%s', async (_, make, code) => {
    expect(await verify(await make())).toBe(code)
  })

  test('while the keys cannot be read, everything; afterwards not', async () => {
    const later = join(dir, 'later.json')
    const check = createVerifyJwt({ ...rules, keys: later }, clock)
    await expect(check(await sign(), '::1')).rejects.toThrow()
    writeFileSync(later, JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), alg: 'ES256', kid: 'k' }] }))
    expect(await check(await sign(), '::1')).toMatchObject({ role: 'writer' })
  })
})
