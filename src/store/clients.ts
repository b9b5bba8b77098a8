import type { Random } from '../model/id.ts'
import type { Database } from './database.ts'

/**
 * The clientID each actor writes under in this replica. Kept for ever: a new one per start would slow every transaction
 * a little, for ever. Call inside the transaction that writes under it, so that both are durable or neither.
 */
export interface Clients {
  of(actor: string): number
  /** Whether this replica writes under a clientID. */
  has(client: number): boolean
}

export function createClients(db: Database, replica: () => string, random: Random): Clients {
  return {
    of(actor) {
      const known = db.get<{ client: number }>(
        'SELECT client FROM clients WHERE replica = ? AND actor = ?',
        replica(),
        actor,
      )
      if (known) return known.client
      const client = freshClientId(random)
      db.run('INSERT INTO clients (replica, actor, client) VALUES (?, ?, ?)', replica(), actor, client)
      return client
    },
    has: (client) => db.get('SELECT 1 FROM clients WHERE replica = ? AND client = ?', replica(), client) !== undefined,
  }
}

/** 32 random bits as Yjs uses them, never 0. */
function freshClientId(random: Random): number {
  const bytes = random(4)
  const client = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
  return client === 0 ? 1 : client
}
