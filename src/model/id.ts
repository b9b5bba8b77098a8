/** A record's id: the kind's letter, `-`, 8 random Crockford base32 characters, lower case: `t-7f3k9q2m`. */
export type RecordId = string & { readonly brand: 'RecordId' }

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const ID = /^[a-z]-[0-9a-hjkmnp-tv-z]{8}$/
const RANDOM_LENGTH = 8

/** Random bytes as a dependency, so that tests can repeat a run. */
export type Random = (bytes: number) => Uint8Array

export function makeId(letter: string, random: Random): RecordId {
  return `${letter}-${randomText(random, RANDOM_LENGTH)}` as RecordId
}

/** `length` random Crockford base32 characters, 5 bits each. */
export function randomText(random: Random, length: number): string {
  return Array.from(random(length), (byte) => ALPHABET[byte & 31]).join('')
}

export function isRecordId(text: string): text is RecordId {
  return ID.test(text)
}

/** Crockford's reading of what people type: upper case, `o` for `0`, `i` and `l` for `1`. */
export function normalizeId(text: string): string {
  const [letter, rest] = [text.slice(0, 2).toLowerCase(), text.slice(2).toLowerCase()]
  return /^[a-z]-$/.test(letter) ? letter + rest.replace(/o/g, '0').replace(/[il]/g, '1') : text.toLowerCase()
}
