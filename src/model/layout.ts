import type { RecordId } from './id.ts'
import type { RecordKind } from './kind.ts'

/** A title as part of a file name: letters and digits of any script, `-` between, at most 60 code points, never empty. */
export function slug(_title: string): string {
  throw new Error('bug: not written yet')
}

/** The name of a new record's file, below the kind's folder. */
export function newFileName(_kind: RecordKind, _id: RecordId, _title: string): string {
  throw new Error('bug: not written yet')
}

/** Why a path below a kind's folder cannot be a record's file on every system; undefined when it can. */
export function checkFile(_path: string): string | undefined {
  throw new Error('bug: not written yet')
}

/** What two paths must not share: on some systems they are one file. */
export function pathKey(_path: string): string {
  throw new Error('bug: not written yet')
}

/** Whether a file name is of an editor's or our own temporary file, or hidden: never a record's. */
export function isIgnoredName(_name: string): boolean {
  throw new Error('bug: not written yet')
}
