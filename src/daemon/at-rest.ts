import { keptDatabases } from '../errands/kept-databases.ts'
import { kindOfFile } from '../store/cipher.ts'
import type { Host } from './host.ts'
import type { State } from './state.ts'

type Parts = { readonly host: Pick<Host, 'keyring' | 'paths'>; readonly state: Pick<State, 'ledger'> }

/** By which keys the database, and the rows in git, are encrypted: for people to read. */
export function encryptionText({ host, state }: Parts): string {
  const database = keyOfDatabase(host.paths.database)
  const git = state.ledger.last()?.key ?? ''
  const parts = [database && `database by key ${database}`, git && `rows in git by key ${git}`].filter(Boolean)
  return parts.join(', ') || 'none'
}

/** What is not encrypted by the first key, of what the configuration says is to be. */
export function notEncrypted({ host, state }: Parts): readonly string[] {
  const { keyring, paths } = host
  const [key] = keyring.keys
  if (!key) return []
  const wrong: string[] = []
  if (keyring.database) {
    for (const file of [paths.database, ...keptDatabases(paths.dir)]) {
      const found = keyOfDatabase(file)
      if (found !== key.id) wrong.push(`${file} is ${said(found)}; \`orch encrypt\` encrypts it by key ${key.id}`)
    }
  }
  const last = state.ledger.last()
  const git = last?.key ?? ''
  if (keyring.git && last && git !== key.id) {
    wrong.push(
      `the rows in git are ${said(git)}; after \`orch encrypt\` the next snapshot encrypts them by key ${key.id}`,
    )
  }
  return wrong
}

function keyOfDatabase(file: string): string {
  const kind = kindOfFile(file)
  return typeof kind === 'object' ? kind.keyId : ''
}

const said = (key: string): string => (key === '' ? 'plain' : `encrypted by key ${key}`)
