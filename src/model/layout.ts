import { utf8Length } from '../base/utf8.ts'
import type { RecordId } from './id.ts'
import type { RecordKind } from './kind.ts'

const MAX_SLUG_LENGTH = 60
const MAX_SEGMENT_BYTES = 200
const MAX_PATH_BYTES = 800

/** Makes a title part of a file name: letters and digits of any script, lower case, `-` between, at most 60 code points, never empty. */
export function slug(title: string): string {
  const words = title
    .normalize('NFC')
    .toLowerCase()
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, '-')
    // A mark without its letter.
    .replace(/(^|-)\p{M}+/gu, '$1')
    .replace(/-+/g, '-')
    .replace(/^-/, '')
  const start = [...words].slice(0, MAX_SLUG_LENGTH).join('').replace(/-$/, '')
  return start === '' ? 'untitled' : start
}

/** Names a new record's file, below the kind's folder: `<id>-<slug>.md` or `<id>.md`, short enough for every file system. */
export function newFileName(kind: RecordKind, id: RecordId, title: string): string {
  if (kind.fileName === 'id') return `${id}.md`
  let name = slug(title)
  while (utf8Length(`${id}-${name}.md`) > MAX_SEGMENT_BYTES) name = [...name].slice(0, -1).join('')
  return `${id}-${name.replace(/-$/, '')}.md`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f<>:"|?*\\]/
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i

/** Says why a path below a kind's folder cannot be a record's file on every system; undefined when it can. */
export function checkFile(path: string): string | undefined {
  if (path !== path.normalize('NFC')) return 'must be in Unicode normal form C'
  if (/\p{Surrogate}/u.test(path)) return 'is cut inside a character'
  if (path.startsWith('/')) return 'must not be absolute'
  if (!path.endsWith('.md')) return 'must end in .md'
  if (utf8Length(path) > MAX_PATH_BYTES) return `must be at most ${MAX_PATH_BYTES} bytes long`
  for (const segment of path.split('/')) {
    const reason = checkSegment(segment)
    if (reason !== undefined) return reason
  }
  return undefined
}

function checkSegment(segment: string): string | undefined {
  if (segment === '' || segment === '.' || segment === '..') return 'must not hold empty, `.` or `..` parts'
  if (FORBIDDEN.test(segment)) return 'must not hold control characters or any of < > : " | ? * \\'
  if (/[. ]$/.test(segment)) return 'must not hold a part that ends in a dot or blank'
  if (RESERVED.test(segment)) return `must not hold the name ${segment}, which Windows reserves`
  if (isIgnoredName(segment)) return `must not hold the name ${segment}: such names are hidden or belong to editors`
  if (utf8Length(segment) > MAX_SEGMENT_BYTES) return `must not hold a part longer than ${MAX_SEGMENT_BYTES} bytes`
  return undefined
}

/** What two paths must not share, because on some systems they are then one file: normal form and case are folded. */
export function pathKey(path: string): string {
  // Upper case first: `ß` and `SS`, and the two small sigmas, are one name to some file systems.
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC')
}

const IGNORED = /^\.|~$|^#.*#$|\.tmp$|___jb_|^4913$/

/** Tells names that are never a record's file: hidden ones, and those of editors' and our own temporary files. */
export function isIgnoredName(name: string): boolean {
  return IGNORED.test(name)
}
