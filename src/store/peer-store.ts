import type { Database } from './database.ts'

export interface StoredPeer {
  readonly name: string
  readonly url: string
  readonly token: string
  /** The one certificate it may show, as `sha256:` and hex. */
  readonly pin?: string | undefined
}

/** The peers this replica dials; kept in the database, never in the repository. */
export interface PeerStore {
  all(): readonly StoredPeer[]
  put(peer: StoredPeer): void
  remove(name: string): void
}

/** A table of its own: that of peers is a part of the database's format. */
const PINS = 'CREATE TABLE IF NOT EXISTS peer_pins (name TEXT PRIMARY KEY, pin TEXT NOT NULL) WITHOUT ROWID'

export function createPeerStore(db: Database): PeerStore {
  db.exec(PINS)
  return {
    all: () =>
      db
        .all<StoredPeer & { readonly pin: string | null }>(
          'SELECT name, url, token, pin FROM peers LEFT JOIN peer_pins USING (name) ORDER BY name',
        )
        .map(({ pin, ...peer }) => ({ ...peer, ...(pin !== null && { pin }) })),
    put: ({ name, url, token, pin }) =>
      db.transaction(() => {
        db.run(
          'INSERT INTO peers (name, url, token) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET url = excluded.url, token = excluded.token',
          name,
          url,
          token,
        )
        db.run('DELETE FROM peer_pins WHERE name = ?', name)
        if (pin !== undefined) db.run('INSERT INTO peer_pins VALUES (?, ?)', name, pin)
      }),
    remove: (name) =>
      db.transaction(() => {
        db.run('DELETE FROM peers WHERE name = ?', name)
        db.run('DELETE FROM peer_pins WHERE name = ?', name)
      }),
  }
}
