/**
 * The process that runs a person's SQL: it can read the tables that `orch sql` names, and nothing else. A process and not
 * a thread, because SQLite can be ended in the middle of a statement in no other way. Reads one JSON from standard input,
 * writes one to standard output.
 */
import { readFileSync } from 'node:fs'
import { openDatabaseForSelects } from './select-database.ts'
import type { SqlAnswer, SqlRunnerInput } from './sql.ts'

const input = JSON.parse(readFileSync(0, 'utf8')) as SqlRunnerInput

process.stdout.write(JSON.stringify(answer()))

function answer(): SqlAnswer | { readonly error: string } {
  try {
    const { query, close } = openDatabaseForSelects({
      ...input,
      key: input.key && { ...input.key, database: Buffer.from(input.key.database, 'hex') },
    })
    const rows: unknown[][] = []
    let size = 0
    let more = false
    const { columns, values } = query(input.sql)
    for (const row of values) {
      const shown = row.map(shownValue)
      size += JSON.stringify(shown).length
      if (rows.length >= input.limit || size > input.maxBytes) {
        more = true
        break
      }
      rows.push(shown)
    }
    close()
    return { columns, rows, more }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** JSON knows no bytes and no numbers beyond 2^53. */
function shownValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  return typeof value === 'bigint' ? value.toString() : value
}
