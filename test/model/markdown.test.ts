import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalSkeleton } from '../../src/model/front-matter.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { decodeFile, encodeFile, parseRecord, renderRecord, sameText, titleOf } from '../../src/model/markdown.ts'
import { viewOf } from './view.ts'

const front = '---\nid: p-7f3k9q2m\ntitle: T\n---\n'
const markers = '<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n'

describe('parseRecord', () => {
  test.each([
    ['a body', `${front}\nText.\n`, 'Text.'],
    ['no body', front, ''],
    ['no line break at the end', `${front}\nText.`, 'Text.'],
    ['no blank line after the front matter', `${front}Text.\n`, 'Text.'],
    ["a second blank line, which is the body's", `${front}\n\n  Text.\n\n\n`, '\n  Text.'],
    ['a line of dashes in the body', `${front}\n---\n\n---\n`, '---\n\n---'],
    ['blanks after the fences', `---  \nid: p-7f3k9q2m\n--- \n\nText.\n`, 'Text.'],
    ['an empty front matter', '---\n---\n\nText.\n', 'Text.'],
  ])('reads a file with %s', (_, text, body) => {
    const parsed = parseRecord(page, text)
    expect(parsed).toMatchObject({ ok: true, hasFrontMatter: true, values: { body } })
  })

  test('[M11] reads a file without front matter as its text', () => {
    expect(parseRecord(page, '# Heading\n\nText.\n')).toMatchObject({
      ok: true,
      hasFrontMatter: false,
      id: undefined,
      keys: [],
      skeleton: '',
      values: { body: '# Heading\n\nText.' },
    })
  })

  test('an indented line of dashes inside a value ends nothing', () => {
    const parsed = parseRecord(page, '---\nid: p-7f3k9q2m\nnote: |\n  a\n  ---\n  b\n---\n\nText.\n')
    expect(parsed).toMatchObject({ ok: true, extra: { note: '|\n  a\n  ---\n  b' }, values: { body: 'Text.' } })
  })

  test('[M7] names the place in the file of what it cannot read, and the body where it can be told apart', () => {
    expect(parseRecord(page, '---\nid: p-7f3k9q2m\nsta\n---\n\nText.\n')).toEqual({
      ok: false,
      reason: 'expected `key: value`',
      line: 3,
      column: 1,
      body: 'Text.',
    })
    const unclosed = parseRecord(page, '---\nid: p-7f3k9q2m\n\nText.\n')
    expect(unclosed).toMatchObject({ ok: false, line: 1, column: 1 })
    expect(unclosed).not.toHaveProperty('body')
  })

  test('[M7] names the place of invalid values in the file', () => {
    const parsed = parseRecord(task, '---\ntitle: T\nstatus: maybe\n---\n\na\0b\n')
    expect(parsed).toMatchObject({
      ok: true,
      invalid: [
        { key: 'status', line: 3, column: 9 },
        { key: 'body', line: 6, column: 1 },
      ],
    })
  })

  test('[M7] merge markers make a file unreadable, and are named with their line', () => {
    expect(parseRecord(page, `${front}\n${markers}`)).toEqual({
      ok: false,
      reason: 'holds merge markers (<<<<<<< ======= >>>>>>>)',
      line: 6,
      column: 1,
    })
    expect(parseRecord(page, `---\n${markers}---\n\nText.\n`)).toMatchObject({ ok: false, line: 2, body: 'Text.' })
  })

  test('markers that were merged before, and lines that only look like one, are text', () => {
    const about = `${front}\n\`\`\`\n${markers}\`\`\`\n`
    expect(parseRecord(page, `${about}More.\n`, about)).toMatchObject({ ok: true })
    expect(parseRecord(page, `${front}\nHeading\n=======\n\n<<<<<<< alone\n`)).toMatchObject({ ok: true })
  })
})

describe('renderRecord', () => {
  test('ends in exactly one line break, and what it wrote is read back', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '\n', '---', ' ', '# h', '\t', '😀', '日本')), (pieces) => {
        const body = pieces.join('')
        const view = viewOf(page, { values: { title: 'T', body }, skeleton: canonicalSkeleton(page, []) })
        const text = renderRecord(page, view)
        expect(text).toMatch(/[^\n]\n$/)
        const expected = body.trim() === '' ? '' : body.replace(/\n+$/, '')
        expect(parseRecord(page, text)).toMatchObject({ ok: true, values: { title: 'T', body: expected } })
      }),
    )
  })
})

describe('titleOf', () => {
  test.each([
    ['the first heading', 'intro\n\n# The title #\n\n# Another\n', 'The title'],
    ['a heading below front matter', '---\nx: 1\n# comment\n---\n# Real\n', 'Real'],
    ['no heading in code', '```sh\n# not this\n```\n# This\n', 'This'],
    ['no heading of a lower level', '## Section\n', 'release notes'],
    ['the file name', 'text\n', 'release notes'],
  ])('takes %s', (_, text, title) => {
    expect(titleOf(text, 'docs/release-notes.md')).toBe(title)
  })

  test('is never empty and never longer than a title may be', () => {
    expect(titleOf('', '.md')).toBe('Untitled')
    expect(titleOf(`# ${'👩'.repeat(1000)}\n`, 'x.md').length).toBeLessThanOrEqual(500)
  })
})

describe('files as bytes', () => {
  const bytes = (...list: (string | number)[]): Uint8Array =>
    Buffer.concat(list.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))))

  test('[M10] BOM and line ends are style: taken off, remembered and given back', () => {
    const file = bytes('\ufeff---\r\ntitle: a\r\n---\r\n\r\né\r\n')
    const decoded = decodeFile(file)
    expect(decoded).toEqual({ ok: true, text: '---\ntitle: a\n---\n\né\n', style: { bom: true, eol: 'crlf' } })
    if (decoded.ok) expect(Buffer.from(encodeFile(decoded.text, decoded.style)).equals(file)).toBe(true)
  })

  test('[M10] of mixed line ends the more frequent is the style', () => {
    expect(decodeFile(bytes('a\r\nb\nc\n'))).toMatchObject({ text: 'a\nb\nc\n', style: { eol: 'lf' } })
    expect(decodeFile(bytes('a\r\nb\r\nc\n'))).toMatchObject({ text: 'a\nb\nc\n', style: { eol: 'crlf' } })
  })

  test.each([
    ['a byte that is no UTF-8', bytes('ab\ncä', 0xff, 'd\n'), 2, 3],
    ['a character cut at the end', bytes('ab\n', 0xe3, 0x81), 2, 1],
    ['a character cut by a line end', bytes('ab', 0xe3, '\nc'), 1, 3],
    ['half a surrogate pair', bytes('a', 0xed, 0xa0, 0x80), 1, 2],
    ['UTF-16', bytes(0xff, 0xfe, 0x61, 0x00), 1, 1],
    ['NUL', bytes('ab\ncd\0'), 2, 3],
  ])('[M7] refuses %s with its place', (_, file, line, column) => {
    expect(decodeFile(file)).toMatchObject({ ok: false, line, column })
  })

  test.each([
    ['line ends', 'a\r\nb\r\n', 'a\nb\n', true],
    ['a BOM', '\ufeffa\n', 'a\n', true],
    ['blanks at line ends', 'a  \nb\t\n', 'a\nb\n', true],
    ['line breaks at the end', 'a\n\n\n', 'a', true],
    ['blanks at line beginnings', '  a\n', 'a\n', false],
    ['a blank line', 'a\n\nb\n', 'a\nb\n', false],
    ['a letter', 'a\n', 'b\n', false],
  ])('[M10] texts that differ in %s', (_, a, b, same) => {
    expect(sameText(a, b)).toBe(same)
  })
})
