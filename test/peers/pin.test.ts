import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeCertificate, loadOrMakeCertificate } from '../../src/api/http/certificate.ts'
import { createTlsFiles, ownCertificate } from '../../src/api/http/tls.ts'
import { must } from '../../src/base/assert.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createAccept } from '../../src/peers/accept.ts'
import { checkPeer, createLink, type Link } from '../../src/peers/link.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { pinOf } from '../../src/peers/pin.ts'
import { createRoom } from '../../src/peers/room.ts'
import { visitPeer } from '../../src/peers/visit.ts'
import { dialSockets } from '../../src/peers/wire.ts'
import { createTestClock } from '../helpers/clock.ts'
import { startFront, type TestFront } from '../helpers/front.ts'
import { createTestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

let dir: string
const cleanUp: (() => unknown)[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'orch-pin-'))
})
afterEach(async () => {
  for (const run of cleanUp.splice(0).reverse()) await run()
  rmSync(dir, { recursive: true, force: true })
})

const make = (isRenewed = false, names: readonly string[] = []) =>
  loadOrMakeCertificate({ dir, names, isRenewed, now: Date.now() })

function peeringOf(seed: number) {
  const { project } = createTestProject({ clock: systemClock, seed, name: 'shop' })
  return createPeering({
    project,
    instance: `n-${seed}`,
    pristine: () => project.rowCount() === 0,
    adopt: (other) => project.adopt(other),
    onTwin: () => undefined,
    log: silentLogger,
  })
}

/** A replica on a real port that shows the certificate in the directory. `clock` makes it look for a new one. */
async function serve(): Promise<TestFront & { readonly clock: ReturnType<typeof createTestClock>; url: string }> {
  const clock = createTestClock()
  const room = createRoom({ peering: peeringOf(1), clock: systemClock, log: silentLogger })
  const logRooms = { join: () => undefined, stop: () => undefined }
  const accept = createAccept({ room, logRooms, clock: systemClock, log: silentLogger })
  const tls = createTlsFiles({ ...must(ownCertificate(dir), 'no certificate'), clock, log: silentLogger })
  const front = await startFront({ upgrades: [accept], tls })
  cleanUp.push(() => front.front.stop())
  return { ...front, clock, url: `${front.url.replace('https', 'wss')}/sync/shop` }
}

function link(url: string, pin?: string): Link {
  const made = createLink(
    { name: 'office', url, token: 'good-token', ...(pin !== undefined && { pin }) },
    {
      peering: peeringOf(2),
      dial: dialSockets(systemClock),
      clock: systemClock,
      random: createRandom(1),
      log: silentLogger,
    },
  )
  cleanUp.push(() => made.stop())
  made.start()
  return made
}

test('a certificate is made once, for this machine and the names given, and its key is readable by its owner only', async () => {
  const made = await make(false, ['orch.example.org', '10.0.0.5', 'fe80::1'])
  expect(made).toMatchObject({ isNew: true, pin: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) })
  expect(made.names).toEqual(expect.arrayContaining(['orch.example.org', '10.0.0.5', 'localhost', '127.0.0.1']))
  expect(statSync(join(dir, 'key.pem')).mode & 0o777).toBe(0o600)
  expect(await make(false, ['10.0.0.5', 'fe80:0::1'])).toMatchObject({ pin: made.pin, isNew: false })
  await expect(make(false, ['other.example.org'])).rejects.toMatchObject({ code: 'already_exists' })
  await expect(make(true, ['no name'])).rejects.toMatchObject({ code: 'invalid_input' })
  const renewed = await make(true)
  expect(renewed.pin).not.toBe(made.pin)
  expect(renewed.names.toSorted()).toEqual(made.names.toSorted())
})

test('a pin is read as people write it', () => {
  const hex = 'ab'.repeat(32)
  for (const text of [hex, `sha256:${hex}`, `SHA256:${'AB:'.repeat(31)}AB`, ` sha256:${hex}\n`]) {
    expect(pinOf(text)).toBe(`sha256:${hex}`)
  }
  for (const text of ['', 'sha256:', hex.slice(1), `${hex}0`, `sha1:${hex}`]) expect(pinOf(text)).toBeUndefined()
})

test('a replica links with who shows the pinned certificate', async () => {
  const { pin } = await make()
  const { url } = await serve()
  const linked = link(url, pin)
  await expect.poll(() => linked.status().state).toBe('linked')
})

test('[P6] without a pin, a certificate that nobody signed is refused, and the reason says what helps', async () => {
  await make()
  const { url } = await serve()
  const refused = link(url)
  await expect.poll(() => refused.status().error ?? '').toMatch(/self-signed certificate; pin what its `orch cert`/)
})

test('[P6] a changed certificate is refused and both are named; joining refuses it, too', async () => {
  const first = await make()
  const { url, clock } = await serve()
  const second = await make(true)
  for (const file of ['cert.pem', 'key.pem']) utimesSync(join(dir, file), 1, 1)
  await clock.advance(30_000)
  const refused = link(url, first.pin)
  await expect.poll(() => refused.status().state).toBe('refused')
  expect(refused.status().error).toContain(second.pin)
  expect(refused.status().error).toContain(first.pin)
  const visiting = { peering: peeringOf(3), dial: dialSockets(systemClock), clock: systemClock, log: silentLogger }
  const source = { url, token: 'good-token' }
  await expect(visitPeer(visiting, { ...source, pin: first.pin }, async () => 1)).rejects.toThrow('another certificate')
  expect(await visitPeer(visiting, { ...source, pin: second.pin.toUpperCase() }, async () => 1)).toBe(1)
})

test('whoever shows another certificate is told nothing: no request, no token', async () => {
  await make()
  const { cert, key } = must(ownCertificate(dir), 'no certificate')
  const heard: Buffer[] = []
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
    socket.on('data', (bytes) => heard.push(bytes)).on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUp.push(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  const other = `sha256:${'0'.repeat(64)}`
  expect(describeCertificate(cert).pin).not.toBe(other)
  const refused = link(`wss://127.0.0.1:${port}/sync/shop`, other)
  await expect.poll(() => refused.status().state).toBe('refused')
  expect(Buffer.concat(heard).length).toBe(0)
})

test('a pin needs a wss address, and must be one', () => {
  const pin = `sha256:${'0'.repeat(64)}`
  const check = (url: string, one: string) => () => checkPeer({ url, token: 't', pin: one })
  expect(check('ws://10.0.0.5:4777/sync/shop', pin)).toThrow('only a wss:// address')
  expect(check('wss://10.0.0.5:4777/sync/shop', 'sha256:12')).toThrow('a pin is')
  expect(check('wss://10.0.0.5:4777/sync/shop', pin)).not.toThrow()
})
