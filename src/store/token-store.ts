import type { Role } from '../model/principal.ts'
import type { Database } from './database.ts'

/** A token as it is kept: its hash, never itself. */
export interface StoredToken {
  readonly id: string
  readonly name: string
  /** SHA-256 of the whole token, in hex. */
  readonly hash: string
  readonly role: Role
  /** What may be written, each `kind` or `kind:label`; null for all that the role allows. */
  readonly scopes: readonly string[] | null
  /** Whom it stands for; null where its bearer says who it is. */
  readonly actor: { readonly name: string; readonly type: 'person' | 'agent' } | null
  /** The id of the project it is for. */
  readonly project: string
  readonly createdAt: number
  readonly createdBy: string
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
  readonly revokedAt: number | null
}

/** The tokens of this replica; kept beside the journal, never in the project. */
export interface TokenStore {
  all(): readonly StoredToken[]
  put(token: StoredToken): void
  used(id: string, at: number): void
}

const TABLE = `
CREATE TABLE IF NOT EXISTS tokens (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, role TEXT NOT NULL, scopes TEXT, actor TEXT,
  project TEXT NOT NULL, created_at INTEGER NOT NULL, created_by TEXT NOT NULL, expires_at INTEGER,
  last_used_at INTEGER, revoked_at INTEGER) WITHOUT ROWID`

export function openTokenStore(db: Database): TokenStore {
  db.exec(TABLE)
  return {
    all: () => db.all<SqlToken>('SELECT * FROM tokens ORDER BY created_at, id').map(fromSql),
    put: (token) =>
      db.run(
        `INSERT OR REPLACE INTO tokens (id, name, hash, role, scopes, actor, project, created_at, created_by, expires_at, last_used_at, revoked_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        token.id,
        token.name,
        token.hash,
        token.role,
        token.scopes && JSON.stringify(token.scopes),
        token.actor && JSON.stringify(token.actor),
        token.project,
        token.createdAt,
        token.createdBy,
        token.expiresAt,
        token.lastUsedAt,
        token.revokedAt,
      ),
    used: (id, at) => db.run('UPDATE tokens SET last_used_at = ? WHERE id = ?', at, id),
  }
}

interface SqlToken {
  readonly id: string
  readonly name: string
  readonly hash: string
  readonly role: string
  readonly scopes: string | null
  readonly actor: string | null
  readonly project: string
  readonly created_at: number
  readonly created_by: string
  readonly expires_at: number | null
  readonly last_used_at: number | null
  readonly revoked_at: number | null
}

function fromSql(row: SqlToken): StoredToken {
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    role: row.role as Role,
    scopes: row.scopes === null ? null : (JSON.parse(row.scopes) as StoredToken['scopes']),
    actor: row.actor === null ? null : (JSON.parse(row.actor) as StoredToken['actor']),
    project: row.project,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  }
}
