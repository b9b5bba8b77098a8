import type { Readable } from 'node:stream'
import { OrchError } from '../base/error.ts'
import type { Key } from '../base/keys.ts'
import { isSealed, seal, unseal } from '../base/sealed.ts'
import { decodeChunk, encodeChunk, type Row } from '../store/row.ts'
import { orchAuthor } from './message.ts'
import { isByOrch } from './take-in.ts'

/** What becomes of rows and texts. */
export interface Rewriting {
  /** Full name of the branch: `refs/heads/orch-history`. */
  readonly ref: string
  /** Those that rows can be read with. */
  readonly keys: readonly Key[]
  /** A row as it is to be; the same one where it stays. */
  readonly row: (row: Row) => Row
  /** A text as it is to be: of a file, a path or a message. */
  readonly text: (text: string) => string
}

const CHUNK_START = Buffer.from('\x09orch-rows', 'latin1')

/** A stream of `git fast-export` with every text and row in it rewritten, and the branch named `as`. */
export async function* rewritten(
  stream: Readable,
  { row, text, ref, keys }: Rewriting,
  counts: { commits: number; hits: number },
  as = ref,
): AsyncGenerator<Buffer> {
  const read = createReader(stream)
  const changed = (before: string): string => {
    const after = text(before)
    if (after !== before) counts.hits++
    return after
  }
  // From the committer's line to the message, which say together whose commit it is.
  let head: string[] = []
  for (let isBlob = false, line = await read.line(); line !== undefined; line = await read.line()) {
    const size = /^data (\d+)$/.exec(line)?.[1]
    if (size !== undefined) {
      const bytes = await read.bytes(Number(size))
      if (isBlob) {
        const now = rewriteBlob(bytes, { row, keys, text: changed, onHit: () => counts.hits++ })
        yield Buffer.concat([Buffer.from(`data ${now.length}\n`), now])
      } else {
        const [committer = '', ...more] = head
        head = []
        const [by, message] = ownCommit(committer, changed(bytes.toString('utf8')))
        yield Buffer.from(`${[by, ...more, `data ${Buffer.byteLength(message)}`].join('\n')}\n${message}`)
      }
      continue
    }
    if (head.length > 0 || line.startsWith('committer ')) {
      head.push(changed(line))
      continue
    }
    if (line === 'blob') isBlob = true
    if (/^(commit|reset) /.test(line)) {
      isBlob = false
      if (line.startsWith('commit ')) counts.commits++
      yield Buffer.from(`${line.replace(ref, as)}\n`)
    } else {
      yield Buffer.from(`${/^(author|[MDRC]) /.test(line) ? changed(line) : line}\n`)
    }
  }
}

/**
 * What people committed on the branch was taken over long ago, under the id that the commit had. Made anew it must not be
 * taken for another edit, here or in a clone: it becomes one that orch committed, with its author as before.
 */
function ownCommit(committer: string, message: string): readonly [committer: string, message: string] {
  const [, email = '', when = ''] = /<([^>]*)> (.*)$/.exec(committer) ?? []
  if (isByOrch({ message, committer: { name: '', email, at: 0 } })) return [committer, message]
  const { name, email: own } = orchAuthor
  return [`committer ${name} <${own}> ${when}`, `${message.trimEnd()}\n\nOrch-Replica: purge\n`]
}

function rewriteBlob(
  bytes: Buffer,
  parts: Pick<Rewriting, 'row' | 'keys' | 'text'> & { readonly onHit: () => void },
): Buffer {
  const { row, keys, text, onHit } = parts
  if (isSealed(bytes)) {
    // It says itself where it lies, and is encrypted again for that place.
    const { bytes: opened, name, key } = unseal(keys, 'chunks', 'The history branch', bytes)
    const plain = Buffer.from(opened)
    const now = rewriteBlob(plain, parts)
    return now === plain ? bytes : Buffer.from(seal(key, 'chunks', name, now))
  }
  if (bytes.subarray(0, CHUNK_START.length).equals(CHUNK_START)) {
    const rows = decodeChunk(bytes)
    const now = rows.map(row)
    if (now.every((one, at) => one === rows[at])) return bytes
    onHit()
    return Buffer.from(encodeChunk(now))
  }
  const before = bytes.toString('utf8')
  const now = text(before)
  return now === before ? bytes : Buffer.from(now)
}

/** Reads lines and counted bytes from a stream, which may be cut anywhere. */
function createReader(stream: Readable) {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let rest: Buffer = Buffer.alloc(0)
  const more = async (): Promise<boolean> => {
    const { value, done } = await chunks.next()
    if (done) return false
    rest = Buffer.concat([rest, value])
    return true
  }
  return {
    /** The next line without its end; undefined at the end of the stream. */
    async line(): Promise<string | undefined> {
      let end = rest.indexOf(10)
      while (end < 0) {
        if (!(await more())) return undefined
        end = rest.indexOf(10)
      }
      const line = rest.subarray(0, end).toString('latin1')
      rest = rest.subarray(end + 1)
      return Buffer.from(line, 'latin1').toString('utf8')
    },
    async bytes(size: number): Promise<Buffer> {
      const parts: Buffer[] = []
      let missing = size
      for (;;) {
        const taken = rest.subarray(0, missing)
        parts.push(taken)
        rest = rest.subarray(taken.length)
        missing -= taken.length
        if (missing === 0) return Buffer.concat(parts)
        if (!(await more())) throw new OrchError('git_refused', { reason: 'the export of the history was cut short' })
      }
    },
  }
}
