import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { COMMENTS_MARKER } from '../../src/model/comments.ts'
import type { RecordId } from '../../src/model/id.ts'
import { createTestMirror, type TestMirror } from '../helpers/mirror.ts'

/** Brings each what the other one has, as a link does, and waits for the files. */
async function exchange(a: TestMirror, b: TestMirror): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const rows = from.held.project.rowsSince(to.held.project.have(), 10_000)
    await to.drive(to.held.project.applyRows(rows, { source: 'peer', peer: from.held.project.replica }))
  }
  await a.sync()
  await b.sync()
}

async function twoReplicas(): Promise<{ a: TestMirror; b: TestMirror; id: RecordId }> {
  const a = await createTestMirror({ seed: 1 })
  const id = await a.create('One', { body: 'text' })
  await a.sync()
  const b = await createTestMirror({ seed: 2, start: false })
  b.held.project.adopt({ id: a.held.project.id, name: a.held.project.name })
  await b.drive(b.mirror.start())
  await exchange(a, b)
  return { a, b, id }
}

const HEAD = `# plan: see the wiki
my_number: 010   # stays octal
priority: 'high' # quoted
title: "One: more"
nested:
    - a   # deep
    - {b:  c}
status:    todo
`

test('[M9][P3] comments, order, quotes and unknown keys are the same on every replica, and after the folder is lost', async () => {
  const { a, b, id } = await twoReplicas()
  const [path] = [a.path(id)]
  const rest = /\ncreatedAt:[\s\S]*$/.exec(a.file(id))?.[0] ?? ''
  a.disk.save(path, `---\nid: ${id}\n${HEAD}${rest.slice(1)}`)
  await a.sync()
  await exchange(a, b)
  expect(a.file(id)).toContain(HEAD)
  expect(b.file(id)).toBe(a.file(id))

  // Both edit the head at once: each keeps what it wrote.
  a.disk.save(path, a.file(id).replace('# plan: see the wiki', '# plan: see the wiki, page 2'))
  b.disk.save(path, b.file(id).replace('status:    todo', 'status:    review # by hand'))
  await a.sync()
  await b.sync()
  await exchange(a, b)
  expect(b.file(id)).toBe(a.file(id))
  expect(a.file(id)).toContain('# plan: see the wiki, page 2\nmy_number: 010   # stays octal\n')
  expect(a.file(id)).toContain('status:    review # by hand')

  const before = b.file(id)
  for (const one of b.disk.paths()) b.disk.delete(one)
  await b.sync()
  expect(b.file(id)).toBe(before)
  const later = await b.restart()
  expect(later.file(id)).toBe(before)
})

test('[P2][P3] comments by hand: several at once, on both replicas, with CRLF; an old one that is changed is put back', async () => {
  const { a, b, id } = await twoReplicas()
  const path = a.path(id)
  a.disk.save(path, `${a.file(id)}\n${COMMENTS_MARKER}\n\nfrom a\n`)
  b.disk.save(path, `${b.file(id)}\n${COMMENTS_MARKER}\n\nfrom b, line 1\nline 2\n`.replaceAll('\n', '\r\n'))
  await a.sync()
  await b.sync()
  await exchange(a, b)
  const said = (t: TestMirror): string[] =>
    (t.task(id).values.comments as unknown as { by: string; text: string }[]).map(({ by, text }) => `${by}: ${text}`)
  expect(said(a).toSorted()).toEqual(['alice: from a', 'alice: from b, line 1\nline 2'])
  expect(said(b)).toEqual(said(a))
  expect(b.file(id).replaceAll('\r\n', '\n')).toBe(a.file(id))
  expect(a.task(id).values.body).toBe('text')

  const file = a.file(id)
  a.disk.save(path, `${file.replace('> from a', '> from z')}\nand one more\n`)
  await a.sync()
  await exchange(a, b)
  expect(said(a)).toHaveLength(3)
  expect(said(a).join('\n')).toContain('alice: from a')
  expect(said(a).join('\n')).not.toContain('from z')
  expect(a.attention.list().map(({ kind }) => kind)).toContain('kept_line')
  expect(said(b)).toEqual(said(a))

  // A second marker, written by hand into the text above: what stands between stays text.
  const twin = must(a.file(id).split(COMMENTS_MARKER)[0], 'a body')
  a.disk.save(path, a.file(id).replace(twin, `${twin}${COMMENTS_MARKER}\n\ninside\n\n`))
  await a.sync()
  await exchange(a, b)
  expect(said(a)).toHaveLength(3)
  expect(String(a.task(id).values.body)).toContain('inside')
  expect(b.task(id).values.body).toBe(a.task(id).values.body)
})
