import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffText, mergeText, rebaseEdits } from '../../src/model/text-diff.ts'
import { applyEdits, type TextEdit } from '../../src/model/text-edit.ts'

/** Characters that come apart when they are cut at the wrong place, and ambiguous ordinary ones. */
const unit = fc.constantFrom(
  ...['a', 'ab', 'abc', 'bc', ' ', '  ', '\n', '\n\n', '.', ', ', '# ', '- ', '0', '10', '_'],
  ...['👩🏽‍💻', '👨‍👩‍👧‍👦', '🇯🇵', '🇺🇸', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '❤️', '1️⃣', '🥕', '💚', '\ud83d\ude00'],
  ...[
    'é',
    'e\u0301',
    '!\u0301',
    ' \u0301',
    'か\u3099',
    'カタカナー',
    'ｶﾞ',
    '東京',
    '都',
    'は',
    '漢字',
    '한국어',
    'ที่นี่',
    'नमस्ते',
  ],
)
const text = fc.array(unit, { maxLength: 40 }).map((units) => units.join(''))

/** A text and a neighbour of it: some of its units dropped, some put in. */
const pair = fc
  .tuple(fc.array(unit, { maxLength: 40 }), fc.array(fc.tuple(fc.nat(40), fc.boolean(), unit), { maxLength: 8 }))
  .map(([units, changes]) => {
    const changed = [...units]
    for (const [at, drops, put] of changes) changed.splice(Math.min(at, changed.length), drops ? 1 : 0, put)
    return [units.join(''), changed.join('')] as const
  })

describe('diffText', () => {
  test('[M1] applying the difference of two texts to the first gives the second', () => {
    fc.assert(
      fc.property(text, text, (a, b) => applyEdits(a, diffText(a, b)) === b),
      { numRuns: 3000 },
    )
    fc.assert(
      fc.property(pair, ([a, b]) => applyEdits(a, diffText(a, b)) === b),
      { numRuns: 3000 },
    )
  })

  test('[M2] U3: no edit begins or ends inside a character as a person sees it, in either text', () => {
    const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
    const boundaries = (value: string): Set<number> =>
      new Set([...Array.from(segmenter.segment(value), (segment) => segment.index), value.length])
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const [inA, inB] = [boundaries(a), boundaries(b)]
        let grown = 0
        for (const edit of diffText(a, b)) {
          const place = JSON.stringify({ a, b, edit })
          expect(inA.has(edit.at) && inA.has(edit.at + edit.delete), place).toBe(true)
          expect(inB.has(edit.at + grown) && inB.has(edit.at + grown + edit.insert.length), place).toBe(true)
          grown += edit.insert.length - edit.delete
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('edits are sorted and none touches the next', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        let end = -1
        for (const edit of diffText(a, b)) {
          expect(edit.at).toBeGreaterThan(end)
          expect(edit.delete + edit.insert.length).toBeGreaterThan(0)
          end = edit.at + edit.delete
        }
      }),
    )
  })

  test.each([
    ['one word', 'the quick fox', 'the slow fox', [{ at: 4, delete: 5, insert: 'slow' }]],
    ['a line put in', 'a\nb\n', 'a\nx\nb\n', [{ at: 2, delete: 0, insert: 'x\n' }]],
    ['the second of two equal lines', 'a\n', 'a\na\n', [{ at: 2, delete: 0, insert: 'a\n' }]],
    ['a word with the blank after it', 'x foo bar', 'x bar', [{ at: 2, delete: 4, insert: '' }]],
    ['words that share only the blank between them', 'foo bar', 'baz qux', [{ at: 0, delete: 7, insert: 'baz qux' }]],
    ['a character of a script without blanks', '東京都です', '東京府です', [{ at: 2, delete: 1, insert: '府' }]],
    [
      'a word put in and one taken out, not a blank that both have',
      'b0 b1 ',
      'h1 b0 ',
      [
        { at: 0, delete: 0, insert: 'h1 ' },
        { at: 3, delete: 3, insert: '' },
      ],
    ],
    ['a whole word, not the parts of two', 'カナ ', 'カナab カナ ', [{ at: 0, delete: 0, insert: 'カナab ' }]],
    ['a skin tone', 'ok 👍', 'ok 👍🏽', [{ at: 3, delete: 2, insert: '👍🏽' }]],
    ['nothing', 'same', 'same', []],
  ])('[M2] the difference is %s', (_, before, after, edits) => {
    expect(diffText(before, after)).toEqual(edits)
  })

  test('[P8] a rewrite of 200 KB stays within a budget of comparisons, and four times the text takes no more', () => {
    for (const size of [200_000, 800_000]) {
      const budget = { cells: 20_000_000 }
      const before = rewritten(size, 7)
      const after = rewritten(size, 11)
      const edits = diffText(before, after, budget)
      expect(budget.cells).toBeGreaterThanOrEqual(0)
      expect(applyEdits(before, edits)).toBe(after)
    }
  })

  test('[M2] many thousand small changes need no deep recursion and no spread of a long list', () => {
    const before = Array.from({ length: 150_000 }, (_, i) => `line ${i}\n`).join('')
    const after = Array.from({ length: 150_000 }, (_, i) => (i % 2 === 0 ? `line ${i}\n` : `new ${i}\n`)).join('')
    const edits = diffText(before, after)
    expect(edits).toHaveLength(75_000)
    expect(applyEdits(before, edits)).toBe(after)
  })
})

/** Text of few words in an order of its own: no line and hardly a word to anchor on. */
function rewritten(size: number, seed: number): string {
  const words = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta']
  let state = seed
  let text = ''
  while (text.length < size) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    text += words[state >>> 29] + ((state >>> 20) % 9 === 0 ? '\n' : ' ')
  }
  return text
}

describe('rebaseEdits', () => {
  const merged = (base: string, edits: readonly TextEdit[], over: readonly TextEdit[]): string =>
    applyEdits(applyEdits(base, over), rebaseEdits(edits, over))

  test.each([
    ['what is inserted inside deleted text survives', 'abcdef', [[3, 0, 'X']], [[1, 4, '']], 'aXf'],
    ['what both delete is deleted once', 'abcdef', [[1, 3, '']], [[2, 3, '']], 'af'],
    ['text inserted inside what the edit deletes survives', 'abcdef', [[1, 4, '']], [[3, 0, 'X']], 'aXf'],
    ['two insertions at one place: the one that was there first is first', 'ab', [[1, 0, 'X']], [[1, 0, 'O']], 'aOXb'],
    [
      'two replacements of one word: both, the one that was there first is first',
      'ab',
      [[0, 2, 'X']],
      [[0, 2, 'O']],
      'OX',
    ],
    [
      'a line inserted before a line whose first word is replaced stays a line',
      'a\nb c\n',
      [[2, 0, 'X\n']],
      [[2, 1, 'O']],
      'a\nX\nO c\n',
    ],
    ['a word inserted after a replaced word comes after it', 'ab', [[2, 0, 'X']], [[0, 2, 'O']], 'OX'],
    ['overlapping replacements', 'abcdef', [[2, 3, 'X']], [[1, 2, 'O']], 'aOXf'],
    ['overlapping replacements, the other way', 'abcdef', [[1, 2, 'X']], [[2, 3, 'O']], 'aXOf'],
    [
      'two insertions inside one deleted range keep their order',
      'abcdef',
      [
        [2, 0, 'X'],
        [3, 0, 'Y'],
      ],
      [[1, 4, '']],
      'aXYf',
    ],
    [
      'one deletion over many changes',
      'abcdef',
      [[0, 6, '']],
      [
        [1, 0, 'O'],
        [2, 2, 'P'],
        [5, 1, ''],
      ],
      'OP',
    ],
  ] as const)('[M1] %s', (_, base, edits, over, expected) => {
    const list = (tuples: readonly (readonly [number, number, string])[]): TextEdit[] =>
      tuples.map(([at, deleted, insert]) => ({ at, delete: deleted, insert }))
    expect(merged(base, list(edits), list(over))).toBe(expected)
  })

  test('[P2] every inserted character is there once, and a character of the base just when neither side deleted it', () => {
    const base = Array.from({ length: 24 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('')
    const editsOf = (mark: string): fc.Arbitrary<TextEdit[]> =>
      fc.array(fc.tuple(fc.nat(5), fc.nat(4), fc.nat(2)), { maxLength: 6 }).map((steps) => {
        const edits: TextEdit[] = []
        let at = 0
        for (const [i, [skip, deleted, inserted]] of steps.entries()) {
          at += skip + (i > 0 ? 1 : 0)
          if (at + deleted > base.length) break
          edits.push({ at, delete: deleted, insert: `${mark}${i}`.repeat(inserted > 0 ? 1 : 0) })
          at += deleted
        }
        return edits
      })
    const kept = (edits: readonly TextEdit[]): string =>
      applyEdits(
        base,
        edits.map((edit) => ({ ...edit, insert: '' })),
      )
    fc.assert(
      fc.property(editsOf('x'), editsOf('o'), (edits, over) => {
        const result = merged(base, edits, over)
        const survivors = [...base].filter((c) => kept(edits).includes(c) && kept(over).includes(c)).join('')
        expect(result.replace(/[xo]\d/g, '')).toBe(survivors)
        expect((result.match(/x\d/g) ?? []).join()).toBe(edits.flatMap((edit) => edit.insert || []).join())
        expect((result.match(/o\d/g) ?? []).join()).toBe(over.flatMap((edit) => edit.insert || []).join())
      }),
      { numRuns: 5000 },
    )
  })

  test('edits rebased over nothing, and nothing rebased over edits, are what they were', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(rebaseEdits(diffText(a, b), [])).toEqual(diffText(a, b))
        expect(rebaseEdits([], diffText(a, b))).toEqual([])
      }),
    )
  })
})

describe('mergeText', () => {
  test('two who begin an empty text write lines of their own', () => {
    const merged = (disk: string, current: string): string => applyEdits(current, mergeText('', disk, current))
    expect(merged('By a person.', 'By an agent.')).toBe('By an agent.\nBy a person.')
    expect(merged('By a person.', 'By an agent.\n')).toBe('By an agent.\nBy a person.')
    expect(merged('By a person.', '')).toBe('By a person.')
  })

  test.each([
    ['one\ntwo', 'one', 'one\nmeanwhile\ntwo', 'one\nmeanwhile'],
    ['one\ntwo', 'one\ntwo\nlast', 'one\ntwo\nmeanwhile', 'one\ntwo\nmeanwhile\nlast'],
    ['one\ntwo', 'one', 'one\ntwo\nmeanwhile', 'one\nmeanwhile'],
  ])('[P2] lines at the end of a text stay lines: %j saved as %j over %j', (base, disk, current, expected) => {
    expect(applyEdits(current, mergeText(base, disk, current))).toBe(expected)
  })

  const word = fc.constantFrom('alpha', 'alphabet', 'te\u0301', '한국', '東', 'カナ', '👩🏽‍💻', '🇯🇵')
  /** A token that nobody else writes, of letters that others write too. */
  const own = (side: 'b' | 'h' | 'a', i: number, shape: string): string => {
    const nth = i + { b: 0, h: 50, a: 60 }[side]
    switch (shape) {
      case '東':
        return String.fromCodePoint(0x6000 + nth)
      case 'カナ':
        return `カ${String.fromCodePoint(0x30a1 + nth)}ナ`
      case '👩🏽‍💻':
        return `👩🏽‍${String.fromCodePoint(0x1f330 + nth)}`
      case '🇯🇵':
        return String.fromCodePoint(0x1f1e6 + Math.floor(nth / 26), 0x1f1e6 + (nth % 26))
      default:
        return `${shape}${side}${i}z`
    }
  }
  const gap = fc.constantFrom(' ', ' ', '\n', ', ', '')

  interface Side {
    readonly at: number
    readonly drops: number
    readonly shape: string
    readonly puts: boolean
  }
  const side: fc.Arbitrary<Side[]> = fc.array(
    fc.record({ at: fc.nat(40), drops: fc.nat(3), shape: word, puts: fc.boolean() }),
    { minLength: 1, maxLength: 6 },
  )

  const ledger = fc.tuple(fc.array(fc.tuple(word, gap), { minLength: 1, maxLength: 40 }), side, side)

  /** The words of one side after its changes, and what it inserted and deleted. */
  function edited(base: readonly string[], name: 'h' | 'a', changes: readonly Side[]) {
    const words = [...base]
    /** Where each word stands in the base; undefined: put in. */
    const places: (number | undefined)[] = base.map((_, i) => i)
    const inserted: string[] = []
    for (const [i, { at, drops, shape, puts }] of changes.entries()) {
      const put = puts ? [own(name, i, shape)] : []
      inserted.push(...put)
      places.splice(Math.min(at, words.length), drops, ...put.map(() => undefined))
      words.splice(Math.min(at, words.length), drops, ...put.map((token) => `${token} `))
    }
    const text = words.join('')
    return {
      text,
      inserted: inserted.filter((token) => text.includes(token)),
      edits: exactEdits(base, words, places),
    }
  }

  /** What was done, not what a comparison makes of it. */
  function exactEdits(
    base: readonly string[],
    words: readonly string[],
    places: readonly (number | undefined)[],
  ): readonly TextEdit[] {
    const edits: TextEdit[] = []
    let [done, at, insert] = [0, 0, '']
    const upTo = (place: number): void => {
      const removed = base.slice(done, place).join('').length
      if (removed > 0 || insert !== '') edits.push({ at, delete: removed, insert })
      at += removed + (base[place] ?? '').length
      done = place + 1
      insert = ''
    }
    for (const [i, place] of places.entries()) {
      if (place === undefined) insert += words[i] ?? ''
      else upTo(place)
    }
    upTo(base.length)
    return edits
  }

  test('[P2][M1] P1: of 5,000 concurrent merges none loses or doubles an inserted word, or brings back a deleted one', () => {
    fc.assert(
      fc.property(ledger, ([units, disk, current]) => {
        const base = units.map(([shape, between], i) => `${own('b', i, shape)}${between || ' '}`)
        const human = edited(base, 'h', disk)
        const agent = edited(base, 'a', current)
        const result = applyEdits(agent.text, mergeText(base.join(''), human.text, agent.text))
        for (const token of [...human.inserted, ...agent.inserted]) expect(count(result, token), token).toBe(1)
        for (const [i, [shape]] of units.entries()) {
          const token = own('b', i, shape)
          const kept = count(human.text, token) > 0 && count(agent.text, token) > 0
          expect(count(result, token), token).toBe(kept ? 1 : 0)
        }
      }),
      { numRuns: 5000 },
    )
  })

  test('[P2][M1] P2: what others did, compared afterwards, merges as what they really did', () => {
    fc.assert(
      fc.property(ledger, ([units, disk, current]) => {
        const base = units.map(([shape, between], i) => `${own('b', i, shape)}${between || ' '}`)
        const human = edited(base, 'h', disk)
        const agent = edited(base, 'a', current)
        expect(applyEdits(base.join(''), agent.edits)).toBe(agent.text)
        const exact = applyEdits(agent.text, rebaseEdits(diffText(base.join(''), human.text), agent.edits))
        const compared = applyEdits(agent.text, mergeText(base.join(''), human.text, agent.text))
        for (const token of [...human.inserted, ...agent.inserted]) {
          expect([token, count(exact, token), count(compared, token)]).toEqual([token, 1, 1])
        }
        for (const [i, [shape]] of units.entries()) {
          const token = own('b', i, shape)
          expect([token, count(exact, token)]).toEqual([token, count(compared, token)])
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('[P8] merging two rewrites of 200 KB takes no more than a few times what a quarter of it takes', () => {
    const time = (size: number): number => {
      const texts = [3, 7, 11].map((seed) => rewritten(size, seed)) as [string, string, string]
      const begun = performance.now()
      mergeText(...texts)
      return performance.now() - begun
    }
    const best = (size: number): number => Math.min(...Array.from({ length: 3 }, () => time(size)))
    time(50_000)
    // Four times the text: four times the work; sixteen times would be the square.
    expect(best(200_000) / best(50_000)).toBeLessThan(12)
  })

  test('[P2] with words that repeat and touch, what a side inserted is there once all the same', () => {
    fc.assert(
      fc.property(ledger, ([units, disk, current]) => {
        const base = units.map(([shape, between]) => `${shape}${between}`)
        const human = edited(base, 'h', disk)
        const agent = edited(base, 'a', current)
        const result = applyEdits(agent.text, mergeText(base.join(''), human.text, agent.text))
        for (const token of [...human.inserted, ...agent.inserted]) expect(count(result, token), token).toBe(1)
        expect(result).toSatisfy(isWellFormed)
      }),
      { numRuns: 2000 },
    )
  })

  test('[M1] a save without changes leaves what others did, and a save against an unchanged text is taken as it is', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(applyEdits(b, mergeText(a, a, b))).toBe(b)
        expect(applyEdits(a, mergeText(a, b, a))).toBe(b)
      }),
    )
  })
})

/** Flags that stand side by side are read in pairs: the second half of one and the first of the next are none. */
function count(text: string, token: string): number {
  if (/^\p{RI}{2}$/u.test(token)) return (text.match(/\p{RI}{2}/gu) ?? []).filter((flag) => flag === token).length
  return text.split(token).length - 1
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}
