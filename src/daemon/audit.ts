import { appendFileSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import type { CallNote } from '../api/door.ts'
import type { AuditEntry, AuditPart } from '../api/operation.ts'
import type { Logger } from '../base/log.ts'

/** Who did what from where, as lines of JSON in a file that is only added to. It holds neither contents nor secrets. */
export interface Audit extends AuditPart {
  /** Notes what changes something, what only an administrator may ask, and what was refused as not allowed. */
  noteCall(note: CallNote): void
  /** Notes an attempt with a wrong token. */
  noteFailure(from: string): void
}

const MAX_BYTES = 8 * 1024 * 1024
const KEPT_FILES = 5

export function createAudit(file: string, now: () => number, log: Logger): Audit {
  let size = existsSync(file) ? statSync(file).size : 0
  let torn = endsTorn(file)

  const rotate = (): void => {
    for (let n = KEPT_FILES - 1; n >= 1; n--) {
      if (existsSync(`${file}.${n}`)) renameSync(`${file}.${n}`, `${file}.${n + 1}`)
    }
    renameSync(file, `${file}.1`)
    size = 0
  }
  const write = (entry: Omit<AuditEntry, 'at'>): void => {
    const line = `${torn ? '\n' : ''}${JSON.stringify({ at: new Date(now()).toISOString(), ...entry })}\n`
    try {
      if (size > 0 && size + line.length > MAX_BYTES) rotate()
      appendFileSync(file, line, { mode: 0o600 })
      size += Buffer.byteLength(line)
      torn = false
    } catch (error) {
      // What was done is done; that it could not be noted is for whoever reads the log.
      log.error('the audit log could not be written', { error })
    }
  }
  const linesOf = (path: string): readonly AuditEntry[] => {
    if (!existsSync(path)) return []
    return readFileSync(path, 'utf8').split('\n').flatMap(entryOf)
  }

  return {
    noteCall({ operation, principal, about, error }) {
      const isRefused = error?.code === 'forbidden'
      if (operation.effect === 'read' && operation.role !== 'admin' && !isRefused) return
      const { actor, role, by, token, from, session } = principal
      write({
        operation: operation.name,
        ...(about !== undefined && { about }),
        outcome: error?.code ?? 'ok',
        actor: actor.name,
        verified: actor.verified,
        role,
        by,
        ...(token !== undefined && { token }),
        // A session is continued with its key; only its id is noted.
        ...(session !== undefined && { session: session.split('.', 1)[0] ?? '' }),
        from,
      })
    },
    noteFailure: (from) => write({ operation: 'authenticate', outcome: 'unauthorized', from }),
    read({ limit, actor, operation }) {
      const found: AuditEntry[] = []
      for (let n = 0; n <= KEPT_FILES && found.length < limit; n++) {
        for (const entry of linesOf(n === 0 ? file : `${file}.${n}`).toReversed()) {
          if (actor !== undefined && entry.actor !== actor) continue
          if (operation !== undefined && entry.operation !== operation) continue
          if (found.push(entry) === limit) break
        }
      }
      return found
    },
  }
}

/** A line that a crash cut off is no entry. */
function entryOf(line: string): readonly AuditEntry[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as AuditEntry]
  } catch {
    return []
  }
}

/** Whether a file ends within a line, as after a crash. */
function endsTorn(file: string): boolean {
  return existsSync(file) && statSync(file).size > 0 && readFileSync(file).at(-1) !== 10
}
