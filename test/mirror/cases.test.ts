import { describe, expect, test } from 'vitest'
import { OrchError } from '../../src/base/error.ts'
import { page } from '../../src/model/kinds/page.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestMirror, type TestMirror } from '../helpers/mirror.ts'
import { byClaude } from '../helpers/project.ts'

const problems = (t: TestMirror): readonly string[] => t.mirror.problems().map(({ what }) => what)
const pages = (t: TestMirror): readonly string[] => t.disk.paths().filter((path) => path.startsWith('pages/'))
const titles = (t: TestMirror): readonly string[] =>
  t.held.project
    .ids(page)
    .map((id) => String(t.held.project.read(page, id)?.values.title))
    .sort()

describe('W2: what a watcher makes of a file that is emptied and then written', () => {
  test('[M3][M4] W2: one event that shows no bytes, and none after: the text is taken in all the same', async () => {
    const t = await createTestMirror()
    const id = await t.create('Fix login', { body: 'one\n\ntwo' })
    await t.sync()
    const text = t.file(id).replace('two', 'two by hand')
    t.disk.save(t.path(id), '')
    t.events()?.hint(t.path(id))
    await t.clock.advance(20)
    t.disk.save(t.path(id), text)
    await t.clock.advance(6000)
    expect(t.task(id).values.body).toBe('one\n\ntwo by hand')
    expect(problems(t)).toEqual([])
  })

  test('[M3] W2: of two saves within a few milliseconds the last one counts, whatever was told', async () => {
    const t = await createTestMirror()
    const id = await t.create('Fix login', { body: 'one' })
    await t.sync()
    t.disk.save(t.path(id), t.file(id).replace('one', 'first'))
    t.events()?.hint(t.path(id))
    await t.clock.advance(240)
    t.disk.save(t.path(id), t.file(id).replace('first', 'second'))
    await t.clock.advance(6000)
    expect(t.task(id).values.body).toBe('second')
  })
})

describe('names that people and other replicas choose', () => {
  test('[M12] N3: a record’s file never leads out of its folder', async () => {
    const t = await createTestMirror()
    const id = await t.create('Fix login', { body: 'one' })
    for (const file of [
      '../evil.md',
      '../../evil.md',
      '/etc/evil.md',
      'a/../../evil.md',
      '.orch/evil.md',
      'a\\..\\b.md',
    ]) {
      const refused = await t.update(id, { file }).then(
        () => undefined,
        (error: unknown) => error,
      )
      if (refused !== undefined) expect(refused, file).toBeInstanceOf(OrchError)
      await t.sync()
      expect(t.path(id), file).toMatch(/^tasks\/[^.\\][^\\]*\.md$/)
      expect(t.path(id)).not.toContain('..')
      expect(t.disk.paths().filter((path) => path.includes('evil') && !path.startsWith('tasks/'))).toEqual([])
    }
    expect(t.disk.paths().filter((path) => path.startsWith('tasks/'))).toHaveLength(1)
  })

  test('[M12] N3: an id that is none makes a new record, and the file keeps its name', async () => {
    const t = await createTestMirror()
    t.disk.save('tasks/mine.md', '---\nid: ../../evil\ntitle: Mine\n---\n\ntext\n')
    await t.sync()
    const [id] = t.held.project.ids(task)
    expect(id).toMatch(/^t-[0-9a-z]{8}$/)
    expect(t.disk.text('tasks/mine.md')).toContain(`id: ${id}\n`)
    expect(t.disk.paths().filter((path) => path.includes('evil'))).toEqual([])
  })

  test('[M12] N4: a name in another normal form is left alone and told about; the record with that name stays', async () => {
    const t = await createTestMirror()
    t.disk.save('pages/Á.md'.normalize('NFC'), '# Composed\n')
    await t.sync()
    t.disk.save('pages/Á.md'.normalize('NFD'), '# Decomposed\n')
    await t.sync()
    expect(titles(t)).toEqual(['Composed'])
    expect(t.mirror.problems()).toMatchObject([{ what: expect.stringMatching(/normal form C/) }])
    expect(t.disk.text('pages/Á.md'.normalize('NFD'))).toBe('# Decomposed\n')
    t.disk.rename('pages/Á.md'.normalize('NFD'), 'pages/Á-2.md'.normalize('NFC'))
    await t.sync()
    expect(titles(t)).toEqual(['Composed', 'Decomposed'])
    expect(problems(t)).toEqual([])
  })

  test.each(['CON.md', 'nul.md', 'com1.txt.md', 'what?.md', 'a:b.md', 'a /b.md', `${'x'.repeat(220)}.md`])(
    '[M12] N5: %s, which some systems cannot hold, is left alone and told about',
    async (name) => {
      const t = await createTestMirror()
      t.disk.save(`pages/${name}`, '# Mine\n')
      await t.sync()
      expect(titles(t)).toEqual([])
      expect(t.mirror.problems()).toMatchObject([
        { where: `pages/${name}`, what: expect.stringMatching(/cannot be used everywhere/) },
      ])
      expect(t.disk.text(`pages/${name}`)).toBe('# Mine\n')
      t.disk.rename(`pages/${name}`, 'pages/mine.md')
      await t.sync()
      expect(titles(t)).toEqual(['Mine'])
      expect(problems(t)).toEqual([])
    },
  )

  test('[M11][M12] P3: names that differ in case alone are both kept, under names that differ everywhere', async () => {
    const t = await createTestMirror()
    t.disk.save('pages/Guide.md', '# One\n\nfirst\n')
    await t.sync()
    t.disk.save('pages/guide.md', '# Two\n\nsecond\n')
    await t.sync()
    expect(titles(t)).toEqual(['One', 'Two'])
    expect(new Set(pages(t).map((path) => path.toLowerCase())).size).toBe(2)
    for (const id of t.held.project.ids(page)) {
      const title = String(t.held.project.read(page, id)?.values.title)
      expect(t.disk.text(t.held.project.pathOf(page, id))).toContain(`# ${title}`)
    }
    expect(problems(t)).toEqual([])
  })

  test('[M11][M12] P3: two replicas that name a file alike but for its case, on a disk that folds case: both texts are there', async () => {
    const t = await createTestMirror({ tier: { foldsCase: true } })
    t.disk.save('pages/Guide.md', '# One\n\nfirst\n')
    await t.sync()
    await t.drive(
      t.held.project.transact(byClaude, (tx) =>
        tx.create(page, { title: 'Two', body: 'second' }, { file: 'guide.md' }),
      ),
    )
    await t.sync()
    expect(titles(t)).toEqual(['One', 'Two'])
    const all = pages(t)
      .map((path) => t.disk.text(path))
      .join()
    expect(all).toContain('first')
    expect(all).toContain('second')
    expect(pages(t)).toHaveLength(2)
  })

  test('[M12] N2: a folder that is a link is not entered, and nothing in it is taken as deleted', async () => {
    const t = await createTestMirror()
    t.disk.save('pages/guide/a.md', '# A\n')
    await t.sync()
    t.disk.delete('pages')
    t.disk.symlink('pages')
    await t.clock.advance(12_000)
    expect(titles(t)).toEqual(['A'])
    expect(t.mirror.problems()).toMatchObject([{ where: 'pages' }])
    t.disk.delete('pages')
    await t.sync()
    await t.clock.advance(12_000)
    expect(problems(t).filter((what) => what.includes('link'))).toEqual([])
  })

  test('[M12] one file with two names: the second name is a copy, and each is a file of its own afterwards', async () => {
    const t = await createTestMirror()
    const id = await t.create('Fix login', { body: 'one' })
    await t.sync()
    await t.disk.link(t.path(id), 'tasks/second.md')
    await t.sync()
    expect(t.held.project.ids(task)).toHaveLength(2)
    t.disk.save('tasks/second.md', (t.disk.text('tasks/second.md') ?? '').replace('one', 'one by hand'))
    await t.sync()
    expect(t.task(id).values.body).toBe('one')
  })
})

describe('[M7] the id', () => {
  test.each<[string, (text: string, other: string) => string]>([
    ['changed to nonsense', (text) => text.replace(/^id: .*$/m, 'id: [')],
    ['changed to that of another record', (text, other) => text.replace(/^id: .*$/m, `id: ${other}`)],
    ['removed', (text) => text.replace(/^id: .*\n/m, '')],
    ['emptied', (text) => text.replace(/^id: .*$/m, 'id:')],
  ])('[M7] %s by hand: the file stays that of its record, and both records keep their texts', async (_how, edit) => {
    const t = await createTestMirror()
    const id = await t.create('One', { body: 'one' })
    const other = await t.create('Other', { body: 'other' })
    await t.sync()
    t.disk.save(t.path(id), edit(t.file(id), other).replace(/one\n$/, 'one by hand\n'))
    await t.sync()
    expect(t.task(id).values.body).toBe('one by hand')
    expect(t.task(other).values.body).toBe('other')
    expect(t.held.project.ids(task)).toHaveLength(2)
    if (problems(t).length > 0) return
    expect(t.file(id)).toContain(`id: ${id}\n`)
  })

  test('[M7] two files that change places keep the records that are at their paths: no text is lost', async () => {
    const t = await createTestMirror()
    const [a, b] = [await t.create('One', { body: 'one' }), await t.create('Other', { body: 'other' })]
    await t.sync()
    const [pathA, pathB] = [t.path(a), t.path(b)]
    t.disk.rename(pathA, 'tasks/held.tmp')
    t.disk.rename(pathB, pathA)
    t.disk.rename('tasks/held.tmp', pathB)
    await t.sync()
    const texts = t.held.project.ids(task).map((id) => String(t.task(id).values.body))
    expect(texts.sort()).toEqual(['one', 'other'])
  })
})
