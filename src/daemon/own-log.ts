import { copyFileSync, fstatSync, ftruncateSync, statSync, writeSync } from 'node:fs'
import { createEntryWriter, type LogEntry } from '../base/log.ts'

/** A log that is longer begins anew; the old one is kept once. */
const MAX_LOG_BYTES = 5_000_000

/** What the daemon logs, on a descriptor that it was given: a terminal, a pipe, or a file that is only added to. */
export interface OwnLog {
  readonly write: (entry: LogEntry) => void
  /** Sees to it that the log never fills the disk, if this is the file that it is written to. */
  keepShort(file: string): void
}

export function createOwnLog(descriptor: number, maxBytes = MAX_LOG_BYTES): OwnLog {
  let file: string | undefined
  let size = 0
  const shorten = (): void => {
    if (file === undefined || size <= maxBytes) return
    size = 0
    try {
      // Renamed, it would still be the one that is written to.
      copyFileSync(file, `${file}.1`)
      ftruncateSync(descriptor)
    } catch {
      // Without room for a copy it stays, until it has grown by as much again.
    }
  }
  return {
    // Not by `process.stderr`: after one write that fails it is closed for good, and the failure ends the process.
    write: createEntryWriter((bytes) => {
      shorten()
      const count = writeSync(descriptor, bytes)
      size += count
      return count
    }),
    keepShort(given) {
      const [ours, there] = [fstatSync(descriptor), statSync(given, { throwIfNoEntry: false })]
      if (ours.ino !== there?.ino || ours.dev !== there.dev) return
      file = given
      size = there.size
    },
  }
}
