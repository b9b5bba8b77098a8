import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '../base/hash.ts'
import type { Generations, LeaseFacts } from '../store/lease.ts'

/** What a daemon knows of the machine it runs on: facts outside the repository, so that a copy of the repository lacks them. */

/** Where orch keeps what belongs to a person on this machine and to no repository. */
export function stateHome(env: Readonly<Record<string, string | undefined>>): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'orch')
}

/** This machine's id, else its name. */
export function machineId(): string {
  for (const file of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      const id = readFileSync(file, 'utf8').trim()
      if (id) return id
    } catch {
      // Not every system has one; the name is the next best.
    }
  }
  return hostname()
}

/** This run of the kernel, which containers on it share; undefined where the system does not name it. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

/** What a database file is bound to. The file must exist. */
export function leaseFacts(database: string): LeaseFacts {
  const { dev, ino } = statSync(database, { bigint: true })
  return { machine: machineId(), path: database, inode: `${dev}:${ino}`, isGone: (path) => !existsSync(path) }
}

/** Generations as one small file per replica. A file that cannot be kept only makes a restored backup harder to notice. */
export function createGenerations(home: string, onError: (error: unknown) => void): Generations {
  const fileOf = (replica: string): string => join(home, 'replicas', replica)
  return {
    get(replica) {
      try {
        const value = Number(readFileSync(fileOf(replica), 'utf8'))
        return Number.isInteger(value) ? value : undefined
      } catch {
        return undefined
      }
    },
    set(replica, generation) {
      try {
        mkdirSync(join(home, 'replicas'), { recursive: true, mode: 0o700 })
        writeFileSync(fileOf(replica), String(generation))
      } catch (error) {
        onError(error)
      }
    },
  }
}

/** Whether a person has read exactly this text and said so. */
export function isTrusted(home: string, text: string): boolean {
  try {
    return statSync(join(home, 'trusted', sha256(text))).isFile()
  } catch {
    return false
  }
}

/** Remembers that a person trusts exactly this text. */
export function trust(home: string, text: string): void {
  mkdirSync(join(home, 'trusted'), { recursive: true, mode: 0o700 })
  writeFileSync(join(home, 'trusted', sha256(text)), '')
}
