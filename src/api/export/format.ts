import type { Clock } from '../../base/clock.ts'
import type { Project } from '../../store/project.ts'

/** A piece of a file that an export makes; pieces of one file follow each other. */
export interface Piece {
  /** Below the folder, or '' for the one file of a format that makes one. */
  readonly file: string
  readonly text: string
}

export interface ExportParts {
  readonly project: Project
  readonly clock: Clock
  readonly progress: (done: number, total: number, what: string) => void
}

export interface ExportOptions {
  /** Of csv: which kind. */
  readonly kind: string | undefined
  /** Of jsonl: without the journal. */
  readonly current: boolean
}

/** A way to write a project down. */
export interface ExportFormat {
  readonly name: string
  readonly help: string
  /** Whether it makes a folder of files. */
  readonly isFolder: boolean
  write(parts: ExportParts, options: ExportOptions): AsyncIterable<Piece>
}
