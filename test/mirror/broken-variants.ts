import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fastDiff from 'fast-diff'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { encodeFile, renderRecord } from '../../src/model/markdown.ts'
import type { TextEdit } from '../../src/model/text-edit.ts'
import type { Variant } from './race.ts'

/**
 * What others do, and lose saves by: put in the place of the real parts, they show that the races would tell. They are
 * here and nowhere else.
 */

/** A save is the difference from the document as it is now: takes back what the editor had not seen. */
export const baseIsDocument: Variant = {
  bases: (real, project) => ({
    ...real,
    versions: () => [],
    get(path) {
      const base = real.get(path)
      const record = base && base.id !== '' ? project.read(task, base.id as RecordId) : undefined
      return base && record ? { ...base, text: renderRecord(task, record) } : base
    },
  }),
}

/** A file is replaced whatever it holds, and what was displaced is not looked at. */
export const blindWriteOut: Variant = {
  disk(real, root, bases) {
    const basis = (path: string): Uint8Array | undefined => {
      const base = bases.get(path)
      return base && encodeFile(base.text, base.style)
    }
    return {
      ...real,
      async read(path) {
        const found = await real.read(path)
        const bytes = isAskedByWriteOut() ? basis(path) : undefined
        return found.type === 'file' && bytes ? { ...found, bytes, isBeingWritten: false } : found
      },
      atOnce: (work) =>
        real.atOnce((steps) =>
          work({
            ...steps,
            move(from, to) {
              const isMoved = steps.move(from, to)
              const bytes = basis(from)
              if (isMoved && bytes) writeFileSync(join(root, to), bytes)
              return isMoved
            },
          }),
        ),
      async exchange(a, b) {
        const bytes = basis(b)
        renameSync(join(root, a), join(root, b))
        if (bytes) writeFileSync(join(root, a), bytes)
        return true
      },
    }
  },
}

function isAskedByWriteOut(): boolean {
  return /write-out\.ts/.test(new Error('who asks').stack ?? '')
}

/** Compares by characters: letters of a word that is taken out are used again in the one that is put in. */
export function diffCharacters(before: string, after: string): readonly TextEdit[] {
  const edits: TextEdit[] = []
  let at = 0
  for (const [kind, text] of fastDiff(before, after)) {
    if (kind === fastDiff.EQUAL) at += text.length
    else if (kind === fastDiff.INSERT) edits.push({ at, delete: 0, insert: text })
    else {
      edits.push({ at, delete: text.length, insert: '' })
      at += text.length
    }
  }
  return joined(edits)
}

/** A deletion and an insertion at one place are one edit, as elsewhere. */
function joined(edits: readonly TextEdit[]): readonly TextEdit[] {
  const result: TextEdit[] = []
  for (const edit of edits) {
    const last = result.at(-1)
    if (last && last.at + last.delete === edit.at) {
      result[result.length - 1] = { at: last.at, delete: last.delete + edit.delete, insert: last.insert + edit.insert }
    } else result.push(edit)
  }
  return result
}
