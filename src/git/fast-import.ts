import { assert } from '../base/assert.ts'
import type { FileChange, NewCommit, Signature } from './git-repo.ts'

/**
 * The input of one `git fast-import` that makes this commit and prints its id. It begins with `feature done`: without
 * it, a stream cut by a kill commits half a tree and exits 0. An explicit `from` makes it a compare-and-swap.
 */
export function* fastImportStream(commit: NewCommit): Generator<Uint8Array> {
  const message = text(commit.message)
  yield text(
    `feature done\ncommit ${commit.ref}\nmark :1\nauthor ${signature(commit.author)}\n` +
      `committer ${signature(commit.committer)}\ndata ${message.length}\n`,
  )
  yield message
  if (commit.parent !== undefined) yield text(`\nfrom ${commit.parent}`)
  if (commit.merged !== undefined) yield text(`\nmerge ${commit.merged}`)
  yield text('\n')
  for (const change of deletionsFirst(commit.changes)) {
    if ('delete' in change) {
      yield text(`D ${quote(change.path)}\n`)
    } else if ('oid' in change) {
      yield text(`M 100644 ${change.oid} ${quote(change.path)}\n`)
    } else {
      yield text(`M 100644 inline ${quote(change.path)}\ndata ${change.bytes.length}\n`)
      yield change.bytes
      yield NEWLINE
    }
  }
  yield text('get-mark :1\ndone\n')
}

/** Deletions first: a file whose path another one takes over must not be removed after that. */
export function deletionsFirst(changes: readonly FileChange[]): readonly FileChange[] {
  return [...changes.filter((change) => 'delete' in change), ...changes.filter((change) => !('delete' in change))]
}

/** A name and address as git accepts them in a commit, with the time in whole seconds UTC. */
function signature({ name, email, at }: Signature): string {
  const clean = (part: string): string => part.replace(/[<>\p{Cc}]+/gu, ' ').trim()
  return `${clean(name)} <${clean(email)}> ${Math.max(0, Math.floor(at / 1000))} +0000`
}

/** git would take these parts of a path for something else than a file's or folder's name. */
const BAD_PART = /^(|\.|\.\.|\.git)$/i

function quote(path: string): string {
  assert(!path.split('/').some((part) => BAD_PART.test(part)), `not a path for a tree: ${path}`)
  const escaped = path.replace(/["\\]/g, '\\$&').replace(/\p{Cc}/gu, octal)
  return `"${escaped}"`
}

const octal = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')

const BATCH_BYTES = 64 * 1024

/** The same bytes in pieces of a good size for a pipe: thousands of small writes cost more than what they carry. */
export function* inBatches(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  let batch: Uint8Array[] = []
  let size = 0
  for (const part of parts) {
    // What is large enough by itself is not copied.
    const isLarge = part.length >= BATCH_BYTES
    if (!isLarge) {
      batch.push(part)
      size += part.length
    }
    if (!isLarge && size < BATCH_BYTES) continue
    if (size > 0) yield Buffer.concat(batch)
    if (isLarge) yield part
    batch = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(batch)
}

const text = (value: string): Uint8Array => Buffer.from(value)
const NEWLINE = text('\n')
