import { createHash, timingSafeEqual } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import type { Credentials } from './api/http/credentials.ts'
import { OrchError, reasonOf } from './base/error.ts'
import { type Random, randomText } from './model/id.ts'
import type { Principal } from './model/principal.ts'

/** The token of this repository: who shows it may join the room. Kept in a file that only its owner reads. */
export interface Tokens {
  show(): string
  /** Who a token stands for. Takes the same time for every wrong one. */
  authenticate(credentials: Credentials): Promise<Principal>
}

export function createTokens(file: string, random: Random): Tokens {
  const token = readToken(file) ?? makeToken(file, random)
  const expected = digest(token)
  return {
    show: () => token,
    async authenticate({ token: given, session, from }) {
      if (given === undefined || !timingSafeEqual(digest(given), expected)) throw new OrchError('unauthorized')
      return { actor: { name: 'peer', type: 'person', verified: false }, role: 'replica', session, by: 'token', from }
    },
  }
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
}

function makeToken(file: string, random: Random): string {
  const token = `orch_${randomText(random, 32)}`
  writeFileSync(file, `${token}\n`, { mode: 0o600 })
  chmodSync(file, 0o600)
  return token
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
