import { describe, expect, test } from 'vitest'
import type { Disk } from '../../src/mirror/disk.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestMirror, type TestMirror, TIERS } from '../helpers/mirror.ts'
import { byClaude } from '../helpers/project.ts'
import type { MemoryDiskOptions } from '../memory/disk.ts'

const insert = (text: string) => ({ edit: { body: [{ at: 0, delete: 0, insert: `${text}\n\n` }] } })
const privateFiles = (t: TestMirror): readonly string[] =>
  t.disk.paths().filter((path) => path.startsWith('.orch/') && path !== '.orch/root')

async function withTask(tier: MemoryDiskOptions) {
  const t = await createTestMirror({ tier })
  const id = await t.create('Fix login', { body: 'one\n\ntwo' })
  await t.sync()
  return { ...t, id }
}

/** The steps of a write-out that a save can come right before. */
const stepsOf = ({ isFull }: MemoryDiskOptions): readonly (keyof Disk)[] =>
  isFull ? ['read', 'exchange'] : ['read', 'move', 'link']

/** A program opens the file in the last moment before it is replaced, and writes to it later. */
function openedLate(t: TestMirror, path: string): { write(content: string): void; close(): void } {
  let handle: ReturnType<TestMirror['disk']['open']> | undefined
  t.disk.before = (step, at) => {
    if (handle || (step !== 'exchange' && !(step === 'move' && at === path))) return
    handle = t.disk.open(path)
  }
  return { write: (content) => handle?.write(content), close: () => handle?.close() }
}

/** Runs `act` right before the given step of the disk, once. */
function beforeStep(t: TestMirror, step: keyof Disk, at: (path: string) => boolean, act: () => void): void {
  t.disk.before = (name, path) => {
    if (name !== step || !at(path)) return
    t.disk.before = () => undefined
    act()
  }
}

const DISKS = [...TIERS, ['basic, without second names', { hasNoLinks: true }] as const]

describe.each(TIERS)('[M5] compare and swap, %s disk', (_tier, tier) => {
  test.each(stepsOf(tier))('[M5] R1: a save in place right before the %s of a write-out is not lost', async (step) => {
    const t = await withTask(tier)
    const path = t.path(t.id)
    const saved = t.file(t.id).replace('two', 'two by hand')
    beforeStep(
      t,
      step,
      (at) => at === path || step === 'link' || step === 'exchange',
      () => t.disk.save(path, saved),
    )
    await t.update(t.id, insert('zero'))
    await t.sync()
    expect(t.task(t.id).values.body).toBe('zero\n\none\n\ntwo by hand')
    expect(t.file(t.id)).toContain('zero\n\none\n\ntwo by hand\n')
  })

  test.each(stepsOf(tier))('[M5] R1: a save by rename right before the %s of a write-out is not lost', async (step) => {
    const t = await withTask(tier)
    const path = t.path(t.id)
    const saved = t.file(t.id).replace('two', 'two by hand')
    beforeStep(
      t,
      step,
      (at) => at === path || step === 'link' || step === 'exchange',
      () => t.disk.saveByRename(path, saved),
    )
    await t.update(t.id, insert('zero'))
    await t.sync()
    expect(t.task(t.id).values.body).toBe('zero\n\none\n\ntwo by hand')
    expect(t.file(t.id)).toContain('zero\n\none\n\ntwo by hand\n')
  })

  test.skipIf(tier.isFull)('[M5] two saves in the moment of the exchange are both taken in', async () => {
    const t = await withTask(tier)
    const path = t.path(t.id)
    const loaded = t.file(t.id)
    let hits = 0
    t.disk.before = (step, at) => {
      if (step === 'move' && at === path && ++hits === 1) t.disk.save(path, loaded.replace('one', 'one by hand'))
      if (step === 'read' && at.endsWith('.old') && ++hits === 2)
        t.disk.saveByRename(path, loaded.replace('two', 'two by hand'))
    }
    await t.update(t.id, insert('zero'))
    await t.sync()
    await t.clock.advance(30_000)
    expect(hits).toBeGreaterThanOrEqual(2)
    expect(t.task(t.id).values.body).toBe('zero\n\none by hand\n\ntwo by hand')
    expect(t.file(t.id)).toContain('zero\n\none by hand\n\ntwo by hand\n')
    expect(privateFiles(t)).toEqual([])
  })

  test.skipIf(!tier.isFull)(
    '[P2][M5] two saves, each in the moment of an exchange, the second made from the first, are taken in once',
    async () => {
      const t = await withTask(tier)
      const path = t.path(t.id)
      const first = t.file(t.id).replace('two', 'two\n\nfirst by hand')
      let hits = 0
      t.disk.before = (step) => {
        if (step !== 'exchange' || ++hits > 2) return
        t.disk.saveByRename(path, hits === 1 ? first : first.replace('first', 'second by hand\n\nfirst'))
      }
      await t.update(t.id, insert('zero'))
      await t.clock.advance(20)
      await t.update(t.id, insert('minus one'))
      await t.sync()
      await t.clock.advance(30_000)
      expect(hits).toBeGreaterThanOrEqual(2)
      expect(t.task(t.id).values.body).toBe('minus one\n\nzero\n\none\n\ntwo\n\nsecond by hand\n\nfirst by hand')
      expect(privateFiles(t)).toEqual([])
    },
  )

  test.skipIf(tier.isFull)(
    '[M5] two saves in the moment of the exchange, the second made from the first, are taken in once',
    async () => {
      const t = await withTask(tier)
      const path = t.path(t.id)
      const first = t.file(t.id).replace('one', 'one by hand')
      let hits = 0
      t.disk.before = (step, at) => {
        if (step === 'move' && at === path && hits === 0 && ++hits) t.disk.save(path, first)
        if (step === 'read' && at.endsWith('.old') && hits === 1 && ++hits) {
          t.disk.saveByRename(path, first.replace('two', 'two by hand'))
        }
      }
      await t.update(t.id, insert('zero'))
      await t.sync()
      await t.clock.advance(30_000)
      expect(hits).toBe(2)
      expect(t.file(t.id)).toContain('zero\n\none by hand\n\ntwo by hand\n')
    },
  )

  test('[M5] R3: what a program still writes to a file that was replaced is taken in', async () => {
    const t = await withTask(tier)
    const loaded = t.file(t.id)
    const handle = openedLate(t, t.path(t.id))
    await t.update(t.id, insert('zero'))
    await t.sync()
    handle.write(loaded.replace('two', 'two by hand'))
    handle.close()
    await t.clock.advance(10_500)
    expect(t.file(t.id)).toContain('zero\n\none\n\ntwo by hand\n')
    await t.clock.advance(30_000)
    expect(privateFiles(t)).toEqual([])
  })

  test('[M5] what a program still writes to a file that was removed brings its record back', async () => {
    const t = await withTask(tier)
    const loaded = t.file(t.id)
    const handle = openedLate(t, t.path(t.id))
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.delete(task, t.id)))
    await t.sync()
    handle.write(loaded.replace('two', 'two by hand'))
    handle.close()
    await t.clock.advance(11_000)
    expect(t.task(t.id).deletedAt).toBeUndefined()
    expect(t.file(t.id)).toContain('two by hand')
  })

  test.each(['---\nid: [broken\n', 'text that has lost its front matter\n', '\n'])(
    '[M5] a late text that cannot be read is kept, and said where: %j',
    async (late) => {
      const t = await withTask(tier)
      const handle = openedLate(t, t.path(t.id))
      await t.update(t.id, insert('zero'))
      await t.sync()
      handle.write(late)
      handle.close()
      await t.clock.advance(40_000)
      const kept = privateFiles(t)
      expect(kept).toHaveLength(1)
      expect(
        t.mirror
          .problems()
          .map(({ what }) => what)
          .join(),
      ).toContain(kept[0])
    },
  )

  test('[M5] a disk that refuses is tried again, and nothing is left behind', async () => {
    const t = await withTask(tier)
    for (const step of ['create', 'move', 'exchange', 'link', 'remove'] as const) {
      t.disk.before = (name) => {
        if (name === step) throw new Error('ENOSPC: no space left on device')
      }
      await t.update(t.id, insert(`before ${step}`))
      await t.clock.advance(12_000)
      t.disk.before = () => undefined
      await t.clock.advance(6000)
      await t.sync()
      expect(t.file(t.id)).toContain(`before ${step}`)
      expect(t.mirror.problems()).toEqual([])
    }
    await t.clock.advance(30_000)
    await t.restart()
    expect(privateFiles(t)).toEqual([])
  })

  test('[P6] a folder that cannot be written is named for as long as that lasts, tried ever more seldom, and written by itself', async () => {
    const t = await withTask(tier)
    let tries = 0
    t.disk.before = (name, path) => {
      if (!['exchange', 'link'].includes(name) && !(name === 'move' && path.startsWith('tasks/'))) return
      tries++
      throw Object.assign(new Error(`EACCES: permission denied, ${name} '/a/${tries}.new'`), { code: 'EACCES' })
    }
    const created = await t.create('Another')
    await t.clock.advance(2000)
    const shown = t.mirror.problems().map(({ where, what }) => `${where} ${what}`)
    expect(shown).toContain(`${t.path(created)} cannot be written: EACCES: permission denied`)
    tries = 0
    await t.clock.advance(60_000)
    expect(tries).toBeLessThan(80)
    expect(t.mirror.problems().map(({ where, what }) => `${where} ${what}`)).toEqual(expect.arrayContaining(shown))
    t.disk.before = () => undefined
    await t.clock.advance(15_000)
    expect(t.file(created)).toContain('Another')
    expect(t.mirror.problems()).toEqual([])
  })
})

describe.each(DISKS)('[M5] crashes, %s disk', (_tier, tier) => {
  /** Lets the disk die at its nth step from now on, as a kill does. */
  function dieAt(t: TestMirror, n: number): { hit: boolean } {
    const state = { hit: false }
    let left = n
    t.disk.before = () => {
      if (left-- > 0) return
      state.hit = true
      throw new Error('killed')
    }
    return state
  }

  const each = ['a change', 'a deletion', 'a creation', 'a rename', 'a change and a save']
  test.each(['alone', 'by a power cut'].flatMap((how) => each.map((what) => [how, what] as const)))(
    '[M5] C1 to C9: killed %s at each step of writing out %s, everything is there after the next start',
    async (how, what) => {
      for (let n = 0; n < 60; n++) {
        const t = await withTask(tier)
        const path = t.path(t.id)
        const death = dieAt(t, n)
        let other = t.id
        if (what === 'a deletion') await t.drive(t.held.project.transact(byClaude, (tx) => tx.delete(task, t.id)))
        else if (what === 'a creation') other = await t.create('Another', { body: 'other' })
        else if (what === 'a rename') await t.update(t.id, { file: 'login.md' })
        else await t.update(t.id, insert('zero'))
        await t.clock.advance(200)
        if (what === 'a change and a save' && t.disk.text(path) !== undefined)
          t.disk.save(path, `${t.file(t.id)}\nby hand\n`)
        t.disk.before = () => undefined
        // With the process may go what was not on disk yet.
        if (how === 'by a power cut') t.held.database.powerCut()
        const next = await t.restart()
        await next.sync()
        await next.clock.advance(30_000)
        await next.sync()
        if (what === 'a deletion') {
          expect(next.task(t.id).deletedAt, `step ${n}`).toBeDefined()
          expect(next.disk.text(path)).toBeUndefined()
        } else {
          expect(next.task(t.id).deletedAt, `step ${n}`).toBeUndefined()
          expect(next.file(t.id).match(/one/g), `step ${n}`).toHaveLength(1)
          if (what.startsWith('a change')) expect(next.file(t.id).match(/zero/g), `step ${n}`).toHaveLength(1)
          if (what === 'a creation') expect(next.file(other)).toContain('other')
          if (what === 'a rename')
            expect(next.disk.paths().filter((at) => at.startsWith('tasks/'))).toEqual(['tasks/login.md'])
        }
        expect(privateFiles(next), `step ${n}`).toEqual([])
        expect(next.held.project.ids(task)).toHaveLength(what === 'a deletion' ? 0 : what === 'a creation' ? 2 : 1)
        if (!death.hit) return
      }
      throw new Error('never ran to the end')
    },
  )
})

test.each([
  ['as it was', ''],
  ['with a save', '\nby hand\n'],
])(
  '[M5] a power cut at any time after a file was written, found %s, loses and doubles nothing, and leaves nothing behind',
  async (_, saved) => {
    let cut = 0
    for (let seconds = 0; seconds <= 24; seconds += 2) {
      const t = await withTask({})
      await t.update(t.id, { ...insert('zero'), increment: { spentHours: 1 } })
      await t.clock.advance(200 + seconds * 1000)
      cut += t.held.database.powerCut()
      if (saved) t.disk.save(t.path(t.id), `${t.file(t.id)}${saved}`)
      const next = await t.restart()
      await next.sync()
      await next.clock.advance(30_000)
      await next.sync()
      expect(next.task(t.id).values.body, `after ${seconds} s`).toBe(`zero\n\none\n\ntwo${saved && '\n\nby hand'}`)
      expect(next.task(t.id).values.spentHours, `after ${seconds} s`).toBe(1)
      expect(next.file(t.id), `after ${seconds} s`).toContain(`\nzero\n\none\n\ntwo\n${saved}`)
      expect(next.mirror.problems(), `after ${seconds} s`).toEqual([])
      expect(privateFiles(next), `after ${seconds} s`).toEqual([])
    }
    expect(cut).toBeGreaterThan(10)
  },
)

test('[P3] regression: what could not be written because the database refused is written when it works again', async () => {
  for (let k = 1; ; k++) {
    const t = await withTask({})
    const { calls } = t.held.database
    t.held.database.failAt(k, 3)
    const isDone = await t.update(t.id, insert('zero')).then(
      () => true,
      () => false,
    )
    await t.clock.advance(500)
    const isThrough = t.held.database.calls - calls < k
    t.held.database.heal()
    await t.sync()
    expect(t.file(t.id), `call ${k}`).toContain(isDone ? '\nzero\n\none\n\ntwo\n' : '\none\n\ntwo\n')
    expect(t.mirror.problems(), `call ${k}`).toEqual([])
    if (isThrough) break
  }
})
