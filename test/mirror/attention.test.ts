import { beforeEach, describe, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { AttentionItem, AttentionKind } from '../../src/model/attention.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestMirror, type TestMirror } from '../helpers/mirror.ts'
import { byAlice, byClaude } from '../helpers/project.ts'

let t: TestMirror
beforeEach(async () => {
  t = await createTestMirror()
})

const item = (of: TestMirror, kind: AttentionKind): AttentionItem =>
  must(
    of.attention.list().find((one) => one.kind === kind),
    `no ${kind} among ${JSON.stringify(of.attention.list())}`,
  )

describe('[M6] a save from an older text', () => {
  test('[M6][P6] is an item that survives a restart, and accepting it takes out what others had added', async () => {
    const id = await t.create('One', { body: 'one\n\ntwo\n\nthree' })
    await t.sync()
    const loaded = t.file(id)
    await t.update(id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent, a whole sentence\n\n' }] } })
    await t.sync()
    t.disk.save(t.path(id), loaded.replace('three', 'three by hand'))
    await t.sync()
    expect(t.file(id)).toContain('by an agent, a whole sentence')
    expect(t.disk.text('LOCAL.md')).toContain(item(t, 'stale_save').id)

    const later = await t.restart()
    const found = item(later, 'stale_save')
    expect(found).toMatchObject({ where: t.path(id), record: id, since: expect.stringMatching(/^20/) })
    expect(found.ways.map(({ name }) => name)).toEqual(['accept', 'dismiss'])
    await later.drive(later.attention.settle(found.id, 'accept', byAlice))
    await later.sync()
    expect(later.task(id).values.body).toBe('one\n\ntwo\n\nthree by hand')
    expect(later.file(id)).toContain('one\n\ntwo\n\nthree by hand\n')
    expect(later.attention.list()).toEqual([])
  })

  test('[M6] what was written after it stays when it is accepted', async () => {
    const id = await t.create('One', { body: 'one\n\ntwo' })
    await t.sync()
    const loaded = t.file(id)
    await t.update(id, { edit: { body: [{ at: 0, delete: 0, insert: 'zero\n\n' }] } })
    await t.sync()
    t.disk.save(t.path(id), loaded)
    await t.sync()
    await t.update(id, { edit: { body: [{ at: 'zero\n\none\n\ntwo'.length, delete: 0, insert: '\n\nafter it' }] } })
    await t.drive(t.attention.settle(item(t, 'stale_save').id, 'accept', byAlice))
    expect(t.task(id).values.body).toBe('one\n\ntwo\n\nafter it')
  })

  test('[M6] of the project’s state, accepting sets the keys that others had set', async () => {
    await t.drive(
      t.held.project.transact(byAlice, (tx) => {
        tx.setKey('state', 'a', 1)
        tx.setKey('state', 'b', 1)
      }),
    )
    await t.sync()
    const loaded = must(t.disk.text('state.json'), 'no state.json')
    await t.drive(t.held.project.transact(byAlice, (tx) => tx.setKey('state', 'b', 2)))
    await t.sync()
    t.disk.save('state.json', loaded)
    await t.sync()
    await t.drive(t.attention.settle(item(t, 'stale_save').id, 'accept', byAlice))
    expect(t.held.project.readKeys('state').get('b')?.value).toBe(1)
  })
})

describe('[P6] what is told of a save is durable with it', () => {
  const first = async (): Promise<string> => {
    const id = await t.create('One', { body: 'one\n\ntwo', status: 'todo' })
    await t.update(id, { append: { comments: [{ text: 'said' }] } })
    await t.sync()
    return id
  }
  test('[P6][M6][M9] when the row of a save is told of, its items are there', async () => {
    const id = (await first()) as Parameters<TestMirror['file']>[0]
    const loaded = t.file(id)
    await t.update(id, { edit: { body: [{ at: 0, delete: 0, insert: 'zero, and more of it\n\n' }] } })
    await t.sync()
    await t.update(id, { set: { status: 'blocked' } })
    t.disk.save(t.path(id), loaded.replace('status: todo', 'status: review').replace('> said', '> unsaid'))
    const seen: string[][] = []
    t.held.project.onCommit(() => seen.push(t.attention.list().map(({ kind }) => kind)))
    await t.sync()
    expect(seen[0]?.toSorted()).toEqual(['kept_line', 'overridden_value', 'stale_save'])
  })

  test('[P1][M6] a save of an old text that the disk refuses is not counted as the first of two', async () => {
    for (let k = 1; k <= 16; k++) {
      t = await createTestMirror()
      const id = (await first()) as Parameters<TestMirror['file']>[0]
      const loaded = t.file(id)
      await t.update(id, { edit: { body: [{ at: 0, delete: 0, insert: 'zero, and more of it\n\n' }] } })
      await t.sync()
      t.disk.save(t.path(id), loaded)
      t.held.database.failAt(k, 1)
      // The first to hear of a failing disk may be who waits.
      await t.sync().catch(() => undefined)
      t.held.database.heal()
      await t.clock.advance(6000)
      await t.sync()
      expect(t.file(id), `call ${k}`).toContain('zero, and more of it')
      expect(item(t, 'stale_save').where).toBe(t.path(id))
    }
  })
})

describe('[M8] files that were gone at once', () => {
  test('[M8][P6] are held; confirmed, their records are deleted, but not one that somebody changed', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, (_, i) => t.create(`Task ${i}`)))
    await t.sync()
    for (const id of ids) t.disk.delete(t.path(id))
    await t.sync()
    await t.clock.advance(2000)
    await t.sync()
    const later = await t.restart()
    const found = item(later, 'held_deletes')
    expect(found.ways).toMatchObject([{ name: 'delete', destructive: true }, { name: 'dismiss' }])
    expect(`${found.what} ${found.why} ${found.fix}`).not.toContain('orch ')
    const [kept] = ids
    await later.update(must(kept, 'one'), { set: { priority: 'high' } })
    const said = await later.drive(later.attention.settle(found.id, 'delete', byAlice))
    expect(said).toContain('Deleted 11 records')
    expect(later.held.project.ids(task)).toEqual([kept])
    await later.sync()
    expect(later.attention.list()).toEqual([])
  })
})

describe('a value that two set', () => {
  test('[P6] the one that lost is kept, and can be taken', async () => {
    const id = await t.create('One')
    await t.sync()
    const loaded = t.file(id)
    await t.update(id, { set: { priority: 'critical' } })
    t.disk.save(t.path(id), loaded.replace('priority: medium', 'priority: low'))
    await t.sync()
    expect(t.task(id).values.priority).toBe('low')
    const found = item(t, 'overridden_value')
    expect(found.what).toContain('"critical"')
    await t.drive(t.attention.settle(found.id, 'take', byAlice))
    expect(t.task(id).values.priority).toBe('critical')
    expect(t.attention.list().map(({ kind }) => kind)).not.toContain('overridden_value')
  })
})

describe('what stands still', () => {
  test('[M7] a broken file keeps its id and its time over a restart, and goes when it is mended', async () => {
    const id = await t.create('One')
    await t.sync()
    const good = t.file(id)
    t.disk.save(t.path(id), good.replace('status: todo', 'status: nearly'))
    await t.sync()
    const found = item(t, 'broken_file')
    expect(found).toMatchObject({ where: t.path(id), record: id, line: 4, ways: [{ name: 'restore' }] })
    await t.clock.advance(60_000)
    const later = await t.restart()
    expect(item(later, 'broken_file')).toEqual(found)
    await expect(later.drive(later.attention.settle(found.id, 'dismiss', byAlice))).rejects.toThrow(/restore/)
    later.disk.save(t.path(id), good)
    await later.sync()
    expect(later.attention.list()).toEqual([])
  })

  test('[M7][P6] a broken file is written again when somebody wishes, and what it held is kept beside it', async () => {
    const id = await t.create('One', { body: 'one' })
    await t.sync()
    for (const [i, text] of ['', '---\nstatus: [\n---\n\none\n'].entries()) {
      t.disk.save(t.path(id), text)
      await t.sync()
      await t.update(id, { set: { priority: i === 0 ? 'high' : 'low' } })
      const found = item(t, 'broken_file')
      const said = await t.drive(t.attention.settle(found.id, 'restore', byAlice))
      await t.sync()
      const kept = `${t.path(id)}${i === 0 ? '~' : '.~1~'}`
      expect(said).toContain(kept)
      expect(t.disk.text(kept)).toBe(text)
      expect(t.file(id)).toContain(i === 0 ? 'priority: high' : 'priority: low')
      expect(t.task(id).deletedAt).toBeUndefined()
      expect(t.attention.list()).toEqual([])
    }
    expect(t.held.project.ids(task)).toEqual([id])
  })

  test('[M7][P2] a broken file that is mended in the moment of that wish is read, and stays', async () => {
    const id = await t.create('One', { body: 'one' })
    await t.sync()
    const good = t.file(id)
    t.disk.save(t.path(id), '')
    await t.sync()
    const found = item(t, 'broken_file')
    t.disk.before = (step) => {
      if (step === 'move') t.disk.save(t.path(id), good.replace('one', 'one by hand'))
      if (step === 'move') t.disk.before = () => undefined
    }
    expect(await t.drive(t.attention.settle(found.id, 'restore', byAlice))).toContain('looked at again')
    await t.sync()
    expect(t.task(id).values.body).toBe('one by hand')
    expect(t.disk.paths().filter((path) => path.endsWith('~'))).toEqual([])
  })

  test('[M7] the board and the state are written again; a file that is no record yet has nothing to be written', async () => {
    await t.create('One')
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.setKey('state', 'phase', 'one')))
    await t.sync()
    const [board, state] = [t.disk.text('BOARD.md'), t.disk.text('state.json')]
    t.disk.save('BOARD.md', '## Nowhere\n')
    t.disk.save('state.json', '{')
    t.disk.save('tasks/new.md', '---\nstatus: [\n---\n')
    await t.sync()
    const broken = (): readonly AttentionItem[] => t.attention.list().filter(({ kind }) => kind === 'broken_file')
    const items = broken()
    expect(items.map(({ where, ways }) => [where, ways.length]).sort()).toEqual([
      ['BOARD.md', 1],
      ['state.json', 1],
      ['tasks/new.md', 0],
    ])
    for (const { id, ways } of items) if (ways.length > 0) await t.drive(t.attention.settle(id, 'restore', byAlice))
    await t.sync()
    expect([t.disk.text('BOARD.md'), t.disk.text('state.json')]).toEqual([board, state])
    expect(broken()).toHaveLength(1)
  })
})
