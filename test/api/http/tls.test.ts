import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { generate } from 'selfsigned'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createTlsFiles } from '../../../src/api/http/tls.ts'
import { silentLogger } from '../../../src/base/log.ts'
import { createTestClock } from '../../helpers/clock.ts'
import { startFront, type TestFront } from '../../helpers/front.ts'

const dir = mkdtempSync(join(tmpdir(), 'orch-tls-'))
const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
afterAll(() => rmSync(dir, { recursive: true, force: true }))

let certificates: readonly { cert: string; private: string }[]
beforeAll(async () => {
  const make = (name: string) =>
    generate([{ name: 'commonName', value: name }], { keyType: 'ec', notAfterDate: new Date(Date.now() + 86_400_000) })
  certificates = await Promise.all([make('first'), make('second')])
})

const started: TestFront[] = []
afterEach(async () => {
  for (const { front } of started.splice(0)) await front.stop()
})

let written = 0
const write = (at: number): void => {
  writeFileSync(cert, certificates[at]?.cert ?? '')
  writeFileSync(key, certificates[at]?.private ?? '')
  // Files that are written within one tick of the clock look the same.
  for (const file of [cert, key]) utimesSync(file, ++written, written)
}

/** The common name that a server shows, and its answer to a request for its health. */
function look(port: number): Promise<{ name: string; answer: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      const name = String(socket.getPeerCertificate().subject.CN)
      let answer = ''
      socket.on('data', (bytes) => {
        answer += bytes
      })
      socket.on('end', () => resolve({ name, answer }))
      socket.write('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n')
    })
    socket.on('error', reject)
  })
}

async function serve(host = '127.0.0.1', insecure?: boolean) {
  const clock = createTestClock()
  const tls = insecure === undefined ? createTlsFiles({ cert, key, clock, log: silentLogger }) : undefined
  const one = await startFront({ listen: { host, port: 0 }, tls, isInsecureAllowed: insecure === true })
  started.push(one)
  return { ...one, clock }
}

test('with a certificate it speaks https, and takes a renewed one without a restart', async () => {
  write(0)
  const { port, url, clock } = await serve()
  expect(url).toMatch(/^https:/)
  const first = await look(port)
  expect([first.name, first.answer.includes('{"ok":true}')]).toEqual(['first', true])
  write(1)
  await clock.advance(30_000)
  expect((await look(port)).name).toBe('second')
})

test('while certificate and key do not fit, the old ones serve', async () => {
  write(0)
  const { port, clock } = await serve()
  writeFileSync(cert, certificates[1]?.cert ?? '')
  utimesSync(cert, ++written, written)
  await clock.advance(30_000)
  expect((await look(port)).name).toBe('first')
  write(1)
  await clock.advance(30_000)
  expect((await look(port)).name).toBe('second')
})

test('[P6] it listens beyond loopback with TLS, or when told in so many words, and never else', async () => {
  write(0)
  expect((await serve('0.0.0.0')).url).toMatch(/^https:/)
  expect((await serve('0.0.0.0', true)).url).toMatch(/^http:/)
  await expect(serve('0.0.0.0', false)).rejects.toMatchObject({ code: 'forbidden' })
  rmSync(key)
  await expect(serve()).rejects.toMatchObject({ code: 'invalid_config' })
})
