import type { TextEdit } from './text-edit.ts'

/** The edits that turn one text into another: whole words, never part of a character a person sees as one. */
export function diffText(_before: string, _after: string): readonly TextEdit[] {
  throw new Error('bug: not written yet')
}

/** Both lists are edits of one base text; returns `edits` as edits of the base after `over`. */
export function rebaseEdits(_edits: readonly TextEdit[], _over: readonly TextEdit[]): readonly TextEdit[] {
  throw new Error('bug: not written yet')
}

/** The edits that bring what changed from `base` to `disk` into `current`. */
export function mergeText(base: string, disk: string, current: string): readonly TextEdit[] {
  return rebaseEdits(diffText(base, disk), diffText(base, current))
}
