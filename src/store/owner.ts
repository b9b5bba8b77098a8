import { linkSync, readFileSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { type Clock, sleep } from '../base/clock.ts'
import { OrchError, reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { writeNewFile } from '../base/new-file.ts'

/** Who a daemon is to others that reach the same disk. */
export interface OwnerFacts {
  /** Of this machine, for instance from /etc/machine-id. Copied machines may have the same. */
  readonly machine: string
  /** Of this run of the operating system's kernel, which containers share; undefined where it has no name. */
  readonly boot: string | undefined
  /** For people. */
  readonly host: string
  readonly pid: number
  /** Random text made at each start. */
  readonly instance: string
}

export interface OwnerParts {
  readonly file: string
  readonly facts: OwnerFacts
  readonly clock: Clock
  readonly log: Logger
  /** Stays awake while it waits: a timer of `clock` alone does not keep a process. */
  readonly wait?: (ms: number) => Promise<void>
}

/** The right to the database among daemons whose locks do not reach each other. */
export interface Owner {
  /** Says that this daemon lives, now and then; `onLost` hears once that another one has taken its place. */
  keep(onLost: () => void): void
  /**
   * Throws `owned_elsewhere` when another daemon has taken this one's place. It looks only where this one was silent for
   * so long that it may have been taken for dead: to be called before each commit.
   */
  assertOwned(): void
  /** Gives it up. */
  release(): void
}

export const OWNER_BEAT_MS = 5_000
/** Without a sign of life for so long, an owner on another machine is dead. More than two beats. */
export const OWNER_SILENCE_MS = 12_000
const LOOK_MS = 500

/**
 * Becomes the owner, or throws `owned_elsewhere`. Two daemons under one kernel are kept apart by its lock, which the
 * caller holds. Of two machines, or a machine and a virtual one, that share a disk whose locks do not reach over, this
 * file decides: it is made where there is none, by the one step that every file system does for one alone; and it is taken
 * over when its beat has stood still. It is a file and no row: to ask the database, one would have to open it, and opening a
 * database that another machine writes is what must not happen.
 */
export async function takeOwnership(parts: OwnerParts): Promise<Owner> {
  const { file, facts, clock, log } = parts
  const wait = parts.wait ?? ((ms: number) => sleep(clock, ms))
  let beat = 0
  let isOver = false
  let cancel = (): void => undefined

  const text = (): string =>
    // Of one length, so that it is written in place and never cut.
    `${JSON.stringify({ ...facts, beat: String(beat).padStart(12, '0') })}\n`
  const isOurs = (found: string): boolean => found.includes(`"instance":"${facts.instance}"`)
  const create = (): void => {
    try {
      writeNewFile(file, text(), 0o600)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw ownedElsewhere(readNow(file) ?? '')
      throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
    }
  }

  const found = readNow(file)
  if (found !== undefined) {
    if (!isOfSameKernel(found, facts)) await awaitSilence(found)
    putAside(file, found, facts.instance)
  }
  create()
  let lastBeat = { monotonic: clock.monotonic(), wall: clock.now() }

  /** Throws when a beat is seen. */
  async function awaitSilence(seen: string): Promise<void> {
    log.info('another machine had this project open: waiting for a sign of life of its daemon', { owner: seen.trim() })
    const until = clock.monotonic() + OWNER_SILENCE_MS
    while (clock.monotonic() < until) {
      await wait(LOOK_MS)
      const now = readNow(file)
      if (now === undefined) return
      if (now !== seen) throw ownedElsewhere(now)
    }
    log.warn('no sign of life: this daemon takes the place of the one on the other machine', { owner: seen.trim() })
  }

  return {
    keep(onLost) {
      const lost = (owner: string): void => {
        if (isOver) return
        isOver = true
        log.error('another daemon has taken over this project', { owner: owner.trim() })
        onLost()
      }
      const again = (): void => {
        if (!isOver) cancel = clock.after(OWNER_BEAT_MS, () => void tick().finally(again))
      }
      const tick = async (): Promise<void> => {
        try {
          const now = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
            if (error.code === 'ENOENT') return undefined
            throw error
          })
          if (isOver) return
          if (now === undefined) create()
          else if (!isOurs(now)) return lost(now)
          beat++
          const handle = await open(file, 'r+')
          try {
            await handle.write(text(), 0)
          } finally {
            await handle.close()
          }
          lastBeat = { monotonic: clock.monotonic(), wall: clock.now() }
        } catch (error) {
          if (error instanceof OrchError && error.code === 'owned_elsewhere') lost(reasonOf(error))
          else log.warn('the sign of life of this daemon could not be written', { error })
        }
      }
      again()
    },
    assertOwned() {
      // The clock that only goes forward stands still while the machine sleeps.
      const silent = Math.max(clock.monotonic() - lastBeat.monotonic, Math.abs(clock.now() - lastBeat.wall))
      if (silent < 2 * OWNER_BEAT_MS) return
      const now = readNow(file)
      if (now !== undefined && !isOurs(now)) throw ownedElsewhere(now)
      lastBeat = { monotonic: clock.monotonic(), wall: clock.now() }
    },
    release() {
      cancel()
      isOver = true
      const now = readNow(file)
      if (now !== undefined && isOurs(now)) rmSync(file, { force: true })
    },
  }
}

/** Throws `owned_elsewhere` where a daemon on another machine may have the project open; for who only looks in for a moment. */
export function assertNotElsewhere(file: string, facts: Pick<OwnerFacts, 'machine' | 'boot'>): void {
  const found = readNow(file)
  if (found !== undefined && !isOfSameKernel(found, facts)) throw ownedElsewhere(found)
}

/** Takes the file of a dead owner away; of several that do so at once, one does. */
function putAside(file: string, seen: string, instance: string): void {
  const aside = `${file}.${instance}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
  const moved = readNow(aside) ?? ''
  try {
    if (moved === seen) return
    // Somebody was faster, and this is theirs.
    linkSync(aside, file)
  } catch {
    // There is one again; whose it is, is told below.
  } finally {
    unlinkSync(aside)
  }
  if (moved !== seen) throw ownedElsewhere(moved)
}

function isOfSameKernel(text: string, { machine, boot }: Pick<OwnerFacts, 'machine' | 'boot'>): boolean {
  const owner = parse(text)
  if (!owner) return false
  return boot !== undefined && owner.boot !== undefined ? owner.boot === boot : owner.machine === machine
}

function ownedElsewhere(text: string): OrchError {
  const owner = parse(text)
  return new OrchError('owned_elsewhere', { host: owner?.host ?? 'another machine', pid: owner?.pid ?? '?' })
}

function parse(text: string): Partial<OwnerFacts> | undefined {
  try {
    const owner: unknown = JSON.parse(text)
    return typeof owner === 'object' && owner !== null ? owner : undefined
  } catch {
    return undefined
  }
}

/** Undefined when there is none. */
function readNow(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
}
