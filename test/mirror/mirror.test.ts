import { describe, expect, test } from 'vitest'
import { sleep } from '../../src/base/clock.ts'
import { MAX_FILE_BYTES } from '../../src/mirror/disk.ts'
import { QUIET_MS } from '../../src/mirror/settle.ts'
import type { RecordId } from '../../src/model/id.ts'
import type { RecordKind, Values } from '../../src/model/kind.ts'
import { context } from '../../src/model/kinds/context.ts'
import { page } from '../../src/model/kinds/page.ts'
import { session } from '../../src/model/kinds/session.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createTestMirror, type TestMirror } from '../helpers/mirror.ts'
import { DECLARED, kindsOfText } from '../helpers/own-kinds.ts'
import { byAlice, byClaude } from '../helpers/project.ts'

const titles = (t: TestMirror): string[] =>
  t.held.project
    .ids(task)
    .map((id) => String(t.held.project.read(task, id)?.values.title))
    .sort()
const problems = (t: TestMirror): string[] => t.mirror.problems().map(({ what }) => what)
const taskPaths = (t: TestMirror): string[] => t.disk.paths().filter((path) => path.startsWith('tasks/'))

async function withTask(
  body = 'one\n\ntwo\n\nthree',
): Promise<TestMirror & { id: Awaited<ReturnType<TestMirror['create']>> }> {
  const t = await createTestMirror()
  const id = await t.create('Fix login', { body })
  await t.sync()
  return { ...t, id }
}

describe('both ways', () => {
  test('a record gets a file, a change rewrites it, a deletion removes it', async () => {
    const t = await withTask()
    expect(t.file(t.id)).toContain('title: Fix login')
    await t.update(t.id, { set: { status: 'review' } })
    await t.clock.advance(200)
    expect(t.file(t.id)).toContain('status: review')
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.delete(task, t.id)))
    await t.clock.advance(200)
    expect(taskPaths(t)).toEqual([])
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.restore(task, t.id)))
    await t.sync()
    expect(t.file(t.id)).toContain('status: review')
  })

  test('[M3] a save is taken in after an event, by the actor who saves files', async () => {
    const t = await withTask()
    t.disk.save(t.path(t.id), t.file(t.id).replace('two', 'two and a half'))
    t.events()?.hint(t.path(t.id))
    await t.clock.advance(350)
    expect(t.task(t.id).values.body).toContain('two and a half')
    expect(t.task(t.id).updatedBy).toBe('alice')
  })

  test('[M3] a save that no event tells of is taken in by the next scan', async () => {
    const t = await withTask()
    t.disk.save(t.path(t.id), t.file(t.id).replace('two', 'two and a half'))
    await t.clock.advance(5400)
    expect(t.task(t.id).values.body).toContain('two and a half')
  })

  test('[M3][P8] while nothing happens, files are looked at ever more seldom, and as often as before once something does', async () => {
    const t = await withTask()
    let scans = 0
    t.disk.before = (step, path) => {
      if (step === 'list' && path === '') scans++
    }
    const scansIn = async (ms: number): Promise<number> => {
      scans = 0
      await t.clock.advance(ms)
      return scans
    }
    expect(await scansIn(60_000)).toBeLessThan(9)
    await t.clock.advance(300_000)
    expect(await scansIn(600_000)).toBe(10)
    t.events()?.hint(t.path(t.id))
    expect(await scansIn(5_100)).toBe(1)
    // What no event tells of is found all the same.
    await t.clock.advance(300_000)
    t.disk.save(t.path(t.id), t.file(t.id).replace('status: todo', 'status: review'))
    for (let i = 0; i < 61 && t.task(t.id).values.status !== 'review'; i++) await t.clock.advance(1000)
    expect(t.task(t.id).values.status).toBe('review')
    expect(await scansIn(11_000)).toBeGreaterThan(1)
  })

  test('[M3] W1: after more events than the system can hold, all files are looked at, whatever else was told', async () => {
    const t = await withTask()
    const path = t.path(t.id)
    await t.clock.advance(5400)
    t.disk.save(path, t.file(t.id).replace('two', 'two and a half'))
    for (let i = 0; i < 600; i++) t.events()?.hint('tasks/elsewhere.md')
    await t.clock.advance(900)
    expect(t.task(t.id).values.body).toContain('two and a half')
  })

  test.each([5000, 1000])(
    '[M3] W4: where the system has no watches left, every second, also on a busy machine, and it is said: %s ms',
    async (scanMs) => {
      const t = await createTestMirror({ scanMs })
      const id = await t.create('Fix login', { body: 'two' })
      await t.sync()
      const list = t.disk.list
      t.disk.list = async (folder) => {
        await sleep(t.clock, 7)
        return list(folder)
      }
      t.events()?.failed('ENOSPC: System limit for number of file watchers reached')
      await t.clock.advance(1200)
      expect(t.mirror.problems()).toMatchObject([
        { where: 'watcher', what: expect.stringMatching(/ENOSPC.*every second/) },
      ])
      for (const word of ['two and a half', 'two and more']) {
        await t.clock.advance(60_000)
        t.disk.save(t.path(id), t.file(id).replace(/two.*/, word))
        await t.clock.advance(1600)
        expect(t.task(id).values.body).toContain(word)
      }
    },
  )

  test('[M3] on a network file system, nothing is watched and files are read after two quiet seconds', async () => {
    const t = await createTestMirror({ tier: { isRemote: true } })
    const id = await t.create('Fix login', { body: 'one' })
    await t.sync()
    expect(t.events()).toBeUndefined()
    expect(problems(t)).toEqual([])
    t.disk.save(t.path(id), t.file(id).replace('one', 'one by hand'))
    await t.clock.advance(1900)
    expect(t.task(id).values.body).toBe('one')
    await t.clock.advance(2000)
    expect(t.task(id).values.body).toBe('one by hand')
  })

  test('[M3] W5: what was saved while the machine slept for an hour is taken in when it wakes', async () => {
    const t = await createTestMirror({ scanMs: 60_000 })
    const id = await t.create('Fix login', { body: 'one' })
    await t.sync()
    await t.clock.advance(61_000)
    t.clock.jump(3_600_000)
    t.disk.save(t.path(id), t.file(id).replace('one', 'one by hand'))
    await t.clock.advance(6000)
    expect(t.task(id).values.body).toBe('one by hand')
  })

  test('[M3] what orch writes itself is no edit: no row comes of it', async () => {
    const t = await withTask()
    const rows = t.held.project.rowCount()
    t.events()?.hint(t.path(t.id))
    await t.clock.advance(20_000)
    await t.sync()
    expect(t.held.project.rowCount()).toBe(rows)
  })

  test('state.json is merged by key', async () => {
    const t = await createTestMirror()
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.setKey('state', 'phase', 'build')))
    await t.sync()
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.setKey('state', 'progress', 50)))
    t.disk.save('state.json', '{ "phase": "test", "mine": [1] }\n')
    await t.sync()
    expect(JSON.parse(t.disk.text('state.json') ?? '')).toEqual({ mine: [1], phase: 'test', progress: 50 })
  })

  test('README.md shows active sessions, and what others should know', async () => {
    const t = await createTestMirror()
    const write = (values: Values, kind: RecordKind) =>
      t.drive(t.held.project.transact(byClaude, (tx) => tx.create(kind, values)))
    await write({ goal: 'Fix the loop' }, session)
    await write({ goal: 'Over', endedAt: '2026-11-23' }, session)
    const old = await write({ title: 'Old' }, context)
    await write({ title: 'We keep SQLite', type: 'decision', supersedes: old, expiresAt: '2026-12-01' }, context)
    await t.sync()
    const readme = t.disk.text('README.md') ?? ''
    expect(readme).toMatch(
      /## Active sessions\n\n- \[Fix the loop\]\(sessions\/s-\w+\.md\) `s-\w+` · claude\n\n## To know/,
    )
    expect(readme).toMatch(/\[We keep SQLite\]\(context\/\S+\) `c-\w+` · decision, claude, until 2026-12-01\n/)
    expect(readme).not.toMatch(/Over|Old/)
  })

  test('README.md and LOCAL.md follow the state, and are put back when somebody edits them', async () => {
    const t = await withTask()
    expect(t.disk.text('README.md')).toContain(`[Fix login](${t.path(t.id)})`)
    const before = t.disk.text('README.md')
    t.disk.save('README.md', 'mine\n')
    t.disk.delete('LOCAL.md')
    t.events()?.hint('README.md')
    await t.clock.advance(1200)
    expect(t.disk.text('README.md')).toBe(before)
    expect(t.disk.text('LOCAL.md')).toContain(t.held.project.replica)
    expect(titles(t)).toEqual(['Fix login'])
  })

  test('files where no kind lives are nobody’s business', async () => {
    const t = await withTask()
    t.disk.save('elsewhere/notes.txt', 'mine\n')
    t.disk.save('tasks/notes.txt', 'mine\n')
    t.disk.save('tasks/.notes.md.swp', 'mine\n')
    await t.sync()
    expect(titles(t)).toEqual(['Fix login'])
    expect(t.disk.text('elsewhere/notes.txt')).toBe('mine\n')
    expect(problems(t)).toEqual([])
  })
})

describe('[M1] the base', () => {
  test('[M1] R1: a save and a command on one task: both are there, once', async () => {
    const t = await withTask()
    const saved = t.file(t.id).replace('two', 'two by hand').replace('status: todo', 'status: review')
    t.disk.save(t.path(t.id), saved)
    await t.update(t.id, {
      set: { priority: 'high' },
      edit: { body: [{ at: 0, delete: 0, insert: 'zero by command\n\n' }] },
      add: { labels: ['x'] },
    })
    await t.sync()
    expect(t.file(t.id)).toContain('zero by command\n\none\n\ntwo by hand\n\nthree\n')
    expect(t.task(t.id).values).toMatchObject({ status: 'review', priority: 'high', labels: ['x'] })
  })

  test('[M1] the human’s value of a key that both changed wins', async () => {
    const t = await withTask()
    t.disk.save(t.path(t.id), t.file(t.id).replace('status: todo', 'status: review'))
    await t.update(t.id, { set: { status: 'blocked' } })
    await t.sync()
    expect(t.task(t.id).values.status).toBe('review')
  })

  test('[M9] Y7: comments, order, quoting and unknown keys survive the changes of others', async () => {
    const t = await withTask()
    const [, id = ''] = /^id: (.*)$/m.exec(t.file(t.id)) ?? []
    t.disk.save(
      t.path(t.id),
      `---\n# mine\npriority:   low # because\nid: ${id}\ntitle: "Fix login"\nsprint: 010\nstatus: todo\n---\n\ntext\n`,
    )
    await t.sync()
    await t.update(t.id, { set: { status: 'completed' } })
    await t.sync()
    const file = t.file(t.id)
    for (const line of [
      '# mine\n',
      'priority:   low # because\n',
      'title: "Fix login"\n',
      'sprint: 010\nstatus: completed\n',
    ]) {
      expect(file).toContain(line)
    }
    expect(t.task(t.id).extra).toEqual({ sprint: '010' })
  })

  test('a removed or changed id line comes back: a file is known by its path', async () => {
    const t = await withTask()
    t.disk.save(
      t.path(t.id),
      t
        .file(t.id)
        .replace(/^id: .*\n/m, 'id: t-00000000\n')
        .replace('two', 'two!'),
    )
    await t.sync()
    expect(t.file(t.id)).toContain(`id: ${t.id}\n`)
    expect(t.file(t.id)).toContain('two!')
    expect(titles(t)).toHaveLength(1)
  })
})

describe('[M4] half a file', () => {
  test('[M4] a file that is still being written is not read, however long that takes', async () => {
    const t = await withTask('a long body')
    const whole = `${t.file(t.id)}and more\n`
    for (const end of [20, 60, 120, whole.length]) {
      t.disk.save(t.path(t.id), whole.slice(0, end))
      t.events()?.hint(t.path(t.id))
      await t.clock.advance(200)
      expect(t.task(t.id).values.body).toBe('a long body')
    }
    await t.sync()
    expect(t.task(t.id).values.body).toBe('a long body\nand more')
    expect(problems(t)).toEqual([])
  })

  test('[M4] a file that looks torn waits two seconds for its end', async () => {
    const t = await withTask()
    const path = t.path(t.id)
    const whole = t.file(t.id)
    t.disk.save(path, whole.slice(0, -8))
    t.events()?.hint(path)
    await t.clock.advance(1500)
    expect(t.task(t.id).values.body).toContain('three')
    t.disk.save(path, whole)
    await t.sync()
    expect(t.task(t.id).values.body).toBe('one\n\ntwo\n\nthree')
  })
})

describe('[M4] where the disk tells who has a file open', () => {
  async function withOpenTask() {
    const t = await createTestMirror({ tier: { isFull: true } })
    const id = await t.create('Fix login', { body: 'one\n\ntwo\n\nthree' })
    await t.sync()
    return { ...t, id, handle: t.disk.open(t.path(id)) }
  }

  test('[M4] R2: it is never read before it is closed, and 25 ms after', async () => {
    const t = await withOpenTask()
    const whole = t.file(t.id).replace('two', 'two by hand')
    t.handle.write(whole.slice(0, -20))
    t.events()?.hint(t.path(t.id))
    await t.clock.advance(20_000)
    expect(t.task(t.id).values.body).toBe('one\n\ntwo\n\nthree')
    t.handle.write(whole)
    await t.clock.advance(500)
    expect(t.task(t.id).values.body).toBe('one\n\ntwo\n\nthree')
    t.handle.close()
    await t.clock.advance(300)
    expect(t.task(t.id).values.body).toBe('one\n\ntwo by hand\n\nthree')
    t.disk.save(t.path(t.id), whole.replace('one', 'one by hand'))
    t.events()?.hint(t.path(t.id))
    await t.clock.advance(60)
    expect(t.task(t.id).values.body).toBe('one by hand\n\ntwo by hand\n\nthree')
  })

  test('[M4] one that stays open for half a minute is told about until it is closed', async () => {
    const t = await withOpenTask()
    t.handle.write(t.file(t.id).replace('two', 'two by hand'))
    await t.clock.advance(29_000)
    expect(problems(t)).toEqual([])
    await t.clock.advance(8_000)
    expect(t.mirror.problems()).toMatchObject([
      { where: t.path(t.id), what: expect.stringMatching('open for writing') },
    ])
    t.handle.close()
    await t.clock.advance(300)
    expect(problems(t)).toEqual([])
    expect(t.task(t.id).values.body).toContain('two by hand')
  })

  test('[M5] it is not written before it is closed', async () => {
    const t = await withOpenTask()
    const before = t.file(t.id)
    await t.update(t.id, { set: { status: 'review' } })
    await t.clock.advance(3000)
    expect(t.file(t.id)).toBe(before)
    t.handle.close()
    await t.clock.advance(200)
    expect(t.file(t.id)).toContain('status: review')
  })

  test('[M5][M6] a stale save in the moment of the exchange is measured against what it was made from, not against what was written since', async () => {
    const t = await createTestMirror({ tier: { isFull: true } })
    const id = await t.create('Fix login', { body: 'slot: one\n\ntwo\n\nthree' })
    await t.sync()
    const loaded = t.file(id)
    await t.update(id, { edit: { body: [{ at: 11, delete: 0, insert: 'agent\n\n' }] } })
    await t.clock.advance(100)
    t.disk.before = (step) => {
      if (step !== 'exchange') return
      t.disk.before = () => undefined
      t.disk.saveByRename(t.path(id), loaded.replace('three', 'edits\n\nthree'))
      // Written before what was displaced is settled.
      next = t.held.project.transact(byClaude, (tx) =>
        tx.update(task, id, { edit: { body: [{ at: 0, delete: 0, insert: 'more\n\n' }] } }),
      )
    }
    let next: Promise<void> | undefined
    await t.update(id, { edit: { body: [{ at: 6, delete: 3, insert: 'other' }] } })
    await t.clock.advance(300)
    await next
    expect(t.task(id).values.body).toBe('more\n\nslot: other\n\nagent\n\ntwo\n\nedits\n\nthree')
  })

  test('[M5][M12] a link put there in the moment of the exchange is put back', async () => {
    const t = await withOpenTask()
    t.handle.close()
    t.disk.before = (step) => {
      if (step !== 'exchange') return
      t.disk.before = () => undefined
      t.disk.symlink(t.path(t.id))
    }
    await t.update(t.id, { set: { status: 'review' } })
    await t.clock.advance(3000)
    expect(t.disk.text(t.path(t.id))).toBeUndefined()
    expect(problems(t).join()).toContain('symbolic link')
    expect(t.task(t.id).deletedAt).toBeUndefined()
  })
})

describe('[M6] stale saves', () => {
  test('[M6] an editor that loaded an older text loses nobody’s words', async () => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent, a whole sentence\n\n' }] } })
    await t.sync()
    t.disk.save(t.path(t.id), loaded.replace('three', 'three by hand'))
    await t.sync()
    expect(t.file(t.id)).toContain('by an agent, a whole sentence\n\none\n\ntwo\n\nthree by hand\n')
    expect(problems(t).join()).toContain('older text')
    // The editor still has its own text, and saves again.
    t.disk.save(t.path(t.id), loaded.replace('three', 'three by hand, twice'))
    await t.sync()
    expect(t.file(t.id)).toContain('by an agent, a whole sentence\n\none\n\ntwo\n\nthree by hand, twice\n')
  })

  test('[M6] exactly the old text is asked about once, then obeyed', async () => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent\n\n' }] } })
    await t.sync()
    t.disk.save(t.path(t.id), loaded)
    await t.sync()
    expect(t.file(t.id)).toContain('by an agent')
    t.disk.save(t.path(t.id), loaded)
    await t.sync()
    expect(t.file(t.id)).not.toContain('by an agent')
  })

  test('[M6] R5: exactly the old text is obeyed the second time also across a restart of orch', async () => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent\n\n' }] } })
    await t.sync()
    t.disk.save(t.path(t.id), loaded)
    await t.sync()
    const next = await t.restart()
    await next.sync()
    expect(next.file(t.id)).toContain('by an agent')
    next.disk.save(next.path(t.id), loaded)
    await next.sync()
    expect(next.file(t.id)).not.toContain('by an agent')
  })

  test.each([1, 2])(
    '[I3][M6] hours that a save shows are not counted again, however much it looks older: %i',
    async (saves) => {
      const t = await withTask()
      await t.update(t.id, { set: { assignee: 'bob', due: '2026-12-01' } })
      await t.sync()
      await t.clock.advance(1000)
      t.disk.save(t.path(t.id), t.file(t.id).replace('createdAt', 'spentHours: 2\ncreatedAt'))
      await t.sync()
      const loaded = t.file(t.id)
      await t.update(t.id, { increment: { spentHours: 3 } })
      await t.sync()
      await t.clock.advance(1000)
      if (saves === 2) {
        t.disk.save(t.path(t.id), loaded.replace('spentHours: 2', 'spentHours: 4'))
        await t.sync()
        await t.clock.advance(5000)
      }
      const hours = saves === 2 ? 7 : 5
      expect(t.task(t.id).values.spentHours).toBe(hours)
      const less = t
        .file(t.id)
        .replace(/^assignee:.*\n/m, '')
        .replace(/^due:.*/m, 'due:')
      for (let i = 0; i < 4 && t.task(t.id).values.due !== null; i++) {
        t.disk.save(t.path(t.id), less)
        await t.sync()
        await t.clock.advance(5000)
        expect(t.task(t.id).values.spentHours).toBe(hours)
      }
      // What is taken out again and again is out.
      expect(t.task(t.id).values).toMatchObject({ assignee: null, due: null })
    },
  )

  test('[M6] F9: an older text is known after a restart, also when the clock was set meanwhile', async () => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, { increment: { spentHours: 2 }, edit: { body: [{ at: 0, delete: 0, insert: 'agent\n\n' }] } })
    await t.sync()
    t.clock.jump(365 * 86_400_000)
    const again = await t.restart()
    await again.sync()
    again.disk.save(again.path(t.id), loaded.replace('three', 'three by hand'))
    await again.sync()
    expect(again.task(t.id).values).toMatchObject({ spentHours: 2, body: 'agent\n\none\n\ntwo\n\nthree by hand' })
  })

  test('[M6] R4: the texts that were replaced are known after a restart', async () => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent, a whole sentence\n\n' }] } })
    await t.sync()
    const next = await t.restart()
    next.disk.save(next.path(t.id), loaded.replace('three', 'three by hand'))
    await next.sync()
    expect(next.file(t.id)).toContain('by an agent, a whole sentence\n\none\n\ntwo\n\nthree by hand\n')
  })

  test.each(['.swp', '.#'])(
    '[M6] R4: an editor that says it has the file open (%s) has the old text for as long as it likes',
    async (lock) => {
      const t = await withTask()
      const loaded = t.file(t.id)
      const [folder, name] = t.path(t.id).split('/')
      const lockPath = lock === '.swp' ? `${folder}/.${name}.swp` : `${folder}/.#${name}`
      if (lock === '.swp') t.disk.save(lockPath, 'b0VIM')
      else t.disk.symlink(lockPath)
      await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent, a whole sentence\n\n' }] } })
      await t.sync()
      await t.clock.advance(30 * 60_000)
      const next = await t.restart()
      await next.clock.advance(30 * 60_000)
      next.disk.delete(lockPath)
      next.disk.save(t.path(t.id), loaded.replace('three', 'three by hand'))
      await next.sync()
      expect(next.file(t.id)).toContain('by an agent, a whole sentence\n\none\n\ntwo\n\nthree by hand\n')
      // Saved and closed: from now on, an old text is a wish to go back to it.
      await next.clock.advance(121_000)
      next.disk.save(t.path(t.id), loaded)
      await next.sync()
      expect(next.file(t.id)).not.toContain('by an agent')
      expect(titles(next)).toHaveLength(1)
    },
  )

  test('[M6] later it is a revert', async () => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent\n\n' }] } })
    await t.sync()
    await t.clock.advance(121_000)
    t.disk.save(t.path(t.id), loaded)
    await t.sync()
    expect(t.task(t.id).values.body).toBe('one\n\ntwo\n\nthree')
  })

  test('[M6] a person who takes back their own save is obeyed at once', async () => {
    const t = await withTask()
    const before = t.file(t.id)
    t.disk.save(t.path(t.id), before.replace('two', 'two and more'))
    await t.sync()
    t.disk.save(t.path(t.id), before)
    await t.sync()
    expect(t.task(t.id).values.body).toBe('one\n\ntwo\n\nthree')
    expect(problems(t)).toEqual([])
  })
})

describe('[M7] broken files', () => {
  const broken: [string, (file: string) => string | Uint8Array, RegExp][] = [
    ['Y1: front matter that does not parse', (file) => file.replace('status: todo', 'status: [todo'), /./],
    ['Y2: a front matter that is not closed', (file) => file.replace('\n---\n', '\n'), /not closed/],
    ['Y4: a half-typed key', (file) => file.replace('status: todo\n', 'status: todo\nsta\n'), /./],
    ['Y5: a key that is there twice', (file) => file.replace('status: todo\n', 'status: todo\nstatus: review\n'), /./],
    [
      'Y3: merge markers',
      (file) => file.replace('two', '<<<<<<< HEAD\ntwo\n=======\n2\n>>>>>>> theirs'),
      /merge markers/,
    ],
    ['invalid UTF-8', (file) => Buffer.concat([Buffer.from(file), Buffer.from([0xff, 0xfe, 0x0a])]), /UTF-8/],
    ['an emptied file', () => '\n', /empty/],
    ['a lost front matter', (file) => file.slice(file.lastIndexOf('---\n') + 4), /front matter/],
    ['a status that there is not', (file) => file.replace('status: todo', 'status: nearly'), /status/],
  ]
  test.each(broken)(
    '[M7] %s: the file is left alone, and told about with its place',
    async (_what, breakIt, reason) => {
      const t = await withTask()
      const good = t.file(t.id)
      const bad = breakIt(good)
      t.disk.save(t.path(t.id), bad)
      await t.sync()
      const [problem] = t.mirror.problems()
      expect(problem).toMatchObject({ where: t.path(t.id), what: expect.stringMatching(reason) })
      expect(problem?.line).toBeGreaterThan(0)
      expect(problem?.column).toBeGreaterThan(0)
      expect(t.disk.text('LOCAL.md')).toContain(t.path(t.id))
      // Others go on; the file is not touched.
      await t.update(t.id, { set: { priority: 'high' } })
      await t.sync()
      expect(t.disk.text(t.path(t.id))).toBe(typeof bad === 'string' ? bad : new TextDecoder().decode(bad))
      expect(t.task(t.id).values).toMatchObject({ status: 'todo', priority: 'high', body: 'one\n\ntwo\n\nthree' })
      // Mended: what was edited by hand and by others is there.
      t.disk.save(t.path(t.id), good.replace('one', 'one by hand'))
      await t.sync()
      expect(t.mirror.problems()).toEqual([])
      expect(t.task(t.id).values).toMatchObject({ priority: 'high', body: 'one by hand\n\ntwo\n\nthree' })
      expect(t.file(t.id)).toContain('priority: high')
    },
  )

  test('[M7] the body of a file whose front matter is broken still merges, once', async () => {
    const t = await withTask()
    const bad = t.file(t.id).replace('status: todo', 'status: [todo').replace('two', 'two by hand')
    t.disk.save(t.path(t.id), bad)
    await t.sync()
    t.disk.save(t.path(t.id), bad.replace('three', 'three by hand'))
    await t.sync()
    expect(t.task(t.id).values.body).toBe('one\n\ntwo by hand\n\nthree by hand')
    t.disk.save(t.path(t.id), bad.replace('[todo', 'review').replace('three', 'three by hand'))
    await t.sync()
    expect(t.task(t.id).values).toMatchObject({ status: 'review', body: 'one\n\ntwo by hand\n\nthree by hand' })
    expect(t.mirror.problems()).toEqual([])
  })

  test('[M7][M6] a broken file that was saved from an older text takes nobody’s words out, and nothing back when it is mended', async () => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, {
      set: { status: 'review' },
      edit: { body: [{ at: 0, delete: 0, insert: 'by an agent, a whole sentence\n\n' }] },
    })
    await t.sync()
    const saved = loaded.replace('two', 'two by hand')
    t.disk.save(t.path(t.id), saved.replace('priority: medium', 'priority: ['))
    await t.sync()
    expect(t.task(t.id).values.body).toBe('by an agent, a whole sentence\n\none\n\ntwo by hand\n\nthree')
    t.disk.save(t.path(t.id), saved.replace('priority: medium', 'priority: low').replace('three', 'three by hand'))
    await t.sync()
    expect(t.task(t.id).values).toMatchObject({
      status: 'review',
      priority: 'low',
      body: 'by an agent, a whole sentence\n\none\n\ntwo by hand\n\nthree by hand',
    })
  })

  test('[M7] of a file with one invalid value the rest is taken', async () => {
    const t = await withTask()
    t.disk.save(
      t.path(t.id),
      t.file(t.id).replace('status: todo', 'status: nearly').replace('assignee:', 'assignee: eve').replace('two', '2'),
    )
    await t.sync()
    expect(t.task(t.id).values).toMatchObject({ status: 'todo', assignee: 'eve', body: 'one\n\n2\n\nthree' })
    expect(t.mirror.problems()).toHaveLength(1)
  })

  test('[M7] Y6: broken JSON changes nothing', async () => {
    const t = await createTestMirror()
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.setKey('state', 'phase', 'build')))
    await t.sync()
    t.disk.save('state.json', '{ "phase": "test", }\n')
    await t.sync()
    expect(t.held.project.readKeys('state').get('phase')?.value).toBe('build')
    expect(t.mirror.problems()[0]).toMatchObject({ where: 'state.json', line: 1 })
    expect(t.disk.text('state.json')).toBe('{ "phase": "test", }\n')
  })

  test('[M7] a new file that is broken becomes a record when it is mended', async () => {
    const t = await createTestMirror()
    t.disk.save('tasks/new.md', '---\ntitle: [New\n---\n')
    await t.sync()
    expect(titles(t)).toEqual([])
    expect(problems(t)).toHaveLength(1)
    t.disk.save('tasks/new.md', '---\ntitle: New\n---\n')
    await t.sync()
    expect(titles(t)).toEqual(['New'])
    expect(problems(t)).toEqual([])
  })
})

describe('[M8] absence', () => {
  test('[M8] a removed file deletes its record, softly, after a second', async () => {
    const t = await withTask()
    const path = t.path(t.id)
    t.disk.delete(path)
    t.events()?.hint(path)
    await t.clock.advance(900)
    expect(t.task(t.id).deletedAt).toBeUndefined()
    await t.sync()
    expect(t.task(t.id).deletedBy).toBe('alice')
    expect(t.disk.text(path)).toBeUndefined()
  })

  test('[M8] a file that is made again within the second was saved, not removed', async () => {
    const t = await withTask()
    const [path, text] = [t.path(t.id), t.file(t.id)]
    t.disk.delete(path)
    t.events()?.hint(path)
    await t.clock.advance(600)
    t.disk.save(path, text.replace('two', '2'))
    await t.sync()
    expect(t.task(t.id)).toMatchObject({ values: { body: 'one\n\n2\n\nthree' } })
    expect(t.task(t.id).deletedAt).toBeUndefined()
  })

  test('[M8] P4: a file removed while somebody changed its record is brought back, and said so', async () => {
    const t = await withTask()
    t.disk.delete(t.path(t.id))
    await t.update(t.id, { set: { status: 'review' } })
    await t.sync()
    expect(t.file(t.id)).toContain('status: review')
    expect(problems(t).join()).toContain('removed while it was being changed')
  })

  test('[M8] many files gone at once are brought back', async () => {
    const t = await createTestMirror()
    for (let i = 0; i < 14; i++) await t.create(`Task ${i}`)
    await t.sync()
    const before = taskPaths(t)
    for (const path of before.slice(0, 11)) t.disk.delete(path)
    await t.sync()
    expect(taskPaths(t)).toEqual(before)
    expect(titles(t)).toHaveLength(14)
    expect(problems(t).join()).toContain('11 files were gone at once')
  })

  test('[M8] D3: many files that go one after the other are held as well', async () => {
    const t = await createTestMirror()
    for (let i = 0; i < 30; i++) await t.create(`Task ${i}`)
    await t.sync()
    for (const path of taskPaths(t)) {
      t.disk.delete(path)
      t.events()?.hint(path)
      await t.clock.advance(300)
    }
    await t.sync()
    expect(titles(t).length).toBeGreaterThanOrEqual(20)
    expect(taskPaths(t)).toHaveLength(titles(t).length)
    expect(problems(t).join()).toContain('files were gone')
  })

  test('[M8] a few files a minute are deleted without a question, however many in all', async () => {
    const t = await createTestMirror()
    for (let i = 0; i < 12; i++) await t.create(`Task ${i}`)
    await t.sync()
    for (const path of taskPaths(t)) {
      t.disk.delete(path)
      await t.clock.advance(5000)
    }
    await t.sync()
    expect(titles(t)).toEqual([])
    expect(problems(t)).toEqual([])
  })

  test('[M8] a directory that is gone, or an empty one in its place, is filled again', async () => {
    const t = await withTask()
    for (const path of ['', 'tasks', '.orch']) {
      t.disk.delete(path)
      if (path === '.orch') t.disk.delete('tasks')
      await t.sync()
      if (path !== 'tasks') {
        expect(t.task(t.id).deletedAt).toBeUndefined()
        expect(t.file(t.id)).toContain('Fix login')
      } else {
        await t.drive(t.held.project.transact(byClaude, (tx) => tx.restore(task, t.id)))
        await t.sync()
      }
    }
  })

  test('[M8] D2: what cannot be read is not deleted, and told about until it can', async () => {
    const t = await withTask()
    for (const at of [t.path(t.id), 'tasks', '']) {
      t.disk.unreadable.add(at)
      await t.clock.advance(12_000)
      expect(t.task(t.id).deletedAt).toBeUndefined()
      t.disk.unreadable.delete(at)
    }
    t.disk.unreadable.add(t.path(t.id))
    await t.update(t.id, { set: { status: 'review' } })
    await t.clock.advance(6000)
    expect(problems(t).join()).toContain('cannot be read')
    t.disk.unreadable.clear()
    await t.clock.advance(6000)
    await t.sync()
    expect(t.file(t.id)).toContain('status: review')
    expect(problems(t)).toEqual([])
  })

  test('[M8] D2: what could not be read when an event came is no trouble once it can, also when nothing in it changed', async () => {
    const t = await withTask()
    await t.clock.advance(12_000)
    t.disk.unreadable.add(t.path(t.id))
    t.events()?.hint(t.path(t.id))
    await t.clock.advance(1000)
    expect(problems(t).join()).toContain('cannot be read')
    t.disk.unreadable.clear()
    await t.clock.advance(12_000)
    expect(problems(t)).toEqual([])
  })

  test('[M8] an edit of a file whose record was deleted brings the record back', async () => {
    const t = await withTask()
    t.disk.save(t.path(t.id), t.file(t.id).replace('two', 'two by hand'))
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.delete(task, t.id)))
    await t.sync()
    expect(t.task(t.id).deletedAt).toBeUndefined()
    expect(t.file(t.id)).toContain('two by hand')
    expect(problems(t).join()).toContain('there again')
  })
})

describe('[M10] style', () => {
  test('[M10] line ends, a BOM and blanks at the end are no edit, and are kept', async () => {
    const t = await withTask()
    const rows = t.held.project.rowCount()
    t.disk.save(t.path(t.id), `\ufeff${t.file(t.id).replaceAll('\n', '\r\n')}\r\n\r\n`)
    await t.sync()
    expect(t.held.project.rowCount()).toBe(rows)
    expect(t.file(t.id)).toContain('two\r\n')
    await t.update(t.id, { set: { status: 'review' } })
    await t.sync()
    const bytes = Buffer.from(t.file(t.id), 'utf8').toString()
    expect(t.file(t.id)).toContain('status: review\r\n')
    expect(bytes.replaceAll('\r\n', '')).not.toContain('\n')
  })

  test('[M10][P7] also when the file is gone and comes back, with the directory or with its record', async () => {
    const t = await withTask()
    t.disk.save(t.path(t.id), `\ufeff${t.file(t.id).replaceAll('\n', '\r\n')}`)
    await t.sync()
    const bytesOf = async (of: TestMirror): Promise<string> => {
      const found = await of.disk.read(of.path(t.id))
      return found.type === 'file' ? Buffer.from(found.bytes).toString('latin1') : found.type
    }
    const bytes = await bytesOf(t)
    expect(bytes).toMatch(/^\xef\xbb\xbf---\r\n/)
    t.disk.delete('')
    await t.sync()
    expect(await bytesOf(t)).toBe(bytes)
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.delete(task, t.id)))
    await t.sync()
    expect(taskPaths(t)).toEqual([])
    const next = await t.restart()
    await next.drive(next.held.project.transact(byClaude, (tx) => tx.restore(task, t.id)))
    await next.sync()
    expect(await bytesOf(next)).toBe(bytes)
    next.disk.save(next.path(t.id), next.file(t.id).replaceAll('\r\n', '\n'))
    await next.sync()
    next.disk.delete('')
    await next.sync()
    expect(await bytesOf(next)).toMatch(/^---\n/)
  })
})

describe('[M7] values that are not declared yet', () => {
  test('[M7][P2] a status written by hand before it is declared is taken once it is, over one that was there before', async () => {
    const t = await withTask('text')
    t.disk.save(t.path(t.id), t.file(t.id).replace('status: todo', 'status: testing # soon').concat('by hand\n'))
    await t.sync()
    expect(t.mirror.problems()).toMatchObject([{ kind: 'broken_file', what: expect.stringMatching(/^status: /) }])
    expect(t.task(t.id).values).toMatchObject({ status: 'todo', body: 'text\nby hand' })
    await t.update(t.id, { add: { labels: ['meanwhile'] } })
    const undeclared = await t.restart()
    await undeclared.sync()
    expect(undeclared.mirror.problems()).toHaveLength(1)
    expect(undeclared.file(t.id)).toContain('status: testing # soon')

    // Long after it was read, and known for what it is.
    await undeclared.clock.advance(60_000)
    const declared = await undeclared.restart(kindsOfText(DECLARED))
    await declared.sync()
    expect(declared.task(t.id).values).toMatchObject({
      status: 'testing',
      labels: ['meanwhile'],
      body: 'text\nby hand',
    })
    expect(declared.mirror.problems()).toEqual([])
    expect(declared.file(t.id)).toMatch(/^status: testing # soon\n[\s\S]*labels: \[meanwhile\]/m)
    expect(declared.file(t.id).match(/# soon/g)).toHaveLength(1)
  })
})

describe('[M10] fights', () => {
  /** A formatter of somebody: runs after every save, by whomever, and has its own idea. */
  async function fight(t: Awaited<ReturnType<typeof withTask>>, turns: number): Promise<void> {
    const [mine, theirs] = ['- item\n', '* item\n']
    for (let i = 0; i < turns; i++) {
      const text = t.file(t.id)
      t.disk.save(t.path(t.id), i % 2 === 0 ? text.replace(mine, theirs) : text.replace(theirs, mine))
      t.events()?.hint(t.path(t.id))
      await t.clock.advance(2000)
    }
  }

  test('[M10] W3: two programs that undo one another are noticed, and the file is left alone and told about', async () => {
    const t = await withTask('- item')
    await fight(t, 20)
    const rows = t.held.project.rowCount()
    expect(rows).toBeLessThan(10)
    expect(t.mirror.problems()).toMatchObject([{ kind: 'paused_file', where: t.path(t.id) }])
    await fight(t, 20)
    expect(t.held.project.rowCount()).toBe(rows)
    // What others change waits.
    await t.update(t.id, { set: { status: 'review' } })
    await t.sync()
    expect(t.file(t.id)).not.toContain('status: review')
    // Somebody saves another text: it is merged, and everything goes on.
    t.disk.save(t.path(t.id), `${t.file(t.id).trimEnd()}\n\nby hand\n`)
    await t.sync()
    expect(t.file(t.id)).toMatch(/status: review\n[\s\S]*item\n\nby hand\n/)
    expect(t.mirror.problems()).toEqual([])
  })

  test('[M10] W3: after ten minutes, or when orch is started again, it is tried again', async () => {
    const t = await withTask('- item')
    await fight(t, 20)
    await t.update(t.id, { set: { status: 'review' } })
    await t.clock.advance(11 * 60_000)
    await t.sync()
    expect(t.file(t.id)).toContain('status: review')
    expect(t.mirror.problems()).toEqual([])
    await fight(t, 20)
    // One of the saves has the prose of before the status, and is told of as stale, too.
    const paused = (mirror: typeof t.mirror): number =>
      mirror.problems().filter(({ kind }) => kind === 'paused_file').length
    expect(paused(t.mirror)).toBe(1)
    const next = await t.restart()
    await next.sync()
    expect(paused(next.mirror)).toBe(0)
  })

  test('[M10][P6] W3: who has stopped one of the two programs says so, and it goes on at once', async () => {
    const t = await withTask('- item')
    await fight(t, 20)
    await t.update(t.id, { set: { status: 'review' } })
    await t.sync()
    const [paused] = t.attention.list()
    expect(paused).toMatchObject({ kind: 'paused_file', where: t.path(t.id), ways: [{ name: 'resume' }] })
    await expect(t.drive(t.attention.settle(paused?.id ?? '', 'dismiss', byAlice))).rejects.toThrow(/not one of resume/)
    expect(await t.drive(t.attention.settle(paused?.id ?? '', 'resume', byAlice))).toMatch(/read and written again/)
    await t.clock.advance(1000)
    expect(t.file(t.id)).toContain('status: review')
    expect(t.attention.list()).toEqual([])
  })

  test('[M10] W3: a formatter that undoes what orch puts back is noticed as well', async () => {
    const t = await withTask()
    for (let i = 0; i < 20; i++) {
      t.disk.save(t.path(t.id), t.file(t.id).replace(/^createdBy: .*\n/m, ''))
      t.events()?.hint(t.path(t.id))
      await t.clock.advance(2000)
    }
    expect(t.mirror.problems()).toMatchObject([{ kind: 'paused_file' }])
  })

  test('[M10] commands that set a value back and forth are no fight', async () => {
    const t = await withTask()
    for (let i = 0; i < 20; i++) {
      await t.update(t.id, { set: { status: i % 2 === 0 ? 'review' : 'todo' } })
      await t.clock.advance(500)
    }
    expect(t.mirror.problems()).toEqual([])
    await t.sync()
    expect(t.file(t.id)).toContain('status: todo')
  })
})

describe('[M11] new, renamed and copied files', () => {
  test('[M11] a new file becomes a record: its name is kept, its id spliced in', async () => {
    const t = await createTestMirror()
    t.disk.save('tasks/by-hand.md', '---\n# mine\npriority: high\n---\n# Write the docs\n\nsoon\n')
    t.disk.save('tasks/without-anything.md', 'just text\n')
    t.disk.save('pages/guide/start.md', '# Getting started\n')
    await t.sync()
    expect(titles(t)).toEqual(['Write the docs', 'without anything'])
    expect(t.disk.text('tasks/by-hand.md')).toMatch(/^---\n[\s\S]*id: t-[\s\S]*---\n\n# Write the docs\n\nsoon\n$/)
    expect(t.disk.text('tasks/by-hand.md')).toMatch(/# mine\n[\s\S]*priority: high\n/)
    expect(t.disk.text('pages/guide/start.md')).toMatch(/id: p-/)
    expect(t.held.project.ids(page)).toHaveLength(1)
  })

  test('[M11][M6] a new file is saved again by an editor that never saw its id: it is the same record, also an hour later', async () => {
    const t = await createTestMirror()
    const [path, mine] = ['tasks/plan.md', '# Plan\n\none\n']
    t.disk.save(path, mine)
    await t.sync()
    const id = t.held.project.ids(task)[0] as RecordId
    await t.update(id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent\n\n' }] } })
    t.disk.save(path, `${mine}\ntwo\n`)
    await t.sync()
    await t.clock.advance(3_600_000)
    t.disk.save(path, `${mine}\ntwo\n\nthree\n`)
    await t.sync()
    expect(t.held.project.ids(task)).toEqual([id])
    expect(t.task(id).values.body).toBe('by an agent\n\n# Plan\n\none\n\ntwo\n\nthree')
    expect(t.file(id)).toMatch(new RegExp(`^---\\nid: ${id}\\n`))
    expect(t.mirror.problems().filter(({ kind }) => kind === 'broken_file')).toEqual([])
  })

  test('[M11] an empty new file waits for its text', async () => {
    const t = await createTestMirror()
    t.disk.save('tasks/new.md', '')
    await t.sync()
    await t.clock.advance(10_000)
    expect(titles(t)).toEqual([])
    t.disk.save('tasks/new.md', '# Now\n')
    await t.sync()
    expect(titles(t)).toEqual(['Now'])
  })

  test('[M11] a renamed file keeps its record, and its new name', async () => {
    const t = await withTask()
    const before = t.path(t.id)
    t.disk.rename(before, 'tasks/login.md')
    t.disk.save('tasks/login.md', t.disk.text('tasks/login.md')?.replace('two', 'two by hand') ?? '')
    t.events()?.hint(before)
    t.events()?.hint('tasks/login.md')
    await t.sync()
    expect(t.path(t.id)).toBe('tasks/login.md')
    expect(taskPaths(t)).toEqual(['tasks/login.md'])
    expect(t.task(t.id).values.body).toContain('two by hand')
    expect(t.task(t.id).deletedAt).toBeUndefined()
  })

  test('[M11][M7] a file that is renamed while it is broken keeps its record, and merges when it is mended', async () => {
    const t = await withTask()
    const bad = t.file(t.id).replace('status: todo', 'status: [todo').replace('two', 'two by hand')
    t.disk.save(t.path(t.id), bad)
    await t.sync()
    t.disk.rename(t.path(t.id), 'tasks/renamed.md')
    t.disk.save('tasks/renamed.md', bad.replace('three', 'three by hand'))
    await t.sync()
    await t.clock.advance(6000)
    expect(taskPaths(t)).toEqual(['tasks/renamed.md'])
    expect(t.mirror.problems()).toMatchObject([{ kind: 'broken_file', where: 'tasks/renamed.md', record: t.id }])
    expect(t.task(t.id).values.body).toBe('one\n\ntwo by hand\n\nthree by hand')
    t.disk.save('tasks/renamed.md', bad.replace('three', 'three by hand').replace('[todo', 'review'))
    await t.sync()
    expect(titles(t)).toEqual(['Fix login'])
    expect(t.task(t.id).values).toMatchObject({ status: 'review', body: 'one\n\ntwo by hand\n\nthree by hand' })
    expect(t.mirror.problems()).toEqual([])
  })

  test('[M11][M6] a file that was saved from an older text and renamed at once takes nobody’s words out', async () => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent, a whole sentence\n\n' }] } })
    await t.sync()
    t.disk.save(t.path(t.id), loaded.replace('three', 'three by hand'))
    t.disk.rename(t.path(t.id), 'tasks/renamed.md')
    await t.sync()
    expect(t.task(t.id).values.body).toBe('by an agent, a whole sentence\n\none\n\ntwo\n\nthree by hand')
    expect(taskPaths(t)).toEqual(['tasks/renamed.md'])
  })

  test('[M11] a copy that is found while an editor has moved the file away, for a moment, is a copy', async () => {
    const t = await withTask()
    const saved = t.file(t.id).replace('two', 'two by hand')
    t.disk.save('tasks/copy.md', t.file(t.id).replace(/one.*/s, 'quite another text\n'))
    t.disk.rename(t.path(t.id), `${t.path(t.id)}~`)
    t.events()?.hint('tasks/copy.md')
    await t.clock.advance(400)
    t.disk.save(t.path(t.id), saved)
    t.disk.delete(`${t.path(t.id)}~`)
    await t.sync()
    await t.clock.advance(3000)
    expect(t.task(t.id).values.body).toBe('one\n\ntwo by hand\n\nthree')
    expect(titles(t)).toEqual(['Fix login', 'Fix login'])
  })

  test('[M11] a save at a name that the file does not have any more is a late save, not what it was renamed to', async () => {
    const t = await withTask()
    const [before, loaded] = [t.path(t.id), t.file(t.id)]
    await t.update(t.id, { file: 'renamed.md' })
    await t.sync()
    await t.clock.advance(3000)
    t.disk.rename('tasks/renamed.md', 'tasks/once-more.md')
    t.disk.save(before, loaded.replace('two', 'two by hand'))
    t.disk.save('tasks/once-more.md', loaded.replace('three', 'three, and more than the other'))
    await t.sync()
    await t.clock.advance(3000)
    expect(taskPaths(t)).toEqual(['tasks/once-more.md'])
    expect(t.task(t.id).values.body).toBe('one\n\ntwo by hand\n\nthree, and more than the other')
  })

  test('[M11][M6] a new file that is saved by an editor that never saw its id, and renamed at once, is the same record', async () => {
    const t = await createTestMirror()
    t.disk.save('tasks/idea.md', '# Idea\n\none\n')
    await t.sync()
    expect(t.disk.text('tasks/idea.md')).toContain('id: t-')
    await t.clock.advance(2500)
    t.disk.save('tasks/idea.md', '# Idea\n\none\n\ntwo\n')
    t.disk.rename('tasks/idea.md', 'tasks/renamed.md')
    await t.sync()
    await t.clock.advance(3000)
    expect(titles(t)).toEqual(['Idea'])
    expect(t.disk.text('tasks/renamed.md')).toContain('one\n\ntwo')
    expect(taskPaths(t)).toEqual(['tasks/renamed.md'])
  })

  test('[M11] many files renamed at once keep their records', async () => {
    const t = await createTestMirror()
    for (let i = 0; i < 14; i++) await t.create(`Task ${i}`)
    await t.sync()
    const ids = t.held.project.ids(task)
    for (const path of taskPaths(t)) t.disk.rename(path, path.replace('tasks/', 'tasks/old/'))
    await t.sync()
    expect(t.held.project.ids(task)).toEqual(ids)
    expect(taskPaths(t).every((path) => path.startsWith('tasks/old/'))).toBe(true)
    expect(taskPaths(t)).toHaveLength(14)
  })

  test('[M11] of a renamed file and a copy of it, both edited, the one that is more like it keeps the record', async () => {
    const t = await withTask()
    t.disk.save('tasks/a-copy.md', t.file(t.id).replace(/one.*/s, 'quite another text\n'))
    t.disk.rename(t.path(t.id), 'tasks/z-renamed.md')
    t.disk.save('tasks/z-renamed.md', t.disk.text('tasks/z-renamed.md')?.replace('two', 'two and a half') ?? '')
    await t.sync()
    await t.clock.advance(3000)
    await t.sync()
    expect(taskPaths(t)).toEqual(['tasks/a-copy.md', 'tasks/z-renamed.md'])
    expect(t.path(t.id)).toBe('tasks/z-renamed.md')
    expect(t.task(t.id).values.body).toBe('one\n\ntwo and a half\n\nthree')
    expect(t.disk.text('tasks/a-copy.md')).toContain('quite another text')
  })

  test('[M8][P8] while a new file is open for writing, it is not asked without a pause what became of one that is gone', async () => {
    const t = await createTestMirror({ tier: { isFull: true } })
    const id = await t.create('Fix login')
    await t.sync()
    t.disk.save('tasks/being-written.md', '# By hand\n')
    t.disk.open('tasks/being-written.md')
    t.disk.delete(t.path(id))
    let scans = 0
    t.disk.before = (step, path) => {
      if (step === 'list' && path === '' && ++scans > 100) throw new Error('looked without a pause')
    }
    await t.clock.advance(10_000)
    expect(scans).toBeLessThan(60)
    expect(t.held.project.read(task, id)?.deletedAt).toBeUndefined()
  })

  test('[M11] on a disk that folds case, a file renamed in case alone keeps its record', async () => {
    const t = await createTestMirror({ tier: { foldsCase: true } })
    const id = await t.create('Fix login', { body: 'one' })
    await t.update(id, { file: 'login.md' })
    await t.sync()
    t.disk.rename('tasks/login.md', 'tasks/Login.md')
    await t.sync()
    expect(titles(t)).toEqual(['Fix login'])
    expect(taskPaths(t)).toEqual(['tasks/Login.md'])
    expect(t.path(id)).toBe('tasks/Login.md')
    await t.update(id, { set: { status: 'review' } })
    await t.sync()
    expect(t.disk.text('tasks/Login.md')).toContain('status: review')
    expect(problems(t)).toEqual([])
  })

  test('[M11] a file renamed in case alone keeps its record where case counts, too', async () => {
    const t = await withTask()
    t.disk.rename(t.path(t.id), t.path(t.id).replace('fix-login', 'Fix-Login'))
    await t.sync()
    expect(titles(t)).toEqual(['Fix login'])
    expect(taskPaths(t)).toEqual([t.path(t.id)])
    expect(t.path(t.id)).toContain('Fix-Login')
  })

  test('[M11] a renamed folder takes its pages along, however they came', async () => {
    const t = await createTestMirror()
    for (const name of ['a', 'b', 'deep/c']) t.disk.save(`pages/guide/${name}.md`, `# ${name}\n`)
    await t.sync()
    const ids = t.held.project.ids(page)
    for (const path of t.disk.paths().filter((one) => one.startsWith('pages/guide/'))) {
      t.disk.rename(path, path.replace('pages/guide/', 'pages/manual/'))
      await t.clock.advance(30)
    }
    await t.sync()
    expect(t.held.project.ids(page)).toEqual(ids)
    expect(ids.map((id) => t.held.project.pathOf(page, id)).sort()).toEqual([
      'pages/manual/a.md',
      'pages/manual/b.md',
      'pages/manual/deep/c.md',
    ])
    expect(t.disk.paths().filter((path) => path.startsWith('pages/'))).toHaveLength(3)
  })

  test('[M11] N1: a copied file becomes a record of its own', async () => {
    const t = await withTask()
    t.disk.copy(t.path(t.id), 'tasks/copy.md')
    await t.sync()
    expect(titles(t)).toEqual(['Fix login', 'Fix login'])
    expect(t.disk.text('tasks/copy.md')).not.toContain(t.id)
    expect(t.file(t.id)).toContain(t.id)
  })

  test('[M11] P3: two records that want one name are both kept', async () => {
    const t = await createTestMirror()
    t.disk.save('pages/guide.md', '# Mine\n')
    await t.drive(
      t.held.project.transact(byClaude, (tx) =>
        tx.create(page, { title: 'Theirs', body: 'theirs' }, { file: 'guide.md' }),
      ),
    )
    await t.sync()
    const pages = t.disk.paths().filter((path) => path.startsWith('pages/'))
    expect(pages).toHaveLength(2)
    expect(pages.map((path) => t.disk.text(path)).join()).toMatch(/Mine|theirs/)
    for (const id of t.held.project.ids(page)) {
      const title = String(t.held.project.read(page, id)?.values.title)
      expect(t.disk.text(t.held.project.pathOf(page, id))).toContain(title)
    }
  })

  test('[M11] a file of a deleted record that is put back restores it', async () => {
    const t = await withTask()
    const [path, text] = [t.path(t.id), t.file(t.id)]
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.delete(task, t.id)))
    await t.sync()
    t.disk.save(path, text.replace('two', 'two by hand'))
    await t.sync()
    expect(t.task(t.id).deletedAt).toBeUndefined()
    expect(t.file(t.id)).toContain('two by hand')
    expect(titles(t)).toHaveLength(1)
  })
})

describe('[M12] containment', () => {
  test('[M12] symbolic links, folders and large files are refused and told about', async () => {
    const t = await withTask()
    t.disk.symlink('tasks/link.md')
    t.disk.save('tasks/large.md', new Uint8Array(MAX_FILE_BYTES + 1))
    await t.sync()
    expect(titles(t)).toHaveLength(1)
    expect(
      t.mirror
        .problems()
        .map(({ where }) => where)
        .sort(),
    ).toEqual(['tasks/large.md', 'tasks/link.md'])
    t.disk.delete('tasks/link.md')
    t.disk.delete('tasks/large.md')
    await t.sync()
    expect(t.mirror.problems()).toEqual([])
  })

  test('[P6][M11] a text that lies where none is read is told about, and left as it is', async () => {
    const t = await withTask()
    const wheres = (): readonly string[] => t.mirror.problems().map(({ where }) => where)
    const strays = ['notes.md', 'ideas/one.md', 'tasks/UP.MD', 'tasks/deep/two.markdown']
    const others = [
      'tasks/picture.png',
      'ideas/picture.png',
      'ideas/deep/three.md',
      'tasks/four.md~',
      '.hidden/five.md',
    ]
    for (const path of [...strays, ...others]) t.disk.save(path, '# Kept?\n')
    await t.sync()
    expect(titles(t)).toHaveLength(1)
    expect([...wheres()].sort()).toEqual([...strays].sort())
    expect(t.disk.paths()).toEqual(expect.arrayContaining([...strays, ...others]))
    for (let i = 0; i < 20; i++) t.disk.save(`ideas/more${i}.md`, 'more')
    await t.sync()
    expect(wheres().length).toBeLessThan(10)
    expect(JSON.stringify(t.mirror.problems())).toContain('others')
    t.disk.delete('ideas')
    t.disk.rename('notes.md', 'pages/notes.md')
    for (const path of strays) t.disk.delete(path)
    await t.sync()
    expect(wheres()).toEqual([])
    expect(t.held.project.list(page, { limit: 1 }).total).toBe(1)
  })

  test('[M12] N2: a link in place of a file changes nothing, and the file is written when it is gone', async () => {
    const t = await withTask()
    t.disk.delete(t.path(t.id))
    t.disk.symlink(t.path(t.id))
    await t.update(t.id, { set: { status: 'review' } })
    await t.sync()
    expect(t.task(t.id).deletedAt).toBeUndefined()
    expect(problems(t).join()).toContain('link')
  })
})

describe('F9: a clock that is set', () => {
  test.each([-3_600_000, 365 * 86_400_000])('[M4][M6] by %i ms: saves are read, stale ones known', async (ms) => {
    const t = await withTask()
    const loaded = t.file(t.id)
    await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'by an agent, a whole sentence\n\n' }] } })
    await t.sync()
    t.clock.jump(ms)
    t.disk.save(t.path(t.id), loaded.replace('three', 'three by hand'))
    t.events()?.hint(t.path(t.id))
    await t.clock.advance(600)
    await t.sync()
    expect(t.file(t.id)).toContain('by an agent, a whole sentence\n\none\n\ntwo\n\nthree by hand\n')
    t.disk.save(t.path(t.id), t.file(t.id).replace('two', 'two, later'))
    await t.update(t.id, { set: { status: 'review' } })
    t.clock.jump(-ms)
    await t.clock.advance(6000)
    await t.sync()
    expect(t.file(t.id)).toMatch(/status: review[\s\S]*two, later/)
    await t.clock.advance(30_000)
    expect(t.disk.paths().filter((path) => path.startsWith('.orch/'))).toEqual(['.orch/root'])
  })
})

describe('[M13] start', () => {
  test('[M13] C8: what changed while the daemon was down is merged, before anything is written', async () => {
    const t = await withTask()
    await t.drive(t.mirror.stop())
    t.disk.save(t.path(t.id), t.file(t.id).replace('two', 'two by hand'))
    t.disk.save('tasks/new.md', '# New\n')
    await t.update(t.id, { set: { status: 'review' } })
    await t.clock.advance(60_000)
    const steps: string[] = []
    t.disk.before = (step, path) => steps.push(`${step} ${path}`)
    const next = await t.restart()
    expect(next.task(t.id).values.body).toContain('two by hand')
    await next.sync()
    expect(next.file(t.id)).toContain('two by hand')
    expect(next.file(t.id)).toContain('status: review')
    expect(titles(next)).toEqual(['Fix login', 'New'])
    const firstWrite = steps.findIndex((step) => step.startsWith('create'))
    expect(steps.slice(0, firstWrite)).toContain(`read ${t.path(t.id)}`)
  })

  test('[M13] [P8] a start waits once for what changed, however much it is, and not at all when nothing did', async () => {
    const t = await withTask()
    await t.clock.advance(10_000)
    const msOf = async (from: TestMirror): Promise<readonly [TestMirror, number]> => {
      const before = from.clock.monotonic()
      const next = await from.restart()
      return [next, next.clock.monotonic() - before]
    }
    const [still, stillMs] = await msOf(t)
    expect(stillMs).toBeLessThan(50)
    await still.drive(still.mirror.stop())
    for (let i = 0; i < 100; i++) t.disk.save(`tasks/new${i}.md`, `# New ${i}\n`)
    const [changed, changedMs] = await msOf(still)
    expect(titles(changed)).toHaveLength(101)
    expect(changedMs).toBeLessThan(stillMs + 2 * QUIET_MS)
  })

  test('[M13] a file removed while the daemon was down deletes its record', async () => {
    const t = await withTask()
    const other = await t.create('Another')
    await t.sync()
    await t.drive(t.mirror.stop())
    t.disk.delete(t.path(other))
    const next = await t.restart()
    await next.sync()
    expect(next.task(other).deletedAt).toBeDefined()
  })

  test('[P7] with all files deleted the same state is there again', async () => {
    const t = await withTask()
    const before = t.file(t.id)
    await t.drive(t.mirror.stop())
    t.disk.delete('')
    const next = await t.restart()
    await next.sync()
    expect(next.file(t.id)).toBe(before)
  })

  test('[P7] with what the mirror remembers lost, files and records are joined again', async () => {
    const t = await withTask()
    await t.drive(t.mirror.stop())
    t.disk.save(t.path(t.id), t.file(t.id).replace('two', 'two by hand'))
    await t.update(t.id, { edit: { body: [{ at: 0, delete: 0, insert: 'zero\n\n' }] } })
    t.held.database.exec('DELETE FROM mirror_bases; DELETE FROM mirror_versions')
    const next = await t.restart()
    await next.sync()
    expect(titles(next)).toHaveLength(1)
    expect(next.task(t.id).values.body).toBe('zero\n\none\n\ntwo by hand\n\nthree')
  })
})
