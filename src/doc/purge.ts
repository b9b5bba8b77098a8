import { type Encoder, writeVarUint } from 'lib0/encoding'
import * as Y from 'yjs'

/** A stretch of structs of one clientID that hold the text to cover: each of them one UTF-16 unit of it. */
export type TextPlace = readonly [client: number, clock: number, length: number]

/**
 * A part of a string in a value, or in the key that it was put under: `string` counts the strings of a value in the order
 * in which they stand in it, keys of objects included, and is -1 for the key itself.
 */
export type ValuePlace = readonly [client: number, clock: number, string: number, at: number, length: number]

/** Where a secret stands in the updates of one document. It says nothing of what it is. */
export interface Places {
  /** Each time that it was in a text: the stretches of it in their order, for it may have been typed in pieces. */
  readonly texts: readonly (readonly TextPlace[])[]
  readonly values: readonly ValuePlace[]
}

/** What stands in the place of each UTF-16 unit that is taken out. */
export const FILLER = '\u2588'

/** What to look for, in texts and values as it is, and in values also as a file's name has it. */
export interface Needle {
  readonly secret: string
  readonly inNames: string | undefined
}

type Decoded = ReturnType<typeof Y.decodeUpdate>

/** Looks through the updates of one document, given in an order that respects causes, for a secret. */
export interface Finder {
  /** Returns whether the update holds or completes it. */
  take(update: Uint8Array): boolean
  places(): Places
  destroy(): void
}

/**
 * Finds a secret wherever it could ever be read: in every text as it was after each update, also where it was typed by
 * several hands or deleted since; in texts with all that was deleted from them; and in every value, overridden or not.
 * Costs a walk of every text that an update changes.
 */
export function createFinder(needle: Needle): Finder {
  const doc = new Y.Doc({ gc: false })
  doc.clientID = 0
  const texts = new Map<string, readonly TextPlace[]>()
  const values = new Map<string, ValuePlace>()
  const note = (found: readonly TextPlace[]): void => void texts.set(JSON.stringify(found), found)
  let touched = new Set<Pick<Y.AbstractType<never>, '_start'>>()
  doc.on('afterTransaction', ({ changed }: Y.Transaction) => {
    for (const [type, keys] of changed) if (keys.has(null)) touched.add(type)
  })
  return {
    take(update) {
      const before = texts.size + values.size
      const decoded = Y.decodeUpdate(update)
      for (const place of placesInValues(decoded, needle)) values.set(JSON.stringify(place), place)
      touched = new Set()
      Y.applyUpdate(doc, update)
      // Yjs does not name a text that was made in the same transaction as changed.
      for (const { id } of decoded.structs) {
        const item = id.clock < Y.getState(doc.store, id.client) ? Y.getItem(doc.store, id) : undefined
        if (
          item instanceof Y.Item &&
          item.content instanceof Y.ContentString &&
          item.parent instanceof Y.AbstractType
        ) {
          touched.add(item.parent)
        }
      }
      for (const type of touched) {
        for (const isWhole of [false, true]) for (const found of placesInText(type, needle.secret, isWhole)) note(found)
      }
      return texts.size + values.size > before
    },
    places: () => ({ texts: [...texts.values()], values: [...values.values()] }),
    destroy: () => doc.destroy(),
  }
}

/** Each time that a text holds the secret; `isWhole`: with all that was deleted from it, in its place. */
function placesInText(
  type: Pick<Y.AbstractType<never>, '_start'>,
  secret: string,
  isWhole: boolean,
): readonly TextPlace[][] {
  const items: (readonly [from: number, item: Y.Item])[] = []
  let text = ''
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted && !isWhole) continue
    if (item.content instanceof Y.ContentString) {
      items.push([text.length, item])
      text += item.content.str
    } else if (item.countable && !item.deleted) {
      text += '\ufffc'
    }
  }
  const found: TextPlace[][] = []
  for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) {
    const end = at + secret.length
    const pieces: TextPlace[] = []
    for (const [from, { id, length }] of items) {
      const [first, last] = [Math.max(at, from), Math.min(end, from + length)]
      if (first < last) push(pieces, [id.client, id.clock + first - from, last - first])
    }
    found.push(pieces)
  }
  return found
}

/** Joins what lies together, so that the same place is written in one way however the items are split. */
function push(pieces: TextPlace[], [client, clock, length]: TextPlace): void {
  const last = pieces.at(-1)
  if (last && last[0] === client && last[1] + last[2] === clock)
    pieces[pieces.length - 1] = [client, last[1], last[2] + length]
  else pieces.push([client, clock, length])
}

function placesInValues({ structs }: Decoded, { secret, inNames }: Needle): readonly ValuePlace[] {
  const found: ValuePlace[] = []
  for (const struct of structs) {
    if (!(struct instanceof Y.Item)) continue
    const { client, clock } = struct.id
    const look = (index: number, offset: number, text: string): void => {
      for (const one of inNames === undefined || inNames === secret ? [secret] : [secret, inNames]) {
        for (let at = text.indexOf(one); at >= 0; at = text.indexOf(one, at + 1)) {
          found.push([client, clock + offset, index, at, one.length])
        }
      }
    }
    if (struct.parentSub !== null) look(-1, 0, struct.parentSub)
    for (const [offset, value] of valuesOf(struct.content).entries()) {
      let index = 0
      mapStrings(value, (text) => {
        look(index++, offset, text)
        return text
      })
    }
  }
  return found
}

/** The values that an item holds, each of them one struct long; none where it holds text or a type. */
function valuesOf(content: Y.Item['content']): readonly unknown[] {
  if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON) return content.arr
  if (content instanceof Y.ContentEmbed) return [content.embed]
  if (content instanceof Y.ContentFormat) return [[content.key, content.value]]
  return []
}

function withValues(content: Y.Item['content'], values: readonly unknown[]): Y.Item['content'] {
  if (content instanceof Y.ContentAny) return new Y.ContentAny([...values])
  if (content instanceof Y.ContentJSON) return new Y.ContentJSON([...values])
  if (content instanceof Y.ContentEmbed) return new Y.ContentEmbed(values[0] as object)
  const [key, value] = values[0] as [string, object]
  return new Y.ContentFormat(key, value)
}

/** The same value with every string of it, keys of objects included, as `change` gives it, in their order. */
function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((one) => mapStrings(one, change))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [change(key), mapStrings(one, change)]))
}

/** Places of several purges, ready to be looked up. */
export interface Cover {
  /** The update with filler in these places, and else as it was; the same bytes where it holds none of them. */
  cover(update: Uint8Array): Uint8Array
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
