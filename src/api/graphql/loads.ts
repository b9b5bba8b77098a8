import { OrchError } from '../../base/error.ts'
import type { RecordOutput } from '../operations/output.ts'

/** Runs an operation as every surface does. */
export type Call = (name: string, input: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>

/**
 * What belongs to records, read together: all records of one answer that ask for the same in one turn of the event loop
 * cost one call of `list`. A request's own; nothing is kept longer.
 */
export interface Loads {
  /** What `include` calls so, of a record, as it was at a moment. */
  related(kind: string, id: string, name: string, asOf: string | undefined): Promise<unknown>
  /** A record with its long texts; undefined when it is not there. */
  whole(kind: string, id: string, asOf: string | undefined): Promise<RecordOutput | undefined>
  /** Counts what an answer holds. Throws `too_large`. */
  count(records: number): void
}

/** An answer's records, at most: relations of relations multiply. */
const MAX_RECORDS = 20_000
/** Of one call of `list`. */
const MAX_BATCH = 1000

export function createLoads(call: Call): Loads {
  const batches = new Map<string, (id: string) => Promise<RecordOutput | undefined>>()
  let records = 0
  const count = (more: number): void => {
    records += more
    if (records > MAX_RECORDS) {
      throw new OrchError('too_large', { what: 'The answer', size: `over ${MAX_RECORDS} records`, limit: MAX_RECORDS })
    }
  }
  const load = (
    kind: string,
    id: string,
    input: Readonly<Record<string, unknown>>,
  ): Promise<RecordOutput | undefined> => {
    const name = JSON.stringify([kind, input])
    const known =
      batches.get(name) ??
      createBatch(async (ids) => {
        const { items } = await call(`${kind}.list`, { ...input, filter: { id: ids }, limit: ids.length })
        return items as readonly RecordOutput[]
      })
    batches.set(name, known)
    return known(id)
  }
  return {
    count,
    async related(kind, id, name, asOf) {
      const found = await load(kind, id, { include: [name], fields: ['id'], ...then(asOf) })
      const value = (found?.related as Readonly<Record<string, unknown>> | undefined)?.[name]
      count(Array.isArray(value) ? value.length : value ? 1 : 0)
      return value
    },
    whole: (kind, id, asOf) => load(kind, id, { full: true, ...then(asOf) }),
  }
}

function then(asOf: string | undefined): Readonly<Record<string, unknown>> {
  return asOf === undefined ? {} : { asOf }
}

/** Gathers what is asked for until the resolvers that can go on have gone on, then reads it at once. */
function createBatch(
  read: (ids: readonly string[]) => Promise<readonly RecordOutput[]>,
): (id: string) => Promise<RecordOutput | undefined> {
  let waiting: { readonly ids: Set<string>; readonly found: Promise<ReadonlyMap<string, RecordOutput>> } | undefined
  const gather = (): NonNullable<typeof waiting> => {
    const ids = new Set<string>()
    const found = new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
      waiting = undefined
      const all = [...ids]
      const chunks = Array.from({ length: Math.ceil(all.length / MAX_BATCH) }, (_, i) =>
        all.slice(i * MAX_BATCH, (i + 1) * MAX_BATCH),
      )
      const items = (await Promise.all(chunks.map(read))).flat()
      return new Map(items.map((item) => [String(item.id), item]))
    })
    return { ids, found }
  }
  return async (id) => {
    waiting ??= gather()
    waiting.ids.add(id)
    return (await waiting.found).get(id)
  }
}
