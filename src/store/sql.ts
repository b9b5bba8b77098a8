import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { OrchError } from '../base/error.ts'
import type { Keyring } from '../base/keys.ts'
import type { Kinds } from '../model/kind-set.ts'
import { keyOfFile } from './cipher.ts'
import { setTable } from './index-tables.ts'

export interface SqlQuery {
  readonly sql: string
  /** Rows at most. */
  readonly limit: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface SqlAnswer {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  /** There are more rows than the limit, or than fit into an answer. */
  readonly more: boolean
}

export interface SqlRunnerInput {
  readonly databaseFile: string
  /** Of an encrypted database, in hexadecimal: on standard input, where no list of processes shows it. */
  readonly key: { readonly id: string; readonly database: string } | undefined
  readonly sql: string
  readonly limit: number
  readonly maxBytes: number
  readonly tables: readonly string[]
  /** Name -> SELECT: made for the query, to be read by. */
  readonly views: Readonly<Record<string, string>>
}

const MAX_BYTES = 2_000_000
/** Each is a process of its own. */
const MAX_RUNNING = 4
const MAX_WAITING = 16

/** Runs SELECTs of people on the index: read only, in a process of its own, with an end. Throws `sql_failed`, and `busy` when too many wait. */
export function createSqlRunner(parts: {
  readonly databaseFile: string
  readonly keyring: Keyring
  readonly kinds: Kinds
  /** The compiled `sql-runner`. */
  readonly runner: URL
}): (query: SqlQuery) => Promise<SqlAnswer> {
  const { databaseFile, keyring, kinds, runner } = parts
  let running = 0
  const waiting: (() => void)[] = []
  const run = ({ sql, limit, timeoutMs, signal }: SqlQuery): Promise<SqlAnswer> =>
    new Promise((resolve, reject) => {
      const key = keyOfFile(databaseFile, keyring)
      const input: SqlRunnerInput = {
        databaseFile,
        key: key && { id: key.id, database: Buffer.from(key.database).toString('hex') },
        sql,
        limit,
        maxBytes: MAX_BYTES,
        tables: readableTables(kinds),
        views: readableViews(kinds),
      }
      const child = spawn(process.execPath, [fileURLToPath(runner)], {
        stdio: ['pipe', 'pipe', 'ignore'],
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        env: {},
        ...(signal && { signal }),
      })
      const chunks: Buffer[] = []
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      child.stdin.on('error', () => undefined)
      child.stdin.end(JSON.stringify(input))
      child.once('error', (error) => reject(failed(error.message)))
      child.once('close', (_code, killed) => {
        if (killed !== null)
          return reject(failed(`it was not done after ${timeoutMs / 1000} seconds, or took too much memory`))
        const answer = readAnswer(Buffer.concat(chunks).toString())
        if ('error' in answer) reject(failed(answer.error))
        else resolve(answer)
      })
    })
  return async (query) => {
    if (running >= MAX_RUNNING) {
      if (waiting.length >= MAX_WAITING) throw new OrchError('busy', { what: 'queries' })
      // Whoever ends gives his place on.
      await new Promise<void>((go) => waiting.push(go))
    } else running++
    try {
      if (query.signal?.aborted) throw failed('nobody waits for it any more')
      return await run(query)
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

/** Tables of records, their lists, and the work log: nothing that is secret, and nothing that means something only to orch. */
function readableTables(kinds: Kinds): readonly string[] {
  return [
    ...kinds.records.flatMap((kind) => [kind.plural, ...listFields(kind).map((field) => setTable(kind, field))]),
    ...kinds.keyed.map(({ table }) => table),
    kinds.log.table,
  ]
}

/** Views with the names that a person would guess. */
function readableViews(kinds: Kinds): Readonly<Record<string, string>> {
  const task = kinds.record('task')
  if (!task?.fields.dependencies) return {}
  return { dependencies: `SELECT id AS task, value AS dependsOn FROM ${setTable(task, 'dependencies')}` }
}

function listFields({ fields }: Kinds['records'][number]): readonly string[] {
  return Object.entries(fields).flatMap(([name, { merge }]) => (merge === 'set' || merge === 'entries' ? [name] : []))
}

function readAnswer(text: string): SqlAnswer | { readonly error: string } {
  try {
    return JSON.parse(text) as SqlAnswer | { readonly error: string }
  } catch {
    return { error: 'it took too much memory' }
  }
}

function failed(reason: string): OrchError {
  return new OrchError('sql_failed', { reason })
}
