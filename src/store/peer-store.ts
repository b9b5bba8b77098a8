import type { Database } from './database.ts'

export interface StoredPeer {
  readonly name: string
  readonly url: string
  readonly token: string
}

/** The peers this replica dials; kept in the database, never in the repository. */
export interface PeerStore {
  all(): readonly StoredPeer[]
  put(peer: StoredPeer): void
  remove(name: string): void
}

export function createPeerStore(db: Database): PeerStore {
  return {
    all: () => db.all<StoredPeer>('SELECT name, url, token FROM peers ORDER BY name'),
    put: ({ name, url, token }) =>
      db.run(
        'INSERT INTO peers (name, url, token) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET url = excluded.url, token = excluded.token',
        name,
        url,
        token,
      ),
    remove: (name) => db.run('DELETE FROM peers WHERE name = ?', name),
  }
}
