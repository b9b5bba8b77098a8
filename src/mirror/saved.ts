import type { WriteOrigin } from '../doc/origin.ts'
import type { Actor } from '../model/actor.ts'
import type { FileStyle } from '../model/markdown.ts'
import type { MirrorBases } from '../store/mirror-bases.ts'
import type { Project } from '../store/project.ts'
import type { Ref } from './places.ts'
import type { Notices } from './problem.ts'
import type { SaveBase } from './save-base.ts'

/** A file as it was read. */
export interface Saved {
  readonly path: string
  readonly hash: string
  readonly text: string
  readonly style: FileStyle
  /** How long ago it was saved, in milliseconds that orch ran: it may have had to settle, or was not read. */
  readonly ageMs: number
}

/** Where an id is looked for in a file that may not parse: near its top. */
const FRONT_LENGTH = 1000

/** The id that a file says, also when it does not parse; '' for none. */
export function idIn(text: string): string {
  return /^id:[ \t]*(\S+)[ \t]*$/m.exec(text.slice(0, FRONT_LENGTH))?.[1] ?? ''
}

/** What was saved to a file after it was displaced. */
export interface LateSave {
  readonly path: string
  readonly id: string
  /** What was merged of the file before. */
  readonly base: string
  readonly text: string
  /** Runs in the transaction. */
  readonly also: () => void
}

/** What every merge of files into the document needs. */
export interface MergeParts {
  readonly project: Project
  readonly bases: MirrorBases
  readonly saveBase: SaveBase
  readonly notices: Notices
  /** Who saves files here. */
  readonly fileActor: () => Actor
  /** Something was taken in, or may be written again. */
  readonly onTaken: (ref: Ref) => void
}

/** Where what a file says comes from. */
export function originOf({ fileActor }: Pick<MergeParts, 'fileActor'>, path: string): WriteOrigin {
  return { source: 'file', actor: fileActor(), path }
}
