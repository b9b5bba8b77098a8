import { expect, test } from 'vitest'
import { entriesOf } from '../../src/model/comments.ts'
import { createTestMirror } from '../helpers/mirror.ts'

async function withComments() {
  const t = await createTestMirror()
  const id = await t.create('Fix login', { body: 'The body.' })
  await t.update(id, { append: { comments: [{ text: 'Tried it.\n\n```sh\nnpm test\n```' }] } })
  await t.sync()
  const save = async (text: string): Promise<void> => {
    t.disk.save(t.path(id), text)
    t.events()?.hint(t.path(id))
    await t.sync()
  }
  const said = () => entriesOf(t.task(id).values.comments).map(({ by, text }) => [by, text])
  return { t, id, save, said }
}
const TRIED = ['claude', 'Tried it.\n\n```sh\nnpm test\n```']

test('[M1] what is written below the comments is a comment by who saved it; the body does not see it', async () => {
  const { t, id, save, said } = await withComments()
  const before = t.file(id)
  await save(`${before}\nWorks for me.\n\n\`\`\`\nok\n\`\`\`\n`)
  expect(said()).toEqual([TRIED, ['alice', 'Works for me.\n\n```\nok\n```']])
  expect(t.task(id).values.body).toBe('The body.')
  expect(t.file(id).startsWith(before)).toBe(true)
  expect(t.file(id)).toMatch(
    /\*\*alice\*\*, \S+ <!-- orch:comment \w+ -->\n\n> Works for me\.\n>\n> ```\n> ok\n> ```\n$/,
  )
})

test('[M6] a comment is there once when its writer saves the same buffer again', async () => {
  const { t, id, save, said } = await withComments()
  const buffer = `${t.file(id)}\nWorks for me.\n`
  await save(buffer)
  await save(buffer.replace('The body.', 'The longer body.'))
  expect(said()).toEqual([TRIED, ['alice', 'Works for me.']])
  expect(t.task(id).values.body).toBe('The longer body.')
})

test('[M9] an old comment that was changed or removed is put back, and a notice says so', async () => {
  const { t, id, save, said } = await withComments()
  const before = t.file(id)
  await save(before.replace('> Tried it.', '> Never tried it.').replace('The body.', 'Another body.'))
  expect(said()).toEqual([TRIED])
  expect(t.file(id)).toBe(before.replace('The body.', 'Another body.'))
  expect(t.mirror.problems()).toMatchObject([{ what: expect.stringContaining('put back'), where: t.path(id) }])
  const { t: u, id: other, save: saveOther, said: saidOther } = await withComments()
  await saveOther(u.file(other).slice(0, u.file(other).indexOf('<!--')))
  expect(saidOther()).toEqual([TRIED])
  expect(u.file(other)).toContain('> Tried it.')
})

test('[M7] a broken front matter leaves the comments as they are; the body merges', async () => {
  const { t, id, save, said } = await withComments()
  const before = t.file(id)
  await save(before.replace('title:', 'title: [').replace('The body.', 'Another body.'))
  expect(t.task(id).values.body).toBe('Another body.')
  await save(before.replace('The body.', 'Another body.'))
  expect(said()).toEqual([TRIED])
  expect(t.task(id).values.body).toBe('Another body.')
})

test('[M11] a new file may come with comments', async () => {
  const { t } = await withComments()
  const path = 'tasks/new.md'
  t.disk.save(path, '---\ntitle: New\n---\n\nBody\n\n<!-- orch:comments -->\n\nThe first.\n')
  t.events()?.hint(path)
  await t.sync()
  const found = t.held.project.recordAt(path)
  if (!found) throw new Error('no record')
  expect(t.task(found.id).values.body).toBe('Body')
  expect(entriesOf(t.task(found.id).values.comments)).toMatchObject([{ by: 'alice', text: 'The first.' }])
})
