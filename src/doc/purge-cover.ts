import { type Encoder, writeVarUint } from 'lib0/encoding'
import * as Y from 'yjs'
import {
  type Decoded,
  FILLER,
  mapStrings,
  type Places,
  type TextPlace,
  type ValuePlace,
  valuesOf,
  withValues,
} from './purge-places.ts'

/** Places of several purges, ready to be looked up. */
export interface Cover {
  /** The update with filler in these places, and else as it was; the same bytes where it holds none of them. */
  cover(update: Uint8Array): Uint8Array
  /** The keys in an update that are not what they were: old -> new. */
  renamed(update: Uint8Array): ReadonlyMap<string, string>
  /** What stands in them, told by every update that holds a part: `read` gives all that is complete by now. */
  look(update: Uint8Array): void
  read(): ReadonlySet<string>
}

/**
 * Covers the places of purges. What an update becomes depends on its bytes and the places alone, and structs, clocks and
 * deletions stay what they are: so replicas that cover agree, and merge with those that have not covered yet.
 */
export function createCover(all: readonly Places[]): Cover {
  const byClient = new Map<number, TextPlace[]>()
  for (const place of all.flatMap(({ texts }) => texts.flat())) {
    byClient.set(place[0], [...(byClient.get(place[0]) ?? []), place])
  }
  const byStruct = new Map<string, readonly ValuePlace[]>()
  for (const place of all.flatMap(({ values }) => values)) {
    const key = `${place[0]}:${place[1]}`
    byStruct.set(key, [...(byStruct.get(key) ?? []), place])
  }
  const units = new Map<string, string>()
  const strings = new Set<string>()

  const placesIn = ({ id, length }: Y.Item): readonly TextPlace[] =>
    (byClient.get(id.client) ?? []).filter(([, clock, size]) => clock < id.clock + length && id.clock < clock + size)
  const valuePlaces = ({ id }: Y.Item, offset: number): readonly ValuePlace[] =>
    byStruct.get(`${id.client}:${id.clock + offset}`) ?? []

  return {
    cover(update) {
      const decoded = Y.decodeUpdate(update)
      let changed = false
      for (const struct of decoded.structs) {
        if (struct instanceof Y.Item && coverItem(struct, placesIn(struct), (offset) => valuePlaces(struct, offset))) {
          changed = true
        }
      }
      return changed ? encodeUpdate(decoded) : update
    },
    renamed(update) {
      const keys = new Map<string, string>()
      for (const struct of Y.decodeUpdate(update).structs) {
        if (!(struct instanceof Y.Item) || struct.parentSub === null) continue
        const now = filledAt(struct.parentSub, valuePlaces(struct, 0), -1)
        if (now !== struct.parentSub) keys.set(struct.parentSub, now)
      }
      return keys
    },
    look(update) {
      for (const struct of Y.decodeUpdate(update).structs) {
        if (!(struct instanceof Y.Item)) continue
        const { id, content } = struct
        if (content instanceof Y.ContentString) {
          for (const [client, clock, length] of placesIn(struct)) {
            for (let at = Math.max(clock, id.clock); at < Math.min(clock + length, id.clock + struct.length); at++) {
              units.set(`${client}:${at}`, content.str[at - id.clock] ?? '')
            }
          }
        }
        const read = (places: readonly ValuePlace[], index: number, text: string): void => {
          for (const [, , string, at, length] of places) {
            if (string === index) strings.add(text.slice(at, at + length))
          }
        }
        if (struct.parentSub !== null) read(valuePlaces(struct, 0), -1, struct.parentSub)
        for (const [offset, value] of valuesOf(content).entries()) {
          let index = 0
          const places = valuePlaces(struct, offset)
          mapStrings(value, (text) => {
            read(places, index++, text)
            return text
          })
        }
      }
    },
    read() {
      for (const pieces of all.flatMap(({ texts }) => texts)) {
        const found = pieces.flatMap(([client, clock, length]) =>
          Array.from({ length }, (_, at) => units.get(`${client}:${clock + at}`)),
        )
        if (found.every((unit) => unit !== undefined)) strings.add(found.join(''))
      }
      return new Set([...strings].filter((text) => text !== '' && !text.includes(FILLER)))
    },
  }
}

/** Puts filler into an item that was decoded; returns whether it held anything else there. */
function coverItem(
  item: Y.Item,
  texts: readonly TextPlace[],
  valuePlaces: (offset: number) => readonly ValuePlace[],
): boolean {
  const { content, id } = item
  let changed = false
  if (content instanceof Y.ContentString) {
    let text = content.str
    for (const [, clock, length] of texts) text = filled(text, clock - id.clock, length)
    if (text !== content.str) {
      item.content = new Y.ContentString(text)
      changed = true
    }
  }
  const key = item.parentSub
  if (key !== null) {
    item.parentSub = filledAt(key, valuePlaces(0), -1)
    changed ||= item.parentSub !== key
  }
  const values = valuesOf(content)
  const covered = values.map((value, offset) => {
    const places = valuePlaces(offset)
    if (places.length === 0) return value
    let index = 0
    return mapStrings(value, (text) => {
      const now = filledAt(text, places, index++)
      changed ||= now !== text
      return now
    })
  })
  if (covered.some((value, at) => value !== values[at])) item.content = withValues(content, covered)
  return changed
}

function filledAt(text: string, places: readonly ValuePlace[], index: number): string {
  return places
    .filter(([, , string]) => string === index)
    .reduce((now, [, , , at, length]) => filled(now, at, length), text)
}

function filled(text: string, at: number, length: number): string {
  const [from, to] = [Math.max(0, at), Math.min(text.length, at + length)]
  return from < to ? text.slice(0, from) + FILLER.repeat(to - from) + text.slice(to) : text
}

/** An update of structs and deletions as they were decoded (Yjs update, encoding V1), in the order in which they stood. */
function encodeUpdate({ structs, ds }: Decoded): Uint8Array {
  const encoder = new Y.UpdateEncoderV1()
  const rest = encoder.restEncoder as Encoder
  const runs: (typeof structs)[] = []
  for (const struct of structs) {
    const run = runs.at(-1)
    if (run?.[0]?.id.client === struct.id.client) run.push(struct)
    else runs.push([struct])
  }
  writeVarUint(rest, runs.length)
  for (const run of runs) {
    const id = run[0]?.id ?? Y.createID(0, 0)
    writeVarUint(rest, run.length)
    encoder.writeClient(id.client)
    writeVarUint(rest, id.clock)
    for (const struct of run) (struct as { write(to: unknown, offset: number): void }).write(encoder, 0)
  }
  writeVarUint(rest, ds.clients.size)
  for (const [client, ranges] of ds.clients) {
    encoder.resetDsCurVal()
    writeVarUint(rest, client)
    writeVarUint(rest, ranges.length)
    for (const { clock, len } of ranges) {
      encoder.writeDsClock(clock)
      encoder.writeDsLen(len)
    }
  }
  return encoder.toUint8Array()
}
