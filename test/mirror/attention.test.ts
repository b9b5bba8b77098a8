import { beforeEach, describe, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { AttentionItem, AttentionKind } from '../../src/model/attention.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestMirror, type TestMirror } from '../helpers/mirror.ts'
import { byAlice } from '../helpers/project.ts'

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
    expect(found).toMatchObject({ where: t.path(id), record: id, line: 4, ways: [] })
    await t.clock.advance(60_000)
    const later = await t.restart()
    expect(item(later, 'broken_file')).toEqual(found)
    await expect(later.drive(later.attention.settle(found.id, 'dismiss', byAlice))).rejects.toThrow(
      /nothing can be chosen/,
    )
    later.disk.save(t.path(id), good)
    await later.sync()
    expect(later.attention.list()).toEqual([])
  })
})
