import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isMap, isScalar, parseDocument } from 'yaml'
import {
  canonicalSkeleton,
  type FrontMatter,
  mergeFront,
  parseFrontMatter,
  renderFrontMatter,
} from '../../src/model/front-matter.ts'
import { emptyValue, type RecordKind, type Value, type Values } from '../../src/model/kind.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import type { RecordView } from '../../src/model/record.ts'
import { applyEdits } from '../../src/model/text-edit.ts'
import { checkJson } from '../../src/model/validate.ts'
import { viewOf } from './view.ts'

function parse(kind: RecordKind, text: string): FrontMatter {
  const parsed = parseFrontMatter(kind, text)
  if (!parsed.ok) throw new Error(`${parsed.line}:${parsed.column} ${parsed.reason}\n${text}`)
  return parsed
}

/** The record of a front matter, with some values changed. */
function changed(text: string, values: Values, extra: RecordView['extra'] = {}): string {
  const parsed = parse(task, text)
  const view = { ...parsed, values: { ...parsed.values, ...values }, extra: { ...parsed.extra, ...extra } }
  return renderFrontMatter(task, viewOf(task, view))
}

const lines = (...list: string[]): string => list.map((line) => `${line}\n`).join('')

describe('the skeleton', () => {
  test('of a new record has id, the fields that are always shown, and the extra keys', () => {
    expect(canonicalSkeleton(task, ['milestone', 'odd key'])).toBe(
      lines(
        ...['id: @', 'title: @', 'status: @', 'priority: @', 'assignee: @', 'labels: @', 'dependencies: @'],
        ...['milestone: @', '"odd key": @'],
      ),
    )
  })

  test('has @ where orch would write the value as it stands there, and the value where a person chose otherwise', () => {
    const text = lines(
      'id: t-7f3k9q2m',
      'title: "Fix: it"  # now',
      "status: 'todo'",
      'priority:   high',
      'labels: [b, a]',
      'dependencies: []',
      'due:',
      'sprint: [7]',
    )
    expect(parse(task, text).skeleton).toBe(
      lines(
        'id: @',
        'title: @  # now',
        "status: 'todo'",
        'priority:   @',
        'labels: [b, a]',
        'dependencies: @',
        'due:',
        'sprint: @',
      ),
    )
  })
})

describe('parseFrontMatter', () => {
  test('takes values as their fields say, not as YAML guesses', () => {
    const text = lines('id: t-7f3k9q2m', 'title: 1.10', 'assignee: no', 'labels: [010, ~, 0x1F]', 'estimatedHours: "8"')
    expect(parse(task, text).values).toEqual({
      title: '1.10',
      assignee: 'no',
      labels: ['010', '0x1F'],
      estimatedHours: 8,
    })
  })

  test('keeps the source of keys it does not know byte for byte', () => {
    const text = lines('big: 12345678901234567890 # !', 'list:', '  -  a', '  # b', '  - c', 'none:', 'url: "x"')
    expect(parse(task, text).extra).toEqual({
      big: '12345678901234567890',
      list: '\n  -  a\n  # b\n  - c',
      none: '',
      url: '"x"',
    })
  })

  test('names values that break their rules, with their place, and reads the others', () => {
    const parsed = parse(
      task,
      lines('title: A', 'status: maybe', 'estimatedHours: many', 'labels: {a: b}', 'due: 2026-02-30'),
    )
    expect(parsed.values).toEqual({ title: 'A' })
    expect(parsed.invalid.map(({ key, line, column }) => ({ key, line, column }))).toEqual([
      { key: 'status', line: 2, column: 9 },
      { key: 'estimatedHours', line: 3, column: 17 },
      { key: 'labels', line: 4, column: 9 },
      { key: 'due', line: 5, column: 6 },
    ])
    expect(parsed.invalid[0]?.reason).toBe('must be one of: todo, in_progress, blocked, review, completed, cancelled')
  })

  test.each([
    ['a half-typed key', 'title: A\nsta\n', 2, 1],
    ['an open quote', 'title: A\nassignee: "x\nstatus: todo\n', 2, 11],
    ['an open list', 'labels: [a, b\nstatus: todo\n', 1, 9],
    ['a key that is there twice', 'title: A\nstatus: todo\ntitle: B\n', 3, 1],
    ['a value with a colon', 'title: a: b\n', 1, 8],
    ['a value that begins with @', 'title: @home\n', 1, 8],
    ['a list', '- a\n- b\n', 1, 1],
    ['indented keys', '  title: A\n', 1, 1],
    ['an alias', 'x: &a 1\ny: *a\n', 2, 4],
    ['a complex key', '? a\n: b\n', 1, 1],
    ['a key that is a list', 'x: {[a]: b}\n', 1, 5],
    ['the key __proto__', '__proto__: 1\n', 1, 1],
    ['a second document', 'a: 1\n...\nb: 2\n', 2, 1],
    ['a bomb of brackets', `x: ${'['.repeat(3000)}\n`, 1, 68],
    ['a merge marker', 'title: A\n<<<<<<< ours\nstatus: todo\n', 2, 1],
  ])('[M7] refuses %s with its place', (_, text, line, column) => {
    const parsed = parseFrontMatter(task, text)
    expect(parsed).toMatchObject({ ok: false, reason: expect.stringMatching(/\w/) })
    expect(parsed).toMatchObject({ line, column })
  })
})

/** Entries as people write them; each a list of lines. */
const entry = (kind: RecordKind): fc.Arbitrary<{ key: string; source: string }> => {
  const text = fc.oneof(
    fc.constantFrom(
      'x',
      'Fix it',
      "'single ''quoted'''",
      '"double \\" quoted"',
      'plain, with [odd] #signs',
      '日本語',
      '👩🏽‍💻',
    ),
    fc.constantFrom(
      '010',
      'true',
      '~',
      'null',
      '',
      '2026-11-23',
      '>-\n  folded\n  text',
      '|\n  # one line',
      '"a\n  b"',
    ),
  )
  const list = fc.constantFrom(
    ...[
      '[]',
      '[a]',
      '[b,  a]',
      '[ a, "b c" ]',
      '[\n  a, # x\n  b\n]',
      '\n  - a\n  - b # why',
      '\n- z\n- "y"\n# no\n- x',
    ],
    ...[' # c\n  - a', '\n\n  -   a\n\n  # c\n  - b', '', '[a, a]', 'a, b'],
  )
  const refList = fc.constantFrom('[]', '', '[t-00000002, t-00000001]', '\n  - t-00000001 # x\n  -  "T-0000000O"')
  const byType = (key: string): fc.Arbitrary<string> => {
    const field = Object.hasOwn(kind.fields, key) ? kind.fields[key] : undefined
    if (field?.merge === 'set') return field.value.type === 'ref' ? refList : list
    switch (field?.value.type) {
      case 'number':
        return fc.constantFrom('3', '0.50', '"7"', '0', '1e3', '')
      case 'time':
        return fc.constantFrom('2026-11-23', '"2026-11-23T08:30:00Z"', '2026-11-23 08:30 +09:00', '')
      case 'choice':
        return fc.constantFrom(
          ...field.value.choices,
          `"${field.value.choices[0]}"`,
          String(field.value.choices[1]).toUpperCase(),
        )
      case 'ref':
        return fc.constantFrom('t-00000001', "'t-00000001'", '')
      case 'text':
        return field.required ? text.filter((source) => !/^(?:~|null|)$/.test(source)) : text
      default:
        return fc.oneof(
          ...[text, list],
          fc.constantFrom(
            '{a: 1}',
            '\n  a: 1\n  b:\n    - c',
            '!tag x',
            '&anchor x',
            '|+\n  a\n\n\n',
            '\n  -\n  - ',
            '[[1], [2]]',
          ),
        )
    }
  }
  const known = Object.keys(kind.fields).filter((key) => key !== kind.body)
  return fc
    .record({
      key: fc.constantFrom(
        'id',
        ...known,
        'extra',
        'x-y',
        'odd key',
        '"quoted"',
        '鍵',
        'body',
        'constructor',
        'a:b',
        'c#d',
      ),
      gap: fc.constantFrom(' ', ' ', ' ', '   ', ' \t', '\u0020'),
      tail: fc.constantFrom('', '', '', ' # why', '   ', ' #'),
      below: fc.constantFrom('', '', '\n# note', '\n', '\n\n# a: b\n', '\n  # indented: @'),
    })
    .chain(({ key, gap, tail, below }) =>
      (key === 'id' ? fc.constantFrom('t-7f3k9q2m', '"t-7f3k9q2m"', 't-7f3k9q2m') : byType(key)).map((value) => {
        const onNext = value === '' || /^[ \n]/.test(value)
        const block = /^[|>]/.test(value)
        return { key, source: `${key}:${onNext ? '' : gap}${value}${block ? '' : tail}${block ? '' : below}\n` }
      }),
    )
}

const frontMatter = (kind: RecordKind): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('', '# first\n', '\n'),
      fc.uniqueArray(entry(kind), { selector: ({ key }) => key, minLength: 1, maxLength: 14 }),
    )
    .map(([lead, entries]) => {
      const id = entries.some(({ key }) => key === 'id') ? '' : 'id: t-7f3k9q2m\n'
      return lead + id + entries.map(({ source }) => source).join('')
    })

describe('renderFrontMatter', () => {
  test.each(builtInKinds.records)('[M9] gives back the bytes of any front matter that parses: $name', (kind) => {
    let read = 0
    fc.assert(
      fc.property(frontMatter(kind), (text) => {
        const parsed = parse(kind, text)
        if (parsed.invalid.length > 0) return
        read++
        expect(renderFrontMatter(kind, viewOf(kind, parsed))).toBe(text)
        // And the skeleton of what is rendered is the skeleton.
        expect(parse(kind, renderFrontMatter(kind, viewOf(kind, parsed)))).toEqual(parsed)
      }),
      { numRuns: 1000 },
    )
    expect(read).toBeGreaterThan(150)
  })

  test('[M9] gives back the bytes of garbage, too, where it parses', () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        'b',
        'key',
        'title',
        ':',
        ': ',
        ' ',
        '  ',
        '\n',
        '\n',
        '\n  ',
        '- ',
        '"',
        "'",
        '[',
        ']',
        '{',
        '}',
        ',',
        '#',
        ' # ',
      ],
      ...['|', '>', '|-', '|+\n', '&x', '!t', '*x', '~', '@', ': @', '\t', '?', '---', '<<', '%', '`', '\\'],
    )
    let read = 0
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = `id: p-7f3k9q2m\na: ${pieces.join('')}\n`
        const parsed = parseFrontMatter(page, text)
        // The parser takes a tab on a blank line for indentation when a key follows; by the standard it is nothing.
        if (!parsed.ok || parsed.invalid.length > 0 || /^[ \t]*\t[ \t]*$/m.test(text)) return
        read++
        expect(renderFrontMatter(page, viewOf(page, parsed))).toBe(text)
        const whole = parseDocument(text, { schema: 'failsafe', prettyErrors: false, logLevel: 'silent' })
        expect(
          whole.errors.map(({ message }) => message),
          text,
        ).toEqual([])
        const keys = isMap(whole.contents)
          ? whole.contents.items.map(({ key }) => isScalar(key) && String(key.value))
          : []
        expect(parsed.keys).toEqual(keys)
      }),
      { numRuns: 10_000 },
    )
    expect(read).toBeGreaterThan(500)
  })

  test('changes the value and nothing beside it', () => {
    const text = lines(
      'id: t-7f3k9q2m',
      '# c',
      'title:   "Old"   # t',
      'status: todo # s',
      'assignee:  # who',
      'due: 2026-01-01',
    )
    expect(changed(text, { title: 'New', status: 'review', assignee: 'bob', due: '2026-02-01' })).toBe(
      lines(
        'id: t-7f3k9q2m',
        '# c',
        'title:   "New"   # t',
        'status: review # s',
        'assignee: bob  # who',
        'due: 2026-02-01',
      ),
    )
  })

  test('keeps the kind of quotes a person chose, as long as they fit', () => {
    const text = lines('id: t-7f3k9q2m', "title: 'Old'", 'assignee: "x"')
    expect(changed(text, { title: "It's", assignee: 'say "y"' })).toBe(
      lines('id: t-7f3k9q2m', "title: 'It''s'", 'assignee: "say \\"y\\""'),
    )
    expect(changed(text, { title: 'a\u0007b' })).toContain('title: "a\\u0007b"\n')
  })

  test('takes out and puts in list items where they stand: other items, their order and comments stay', () => {
    const block = lines(
      'id: t-7f3k9q2m',
      'labels:',
      '    - b   # why b',
      '    # about a',
      '    -  "a"',
      '',
      '    - c',
      '# next',
    )
    expect(changed(block, { labels: ['a', 'c', 'd e', 'yes'] })).toBe(
      lines(
        'id: t-7f3k9q2m',
        'labels:',
        '    # about a',
        '    -  "a"',
        '',
        '    - c',
        '    - d e',
        '    - "yes"',
        '# next',
      ),
    )
    const flow = lines('id: t-7f3k9q2m', 'labels: [ b,  "a", c ]  # l')
    expect(changed(flow, { labels: ['a', 'c', 'x, y'] })).toBe(
      lines('id: t-7f3k9q2m', 'labels: [ "a", c, "x, y" ]  # l'),
    )
    expect(changed(flow, { labels: ['new'] })).toBe(lines('id: t-7f3k9q2m', 'labels: [ new ]  # l'))
    expect(changed(flow, { labels: [] })).toBe(lines('id: t-7f3k9q2m', 'labels: []  # l'))
  })

  test('writes a list inside brackets as long as its line has at most 100 columns, else one item a line', () => {
    const long = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)]
    const text = lines('id: t-7f3k9q2m', 'labels: []')
    expect(changed(text, { labels: long.slice(0, 2) })).toContain(`labels: [${long[0]}, ${long[1]}]\n`)
    expect(changed(text, { labels: long })).toBe(
      lines('id: t-7f3k9q2m', 'labels:', ...long.map((label) => `  - ${label}`)),
    )
  })

  test('leaves out keys whose value is gone, keeps their comment lines, and shows empty what is always shown', () => {
    const text = lines(
      'id: t-7f3k9q2m',
      'assignee: bob',
      'due: 2026-01-01 # soon',
      '# about nothing',
      'parent: t-00000001',
    )
    expect(changed(text, { assignee: null, due: null, parent: null })).toBe(
      lines('id: t-7f3k9q2m', 'assignee:', '# about nothing'),
    )
  })

  test('puts in keys that the skeleton lacks: fields in the order of the kind, extra keys at the end', () => {
    const text = lines('# top', 'status: todo', '# about it', 'x: 1')
    const values = {
      title: 'T',
      priority: 'low',
      labels: ['a'],
      createdAt: '2026-11-23T00:00:00Z',
      spentHours: 0,
      due: null,
    }
    expect(changed(text, values, { z: '[1,  2]', w: '"a: b"' })).toBe(
      lines(
        ...['id: t-00000000', '# top', 'title: T', 'status: todo', 'priority: low', 'labels: [a]'],
        ...['createdAt: 2026-11-23T00:00:00Z', '# about it', 'x: 1', 'w: "a: b"', 'z: [1,  2]'],
      ),
    )
  })

  test.each([
    [
      'a key that is there twice',
      'id: @\nstatus: @ # one\nstatus: @ # two\n# three\n',
      'id: t-00000000\nstatus: todo # one\n# three\n',
    ],
    [
      'two samples in one place',
      'id: @\nlabels: ["a"][b,  a]\n# note\n',
      'id: t-00000000\nstatus: todo\nlabels: [a, b]\n# note\n',
    ],
    ['a line that is nothing', 'id: @\nsta\nstatus: @\n# note\n', 'id: t-00000000\nstatus: todo\n# note\n'],
    ['a second placeholder', 'id: @\nstatus: @ @\n', 'id: t-00000000\nstatus: todo\n'],
    ['no line break at the end', 'id: @\nstatus: @', 'id: t-00000000\nstatus: todo\n'],
    ['nothing at all', '', 'id: t-00000000\nstatus: todo\n'],
    ['a key nobody has a value for', 'id: @\nstatus: @\nx: @\n# note\n', 'id: t-00000000\nstatus: todo\n# note\n'],
  ])('[P2] a skeleton that merging has broken is still rendered, with its comments: %s', (_, skeleton, expected) => {
    const values: Values = { status: 'todo', ...(skeleton.includes('labels') && { labels: ['a', 'b'] }) }
    const text = renderFrontMatter(task, viewOf(task, { values, skeleton }))
    expect(text.replace(/^labels.*\n/m, '')).toBe(expected.replace(/^labels.*\n/m, ''))
    expect(parse(task, text).values).toEqual(values)
  })

  test.each(builtInKinds.records)(
    'whatever a $name holds and whatever its skeleton says, the result says its values',
    (kind) => {
      const piece = fc.oneof(
        frontMatter(kind).map((text) => parse(kind, text).skeleton),
        fc.constantFrom(
          '\n',
          ': @',
          '@',
          'title: @\n',
          '"',
          '[',
          '- a\n',
          '# c\n',
          '  ',
          '|',
          'status: x\n',
          'a: ',
          '---\n',
          '\t',
        ),
        fc.string({ unit: 'grapheme', maxLength: 6 }),
      )
      const word = fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
        .map((text) =>
          text
            .replace(/[\p{Cs}\0\n\r\u2028\u2029]/gu, ' ')
            .trim()
            .normalize('NFC'),
        )
        .filter((text) => text !== '')
      const idsOf = (name: string): readonly string[] => {
        const letter = builtInKinds.records.find((one) => one.name === name)?.letter
        return [`${letter}-00000001`, `${letter}-00000002`]
      }
      const fits = (value: unknown): boolean => value !== null && checkJson(value) === undefined
      const valuesOf = (key: string): fc.Arbitrary<Value> => {
        const field = kind.fields[key]
        const type = field?.value.type
        if (field?.merge === 'set') {
          const member = field.value.type === 'ref' ? fc.constantFrom(...idsOf(field.value.kind)) : word
          return fc.uniqueArray(member, { maxLength: 12 }).map((members) => [...members].sort())
        }
        if (type === 'number') return fc.oneof(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(0.25, 1e-7, 1e6))
        if (type === 'time') return fc.constantFrom('2026-11-23', '2026-11-23T08:30:00.000Z', '2026-11-23 08:30 Z')
        if (field?.value.type === 'choice') return fc.constantFrom(...field.value.choices)
        if (field?.value.type === 'ref') return fc.constantFrom(...idsOf(field.value.kind))
        // A negative zero is none in JSON.
        if (type === 'json')
          return fc
            .jsonValue({ maxDepth: 4, depthSize: 'small' })
            .filter(fits)
            .map((value) => JSON.stringify(value))
        return word
      }
      const values = fc.record(
        Object.fromEntries(
          Object.keys(kind.fields)
            .filter((key) => key !== kind.body && kind.fields[key]?.merge !== 'entries')
            .map((key) => [key, valuesOf(key)]),
        ),
        { requiredKeys: Object.keys(kind.fields).filter((key) => kind.fields[key]?.required) },
      )
      const raw = fc.oneof(
        fc.constantFrom('x', '\n  - a', '- a\n- b', '"', '|\n  a', 'a: b', '@', '# c', '\n'),
        fc.string(),
      )
      const extra = fc.dictionary(fc.constantFrom('x', 'odd key', 'a:b', '鍵', '#', 'body', 'true', '-', ''), raw, {
        maxKeys: 3,
      })
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 5 }), values, extra, (pieces, given, others) => {
          const view = viewOf(kind, { values: given, extra: others, skeleton: pieces.join('') })
          const text = renderFrontMatter(kind, view)
          const parsed = parse(kind, text)
          expect(parsed.invalid, text).toEqual([])
          expect(parsed.id).toBe(view.id)
          const full = (of: Values): Values =>
            Object.fromEntries(Object.entries(kind.fields).map(([key, field]) => [key, of[key] ?? emptyValue(field)]))
          expect(full(parsed.values), text).toEqual(full(given))
          expect(Object.keys(parsed.extra).sort()).toEqual(Object.keys(others).sort())
          // Rendering what was rendered changes nothing.
          expect(renderFrontMatter(kind, viewOf(kind, parsed))).toBe(text)
        }),
        { numRuns: 1000 },
      )
    },
  )
})

describe('mergeFront', () => {
  const record = (skeleton: string, values: Values = {}): RecordView =>
    viewOf(task, { values: { title: 'T', status: 'todo', priority: 'low', ...values }, skeleton })
  const front = 'id: @\ntitle: @\nstatus: @\npriority: @\n'

  test('brings a comment of one person beside a comment of another', () => {
    const current = record(front.replace('title: @', 'title: @ # theirs'))
    const edits = mergeFront(task, current, { base: front, disk: front.replace('status: @', '# mine\nstatus: @') })
    expect(applyEdits(current.front, edits)).toBe('id: @\ntitle: @ # theirs\n# mine\nstatus: @\npriority: @\n')
  })

  test('[P2] a comment at a line that rendering put in keeps to that line', () => {
    const current = record(front, { createdAt: '2026-11-23T00:00:00Z' })
    const base = `${front}createdAt: @\n`
    const edits = mergeFront(task, current, { base, disk: base.replace('createdAt: @', 'createdAt: @ # mine') })
    expect(applyEdits(current.front, edits)).toBe(base.replace('createdAt: @', 'createdAt: @ # mine'))
  })

  test('makes no edit when a person changed only values', () => {
    expect(mergeFront(task, record('status: @\n'), { base: front, disk: front })).toEqual([])
  })
})
