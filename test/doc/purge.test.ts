import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { createCover } from '../../src/doc/purge-cover.ts'
import { createFinder } from '../../src/doc/purge-finder.ts'
import { FILLER, type Places } from '../../src/doc/purge-places.ts'

const SECRET = 'sk-9f8e7d6c'
const needle = { secret: SECRET, inNames: undefined }

/** Everything that could be read in the bytes of updates: deleted, overridden, in keys and values. */
function everything(updates: readonly Uint8Array[]): string {
  const doc = new Y.Doc({ gc: false })
  const out: string[] = []
  for (const update of updates) {
    out.push(Buffer.from(update).toString('utf8'))
    for (const struct of Y.decodeUpdate(update).structs) {
      if (!(struct instanceof Y.Item)) continue
      out.push(
        JSON.stringify([struct.parentSub, struct.content instanceof Y.ContentType ? '' : struct.content.getContent()]),
      )
    }
    Y.applyUpdate(doc, update)
    const text = doc.getText('text')
    out.push(text.toString())
    let whole = ''
    for (let item = text._start; item; item = item.right) {
      if (item.content instanceof Y.ContentString) whole += item.content.str
    }
    out.push(whole)
  }
  return out.join('\n')
}

function placesOf(updates: readonly Uint8Array[]): Places {
  const finder = createFinder(needle)
  for (const update of updates) finder.take(update)
  const places = finder.places()
  finder.destroy()
  return places
}

function stateOf(updates: readonly Uint8Array[]) {
  const doc = new Y.Doc({ gc: false })
  for (const update of updates) Y.applyUpdate(doc, update)
  const state = { text: doc.getText('text').toString(), map: doc.getMap('map').toJSON() }
  return { ...state, vector: Y.encodeStateVector(doc), whole: Y.encodeStateAsUpdate(doc) }
}

type Step = readonly [actor: number, action: number, at: number]

/** Three actors who edit one text and one map, exchange now and then, and let the secret slip in several ways. */
function play(steps: readonly Step[]): readonly Uint8Array[] {
  const updates: Uint8Array[] = []
  const docs = [1, 2, 3].map((client) => {
    const doc = new Y.Doc({ gc: false })
    doc.clientID = client
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'peer') updates.push(update)
    })
    return doc
  })
  for (const [actor, action, at] of steps) {
    const doc = docs[actor % docs.length] as Y.Doc
    const text = doc.getText('text')
    const place = at % (text.length + 1)
    const [from] = [text.toString().indexOf(SECRET)]
    switch (action) {
      case 0:
        text.insert(place, `word${at} `)
        break
      case 1:
        text.insert(place, SECRET)
        break
      case 2:
        for (const [index, unit] of [...SECRET].entries()) text.insert(place + index, unit)
        break
      case 3:
        // By two hands, with a detour that is deleted again.
        text.insert(place, `${SECRET.slice(0, 5)}XY${SECRET.slice(5)}`)
        text.delete(place + 5, 2)
        break
      case 4:
        if (from >= 0) text.delete(from, SECRET.length)
        break
      case 5:
        if (from >= 0) text.delete(from + 2, 3)
        break
      case 6:
        doc.getMap('map').set(`key${at % 3}`, at % 2 === 0 ? `a ${SECRET} b` : { deep: [SECRET, at], [SECRET]: at })
        break
      case 7:
        doc.getMap('map').set(`key${at % 3}`, `clean ${at}`)
        break
      case 8:
        doc.getMap('map').set(`k ${SECRET}`, true)
        break
      case 9:
        doc.transact(() => {
          text.insert(place, SECRET)
          text.delete(place, SECRET.length)
        })
        break
      case 10:
        // A text that is made together with what is in it.
        doc.getMap('map').set('text', new Y.Text(`in ${SECRET} it`))
        break
      default:
        for (const other of docs) {
          if (other !== doc) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc)), 'peer')
        }
    }
  }
  return updates
}

const steps = fc.array(fc.tuple(fc.nat(2), fc.nat(12), fc.nat(40)), { maxLength: 30 })

describe('purge', () => {
  test('[P3] nothing of the secret is left, all else is as it was, and whoever applies it in whichever order agrees', () => {
    fc.assert(
      fc.property(steps, fc.nat(), (script, seed) => {
        const updates = play(script)
        const places = placesOf(updates)
        const covered = updates.map((update) => createCover([places]).cover(update))
        expect(everything(covered)).not.toContain(SECRET)
        // Structure, clocks and every other unit are the same.
        const [before, after] = [stateOf(updates), stateOf(covered)]
        expect(after.vector).toEqual(before.vector)
        expect(after.text).toHaveLength(before.text.length)
        for (const [at, unit] of [...after.text].entries()) {
          if (unit !== FILLER) expect(unit).toBe(before.text[at])
        }
        if (!Object.keys(before.map).some((key) => key.includes(SECRET))) {
          expect(after.map).toEqual(
            JSON.parse(JSON.stringify(before.map).replaceAll(SECRET, FILLER.repeat(SECRET.length))),
          )
        }
        // A replica that was not told yet merges with the ones that were, and is equal once it covers its own.
        const mixed = updates.map((update, at) =>
          (seed >> (at % 16)) % 2 === 0 ? update : (covered[at] as Uint8Array),
        )
        expect(stateOf(mixed.map((update) => createCover([places]).cover(update)))).toEqual(after)
        // To do it twice is to do it once.
        expect(covered.map((update) => createCover([places]).cover(update))).toEqual(covered)
        expect(placesOf(covered)).toEqual({ texts: [], values: [] })
      }),
      { numRuns: 100 },
    )
  })

  test('whoever is told only the places learns what to look for from what it has', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const updates = play(script)
        const places = placesOf(updates)
        const cover = createCover([places])
        for (const update of updates) cover.look(update)
        const isAnywhere = places.texts.length + places.values.length > 0
        expect([...cover.read()]).toEqual(isAnywhere ? [SECRET] : [])
      }),
      { numRuns: 50 },
    )
  })

  test('places say nothing of the secret, and what does not hold it keeps its bytes', () => {
    const updates = play([
      [0, 0, 1],
      [0, 2, 3],
      [1, 7, 1],
    ])
    const places = placesOf(updates)
    expect(JSON.stringify(places)).toBe(`{"texts":[[[1,6,${SECRET.length}]]],"values":[]}`)
    const [first] = updates
    expect(createCover([places]).cover(first as Uint8Array)).toBe(first)
  })
})
