import { assert, must } from '../base/assert.ts'
import type { KeyedKind, Kind, LogKind, RecordKind } from './kind.ts'

/** The kinds of a project: those of orch, as the project may have extended them, and its own. */
export interface Kinds {
  /** In the order of their declaration. */
  readonly all: readonly Kind[]
  readonly records: readonly RecordKind[]
  readonly keyed: readonly KeyedKind[]
  readonly log: LogKind
  /** The kind of records of this name. */
  record(name: string): RecordKind | undefined
  /** The kind of records whose ids begin with this letter. */
  lettered(letter: string | undefined): RecordKind | undefined
  /** The kind of records whose files are in this folder. */
  inFolder(folder: string): RecordKind | undefined
  /** The keyed kind of this name. */
  keys(name: string): KeyedKind | undefined
  /** This project's declaration of a kind of records: what others know by its name may have more fields here. */
  own(kind: RecordKind): RecordKind
}

/** Makes kinds one set. No two share a name, plural, letter or folder. */
export function kindSet(all: readonly Kind[]): Kinds {
  const records = all.filter((kind) => kind.shape === 'records')
  const keyed = all.filter((kind) => kind.shape === 'keys')
  const log = must(
    all.find((kind) => kind.shape === 'log'),
    'no kind of log',
  )
  assertDifferent('name', all)
  assertDifferent('plural', all)
  assertDifferent('letter', [...records, log])
  assertDifferent('folder', records)
  const byName = new Map(records.map((kind) => [kind.name, kind]))
  const byLetter = new Map(records.map((kind) => [kind.letter, kind]))
  const byFolder = new Map(records.map((kind) => [kind.folder, kind]))
  const keysByName = new Map(keyed.map((kind) => [kind.name, kind]))
  return {
    all,
    records,
    keyed,
    log,
    record: (name) => byName.get(name),
    lettered: (letter = '') => byLetter.get(letter),
    inFolder: (folder) => byFolder.get(folder),
    keys: (name) => keysByName.get(name),
    own: (kind) => must(byName.get(kind.name), `no kind ${kind.name}`),
  }
}

function assertDifferent<K extends string>(key: K, kinds: readonly Readonly<Record<K, string>>[]): void {
  const values = kinds.map((kind) => kind[key])
  assert(new Set(values).size === values.length, `two kinds share a ${key}: ${values.join(', ')}`)
}
