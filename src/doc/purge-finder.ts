import * as Y from 'yjs'
import {
  type Decoded,
  mapStrings,
  type Needle,
  type Places,
  type TextPlace,
  type ValuePlace,
  valuesOf,
} from './purge-places.ts'

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
      // Of an update that cannot be applied yet, what one piece of text holds.
      for (const place of placesInPieces(decoded, needle.secret)) note([place])
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

function placesInPieces({ structs }: Decoded, secret: string): readonly TextPlace[] {
  const found: TextPlace[] = []
  for (const struct of structs) {
    if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentString)) continue
    const { content, id } = struct
    for (let at = content.str.indexOf(secret); at >= 0; at = content.str.indexOf(secret, at + 1))
      found.push([id.client, id.clock + at, secret.length])
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
