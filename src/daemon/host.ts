import type { Clock } from '../base/clock.ts'
import type { OrchError } from '../base/error.ts'
import type { Keyring } from '../base/keys.ts'
import type { Logger } from '../base/log.ts'
import type { FileIdentity, PrivatePaths } from '../base/repository.ts'
import type { Actor } from '../model/actor.ts'
import type { Problem } from '../model/attention.ts'
import type { Random } from '../model/id.ts'

/** What a daemon runs on. */
export interface Host {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  readonly paths: PrivatePaths
  readonly commonDir: string
  readonly mainWorktree: string
  readonly common: FileIdentity
  /** Where orch keeps what belongs to no repository. */
  readonly stateHome: string
  /** The person whose repository it is: who edits files by hand. */
  readonly person: Actor
  /** Their address, as git knows it; '' when it does not. */
  readonly mail: string
  /** What is encrypted at rest, and how. */
  readonly keyring: Keyring
  /** The compiled worker that makes load snapshots. */
  readonly loadWorker: URL
  /** What the configuration ignored, for a person to see. */
  readonly notices: readonly OrchError[]
  /** Where `.orchrc` is not what this daemon has read. */
  readonly configDrift: () => readonly Problem[]
  /** Throws where a daemon on another machine has taken this one's place. */
  readonly assertOwned: () => void
  /** Where a test wants the process killed: `label[:n]`, see crash-points.ts. */
  readonly crashAt?: string | undefined
  /** Asks the process to stop this daemon and end. */
  readonly drain: () => void
  /** The same, and another one takes its place. */
  readonly restart: () => void
}

/** The log of one part of the daemon. */
export function logOf(host: Host, part: string): Logger {
  return host.log.with({ part })
}
