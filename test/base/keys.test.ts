import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { deriveKey, type Key, parseKeys } from '../../src/base/keys.ts'
import { isSealed, seal, unseal } from '../../src/base/sealed.ts'
import { keyOf } from '../helpers/cipher.ts'

const HEX = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
const text = new TextEncoder().encode('the rows of a chunk')
const NAME = 'crdt/r-3q0k4bk2/0000000001-0000000012'

test('[E2] what is derived from one key stays the same for ever, and no two parts of it are equal', () => {
  const key = deriveKey(Buffer.from(HEX, 'hex'))
  expect(key.id).toBe(ID)
  expect(Buffer.from(key.database).toString('hex')).toBe(DATABASE)
  const parts = [key.database, key.loads.cipher, key.loads.nonce, key.chunks.cipher, key.chunks.nonce]
  expect(new Set(parts.map((part) => Buffer.from(part).toString('hex'))).size).toBe(5)
  expect(parts.every((part) => part.length === 32)).toBe(true)
  expect(keyOf(1).id).not.toBe(keyOf(2).id)
})

// By another implementation of RFC 5869: openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:0001… -kdfopt info:"orch 1 database" HKDF
const ID = '59ee9d177636a4c4'
const DATABASE = '7ba62123662749dc4071647ce6583f143099a5d252728f91cd97eee9298b3212'

test('keys are read from lines of hexadecimal or Base64, with comments', () => {
  const base64 = Buffer.from(HEX, 'hex').toString('base64')
  const read = parseKeys(`# of the shop\n${HEX.toUpperCase()}\r\n\n  ${base64}  \n`)
  expect(read.map(({ id }) => id)).toEqual([ID, ID])
})

test.each([
  ['', 'no key'],
  ['# nothing\n', 'no key'],
  [`${HEX}\n${HEX.slice(2)}`, 'line 2'],
  ['correct horse battery staple', 'line 1'],
])('[E5] a key that is none is refused without being quoted: %j', (given, reason) => {
  let message = ''
  try {
    parseKeys(given)
  } catch (error) {
    message = String(error)
  }
  expect(message).toContain(reason)
  for (const word of given.split(/\s+/).filter((one) => one.length > 8)) expect(message).not.toContain(word)
})

test('[E3] what is sealed opens to the same bytes, says under which name, and is the same each time', () => {
  const sealed = seal(keyOf(1), 'chunks', NAME, text)
  expect(isSealed(sealed)).toBe(true)
  expect(isSealed(text)).toBe(false)
  expect(Buffer.from(sealed).includes('the rows')).toBe(false)
  expect(seal(keyOf(1), 'chunks', NAME, text)).toEqual(sealed)
  const opened = unseal([keyOf(2), keyOf(1)], 'chunks', NAME, sealed)
  expect(Buffer.from(opened.bytes).toString()).toBe('the rows of a chunk')
  expect([opened.name, opened.key.id]).toEqual([NAME, keyOf(1).id])
})

test('[E3] another name, text or key makes another nonce and other bytes', () => {
  const nonces = [
    seal(keyOf(1), 'chunks', NAME, text),
    seal(keyOf(1), 'chunks', `${NAME}0`, text),
    seal(keyOf(1), 'chunks', NAME, text.subarray(1)),
    seal(keyOf(2), 'chunks', NAME, text),
    seal(keyOf(1), 'loads', NAME, text),
  ].map((sealed) => nonceOf(sealed))
  expect(new Set(nonces).size).toBe(5)
})

/** The format as docs/formats.md describes it, read by hand. */
function nonceOf(sealed: Uint8Array): string {
  const bytes = Buffer.from(sealed)
  const at = 12 + 1 + 8
  const from = at + 2 + bytes.readUInt16BE(at)
  return bytes.subarray(from, from + 12).toString('hex')
}

test('[E3] regression: the format is AES-256-GCM as documented, made and read by hand', () => {
  const key = keyOf(1)
  const name = Buffer.from(NAME)
  const size = Buffer.from([name.length >> 8, name.length & 0xff])
  const nonce = createHmac('sha256', key.chunks.nonce).update(size).update(name).update(text).digest().subarray(0, 12)
  const head = Buffer.concat([
    Buffer.from('\x0borch-sealed\x01', 'latin1'),
    Buffer.from(key.id, 'hex'),
    size,
    name,
    nonce,
  ])
  const cipher = createCipheriv('aes-256-gcm', key.chunks.cipher, nonce).setAAD(head)
  const byHand = Buffer.concat([head, cipher.update(text), cipher.final(), cipher.getAuthTag()])
  expect(Buffer.from(seal(key, 'chunks', NAME, text))).toEqual(byHand)
  const decipher = createDecipheriv('aes-256-gcm', key.chunks.cipher, nonce)
    .setAAD(head)
    .setAuthTag(byHand.subarray(-16))
  expect(decipher.update(byHand.subarray(head.length, -16)).toString()).toBe('the rows of a chunk')
})

test('[E4] no byte of what is sealed can be changed, cut or added unseen', () => {
  const sealed = seal(keyOf(1), 'chunks', NAME, text)
  const isRefused = (bytes: Uint8Array): boolean => {
    try {
      return unseal([keyOf(1)], 'chunks', NAME, bytes) === undefined
    } catch {
      return true
    }
  }
  expect(isRefused(sealed)).toBe(false)
  for (let at = 12; at < sealed.length; at++) {
    const changed = Uint8Array.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(isRefused(changed), `byte ${at}`).toBe(true)
    expect(isRefused(sealed.subarray(0, at)), `cut at ${at}`).toBe(true)
  }
  expect(isRefused(Buffer.concat([sealed, Buffer.from([0])]))).toBe(true)
  expect(isRefused(seal(keyOf(1), 'loads', NAME, text))).toBe(true)
})

test.each([
  [[], 'key_missing'],
  [[keyOf(2)], 'key_wrong'],
] as [Key[], string][])('[E4] without its key it is not damaged, but %j', (keys, code) => {
  const sealed = seal(keyOf(1), 'chunks', NAME, text)
  expect(() => unseal(keys, 'chunks', NAME, sealed)).toThrow(expect.objectContaining({ code }))
  expect(() => unseal(keys, 'chunks', NAME, sealed)).toThrow(keyOf(1).id)
})
