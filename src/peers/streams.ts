/** An entry of a stream. */
export interface StreamEntry {
  readonly stream: string
  /** `<milliseconds>-<number>`, growing within a stream: see `isAfter`. */
  readonly id: string
  /** The replica that appended it. */
  readonly from: string
  readonly bytes: Uint8Array
}

/**
 * PORT: what nodes share: streams of entries, and small values beside them. It may lose all of it at any time. Every
 * method rejects when the server does not answer, and may then have done its work or not.
 */
export interface Streams {
  /** Appends an entry and resolves to its id. With `keep`, older entries than about so many may go. */
  append(stream: string, from: string, bytes: Uint8Array, keep?: number): Promise<string>
  /** The id of the newest entry; `FIRST` where there is none. */
  last(stream: string): Promise<string>
  /** Entries after an id of each stream, in order, at most `limit` of each; waits up to `waitMs` where there is none. One call at a time. */
  read(after: ReadonlyMap<string, string>, limit: number, waitMs: number): Promise<readonly StreamEntry[]>
  /** Removes the entries up to and with `id`. */
  trim(stream: string, id: string): Promise<void>
  /** Removes a stream. */
  remove(stream: string): Promise<void>
  /** The fields of a hash. */
  fields(key: string): Promise<ReadonlyMap<string, string>>
  setField(key: string, field: string, value: string): Promise<void>
  dropField(key: string, field: string): Promise<void>
  /** Sets a value that is gone after `ms`. */
  setFor(key: string, value: string, ms: number): Promise<void>
  get(keys: readonly string[]): Promise<readonly (string | undefined)[]>
  /** Sets a value where there is none, and resolves to the one that is there then. */
  setOnce(key: string, value: string): Promise<string>
  /** Ends what is under way, which rejects. */
  close(): void
}

/** Before every entry. */
export const FIRST = '0-0'

/** Whether an entry's id comes after another one. */
export function isAfter(id: string, other: string): boolean {
  const [a, b] = [partsOf(id), partsOf(other)]
  return a[0] !== b[0] ? a[0] > b[0] : a[1] > b[1]
}

function partsOf(id: string): readonly [number, number] {
  const [ms = '0', n = '0'] = id.split('-')
  return [Number(ms), Number(n)]
}
