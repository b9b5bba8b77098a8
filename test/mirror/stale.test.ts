import { describe, expect, test } from 'vitest'
import { commonText } from '../../src/mirror/compare.ts'
import { latestChange } from '../../src/mirror/disk.ts'
import { createSettling, looksTorn, settleDelay } from '../../src/mirror/settle.ts'
import { chooseBase } from '../../src/mirror/stale.ts'
import { createTestClock } from '../helpers/clock.ts'

const version = (text: string, next = 'something else\n') => ({ text, next, replacedAt: 0 })

describe('stale saves', () => {
  test('[M6] a save that is closest to the base was made from it', () => {
    expect(chooseBase('one two three\nmine\n', 'one two three\n', [version('one\n')])).toEqual({
      text: 'one two three\n',
    })
  })

  test('[M6] a save that is closer to a replaced text was made from that', () => {
    const old = 'one\ntwo\n'
    const choice = chooseBase('one\ntwo\nmine\n', 'one\nby an agent\ntwo\nand more by it\n', [
      version(old),
      version('zero\n'),
    ])
    expect(choice).toEqual({ text: old, stale: 'edited' })
  })

  test('[M6] who shows what replaced a text had seen it: what they take out is out', () => {
    const [old, next] = ['title\n', 'title\nlabel\n']
    const base = 'title\nlabel\na long sentence of their own\n'
    expect(chooseBase('title\nlabel\nbetter\n', base, [version(old, next)])).toEqual({ text: base })
    expect(chooseBase('title\nbetter\n', base, [version(old, next)])).toEqual({ text: old, stale: 'edited' })
  })

  test('[M6] R4: where one word was replaced and the save has a third, nobody’s is lost', () => {
    const [old, base] = ['slot: one\n\nmore\n', 'slot: two\n\nmore\n']
    const saved = 'slot: three\n\nmore\n'
    const choose = (unreadSince: number) =>
      chooseBase(saved, base, [{ text: old, next: base, replacedAt: 1000 }], unreadSince)
    expect(choose(500)).toEqual({ text: old, stale: 'edited' })
    // Who had the time to read it took it out.
    expect(choose(1500)).toEqual({ text: base })
    // Who shows some of it had read it.
    expect(
      chooseBase(`${saved}mine`, `${base}mine`, [{ text: old, next: `${base}mine`, replacedAt: 1000 }], 0),
    ).toEqual({
      text: `${base}mine`,
    })
  })

  test('[M6][P2] who shows what was saved after a text was replaced had not loaded that, however much else differs', () => {
    const [old, next] = ['the title that it had at first\n\nbody\n', 'short\n\nbody\n']
    const base = 'short\n\nbody\nmine\n'
    const saved = 'the title that it had at first\n\nbody\nmine\nand more\n'
    expect(chooseBase(saved, base, [version(old, next)])).toEqual({ text: base })
    // Of an editor that has not noticed that save, it shows nothing.
    const late = 'the title that it had at first\n\nbody\nand more\n'
    expect(chooseBase(late, base, [version(old, next)])).toEqual({ text: old, stale: 'edited' })
  })

  test('[P2][M6] who sets what others set, in the prose of an older text, has not seen what they put into that', () => {
    const file = (status: string, prose: string): string => `---\nstatus: ${status}\n---\n\n${prose}`
    const base = file('in_progress', 'one\nby others\nmine\n')
    const saved = file('in_progress', 'one\nmine\n')
    expect(chooseBase(saved, base, [version(file('todo', 'one\nmine\n'), base)])).toEqual({
      text: saved,
      stale: 'as-it-was',
    })
  })

  test('[P2][M6] a field that is set back counts no more than one that is new, however long its values are', () => {
    const file = (status: string, more: string, prose: string): string =>
      `---\nstatus: ${status}\n${more}---\n\n${prose}`
    const [first, second] = [file('todo', '', 'one\n'), file('in_progress', '', 'one\n')]
    const base = file('in_progress', 'spentHours: 1\n', 'one\n')
    const saved = file('todo', 'spentHours: 1\n', 'one\nmine\n')
    expect(chooseBase(saved, base, [version(second, base), version(first, second)])).toEqual({ text: base })
  })

  test('[P2][M6] a save with the prose of a replaced text was made from that, also when both set the same value meanwhile', () => {
    const file = (status: string, prose: string): string => `---\nstatus: ${status}\n---\n\n${prose}`
    const [old, next] = [file('todo', 'one\n'), file('todo', 'one\nx\n')]
    const base = file('in_progress', 'one\nx\n')
    const versions = [version(next, base), version(old, next)]
    // Measured so, the status stays as it is, and so does what was added.
    const saved = file('in_progress', 'one\n')
    expect(chooseBase(saved, base, versions)).toEqual({ text: saved, stale: 'as-it-was' })
    // With the prose of the base it was made from that, whatever its front matter is closer to.
    const other = [version(file('todo', 'one\n'), '')]
    expect(chooseBase(file('todo', 'one\nx\n'), base, other)).toEqual({ text: base })
    const hours = file('in_progress\nspentHours: 1', 'one\n')
    const before = [version(file('in_progress', 'one\n'), hours), version(file('todo', 'one\n'))]
    expect(chooseBase(file('todo\nspentHours: 1', 'one\n'), hours, before)).toEqual({ text: hours })
    expect(chooseBase(file('in_progress', 'one\nx\nmine\n'), base, versions)).toEqual({ text: base })
  })

  test('[P2][M6] front matter that is closer to that of the base is measured against that, whatever the prose is like', () => {
    const file = (front: string, prose: string): string => `---\n${front}\n---\n\n${prose}`
    const [older, old] = [file('status: todo', 'one\n'), file('status: todo', 'one\nx\n')]
    const base = file('status: todo\nspentHours: 1', 'one\nx\n')
    const saved = file('status: todo\nspentHours: 1\nassignee: ann', 'one\n')
    const choice = chooseBase(saved, base, [version(old, base), version(older, old)])
    // Measured against the older front matter, the hour would be counted twice.
    expect(choice).toEqual({ text: file('status: todo\nspentHours: 1', 'one\n'), stale: 'edited' })
  })

  test('[P2][M6] front matter is measured against that of the text that was loaded, also where the prose is an older one’s', () => {
    const file = (front: string, prose: string): string => `---\nstatus: todo\n${front}---\n\n${prose}`
    const [older, old] = [file('', 'one\n'), file('assignee: ann\n', 'one\nx\n')]
    const base = file('assignee: ann\nspentHours: 1\n', 'one\nx\n')
    const versions = [
      { text: old, next: base, replacedAt: 1000 },
      { text: older, next: old, replacedAt: 100 },
      { text: older.replace('todo', 'review'), next: older, replacedAt: 50 },
    ]
    // Whose own word was x, and who takes it out, has not seen the hour.
    const saved = file('assignee: ann\n', 'one\n')
    expect(chooseBase(saved, base, versions, 500).text).toContain('assignee: ann\n---')
  })

  test('[P2][M6] a word that was put in just before a save stays, also where the save has another one as long in its place', () => {
    const [old, middle, base] = ['one\nalpha\n', 'one\nalpha\nbravo\n', 'one\nbravo\n']
    const versions = [
      { text: middle, next: base, replacedAt: 1000 },
      { text: old, next: middle, replacedAt: 900 },
    ]
    expect(chooseBase('one\ngolfs\n', base, versions, 500)).toEqual({ text: old, stale: 'unclear' })
    // Who had the time to read it took it out.
    expect(chooseBase('one\ngolfs\n', base, versions, 1500)).toEqual({ text: base })
  })

  test('[P2][M6] where prose is closer to the base, a label that nobody had the time to read stays all the same', () => {
    const file = (labels: string, prose: string): string => `---\nlabels: [${labels}]\n---\n\n${prose}`
    const [old, middle, base] = [file('', 'one\nmine\n'), file('a', 'one\nmine\n'), file('a', 'one\n')]
    const versions = [
      { text: middle, next: base, replacedAt: 1000 },
      { text: old, next: middle, replacedAt: 900 },
    ]
    // Two have taken out one word; the one who puts in another has not seen the label.
    const saved = file('', 'one\ntwo\n')
    expect(chooseBase(saved, base, versions, 500)).toEqual({ text: file('', 'one\n'), stale: 'unclear' })
    expect(chooseBase(saved, base, versions, 1500)).toEqual({ text: base })
  })

  test('[P2][M6] what was added is told by its words, however many blank lines came with it', () => {
    const file = (prose: string): string => `---\nstatus: todo\n---\n${prose}`
    const old = file('\nalpha beta\n\ngamma delta\n\nomega\n')
    const base = file('\nalpha beta\n\n\ngamma two delta\n\nthree\nomega\n')
    const saved = file('four\n\nalpha beta\n\ngamma delta\n\nomega\n')
    expect(chooseBase(saved, base, [{ text: old, next: base, replacedAt: 1000 }], 500)).toMatchObject({ text: old })
    expect(chooseBase(saved, base, [version(old, base)])).toMatchObject({ text: old })
  })

  test('[P2][M6] words that somebody has taken out, or has never read, stay', () => {
    const [old, base] = ['word1\n\none\n\ntwo\n', 'one\n\nword2\ntwo\n']
    expect(chooseBase('one\n\ntwo\n', base, [version(old, base)])).toEqual({ text: old, stale: 'unclear' })
    // Who puts another word there has read what stood there.
    const third = 'one\n\nword2\nthree\n'
    expect(chooseBase('one\n\nthree\n\nnew\n', third, [version('gone2\n\none\n\nthree\n', third)]).stale).toBe(
      'unclear',
    )
    const number = (n: number): string => `one\n\n${n}\n`
    expect(chooseBase(number(17), number(15), [version(number(12), number(15))])).toEqual({ text: number(15) })
    const file = (status: string, labels: string): string => `---\nstatus: ${status}\nlabels: [${labels}]\n---\n\none\n`
    const versions = [version(file('todo', 'a'), file('review', 'a')), version(file('todo', ''), file('todo', 'a'))]
    const saved = chooseBase(file('review', ''), file('review', 'a'), versions)
    expect(saved).toEqual({ text: file('todo', ''), stale: 'unclear' })
  })

  test('[P2][M6] of two older texts as close, a save was made from the one by which nothing is lost that is there now', () => {
    const base = 'one\n\ntwo\n\ngolf\n\nhotel\n'
    // Just written over, and nothing of what came then is in the save; by this, golf would be gone.
    const newer = 'one\n\ntwo\n\ngolf\n'
    const older = 'one\n\ntwo\n\necho\n'
    const versions = [
      { text: newer, next: base, replacedAt: 2000 },
      { text: older, next: newer, replacedAt: 100 },
    ]
    const saved = 'one\n\ntwo\n\nkilo\n'
    expect(chooseBase(saved, base, versions, 1000)).toEqual({ text: older, stale: 'unclear' })
    expect(chooseBase(saved, base, versions.slice(0, 1), 1000)).toEqual({ text: newer, stale: 'edited' })
  })

  test('[P2][M6] who sets at once what others set has not read what else they did: a label stays', () => {
    const file = (status: string, labels: string, prose = 'one'): string =>
      `---\nstatus: ${status}\nlabels: [${labels}]\n---\n\n${prose}\n`
    const [first, second] = [file('todo', ''), file('review', 'a')]
    const saved = file('review', '')
    const choose = (unreadSince: number, base = second) =>
      chooseBase(
        saved,
        base,
        [
          ...(base === second ? [] : [{ text: second, next: base, replacedAt: 1500 }]),
          { text: first, next: second, replacedAt: 1000 },
        ],
        unreadSince,
      )
    expect(choose(500)).toEqual({ text: first, stale: 'unclear' })
    // Who had the time to read it took the label out.
    expect(choose(1200)).toEqual({ text: second })
    // Whatever else they set.
    const labelled = chooseBase(file('review', 'b'), second, [{ text: first, next: second, replacedAt: 1000 }], 500)
    expect(labelled).toEqual({ text: first, stale: 'unclear' })
    // Whatever came after that.
    expect(choose(500, file('review', 'a', 'one\n\ntwo'))).toEqual({ text: first, stale: 'unclear' })
  })

  test('[P2][M6] a word that was made longer or shorter is not another one: who shows that much of it has read it', () => {
    // Two wrote at once at one place of an empty text, and their words are one.
    const [old, base] = ['\n', 'onetwo\n']
    expect(chooseBase('three\ntwo\n', base, [version(old, base)])).toEqual({ text: base })
    expect(chooseBase('three\nfour\n', base, [version(old, base)]).stale).toBe('edited')
  })

  test('[M6] exactly a replaced text is told apart', () => {
    expect(chooseBase('one\n', 'one\ntwo\n', [version('one\n')])).toEqual({ text: 'one\n', stale: 'as-it-was' })
  })

  test('[P8] among many large texts that are all unlike it, choosing takes hardly longer than among one', () => {
    const text = (seed: number): string => {
      let [state, all] = [seed, '']
      while (all.length < 60_000) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        all += `${['alpha', 'beta', 'gamma', 'delta'][state >>> 30]}${(state >>> 20) % 9 === 0 ? '\n' : ' '}`
      }
      return all
    }
    const versions = Array.from({ length: 40 }, (_, i) => version(text(i + 10), text(i + 9)))
    const time = (count: number): number => {
      const begun = process.cpuUsage().user
      chooseBase(text(1), text(2), versions.slice(0, count), 0)
      return process.cpuUsage().user - begun
    }
    time(1)
    expect(time(40) / time(1)).toBeLessThan(12)
  })

  test('what two texts have in common is contained in both', () => {
    expect(commonText('one two three', 'one three four')).toBe('one three')
  })
})

describe('settled files', () => {
  test('[M4] a file is settled when nobody touched it for the quiet time', () => {
    const times = { now: 1000, evenFor: 5000, seenFor: 0 }
    expect(settleDelay({ ...times, changedAt: 900 }, 250)).toBe(150)
    expect(settleDelay({ ...times, changedAt: 700 }, 250)).toBe(0)
  })

  test('[M4] on a disk that tells whole seconds, a file is no older than it may be', () => {
    const changedAt = latestChange(1_700_000_000_000_000_000n)
    expect(settleDelay({ now: 1_700_000_000_900, changedAt, evenFor: 5000, seenFor: 0 }, 250)).toBe(250)
    expect(latestChange(1_700_000_000_900_000_001n)).toBe(1_700_000_000_900)
  })

  test('[M4] where the clock of the disk is ahead, only what was seen counts', () => {
    const times = { now: 1000, changedAt: 9_000_000, evenFor: 5000 }
    expect(settleDelay({ ...times, seenFor: 0 }, 250)).toBe(250)
    expect(settleDelay({ ...times, seenFor: 260 }, 250)).toBe(0)
  })

  test.each([365 * 86_400_000, 700])(
    '[M4] F9: a file does not look settled because the clock was just set %s ms ahead',
    async (ms) => {
      const clock = createTestClock()
      const settling = createSettling(clock)
      await clock.advance(5000)
      const stamp = { signature: 's', changedAt: clock.now() }
      await clock.advance(60)
      clock.jump(ms)
      expect(settling.delay('a.md', stamp, 250)).toBe(250)
      await clock.advance(250)
      expect(settling.delay('a.md', stamp, 250)).toBe(0)
      expect(settling.delay('b.md', stamp, 250)).toBe(0)
      expect(settling.delay('b.md', stamp, 10_000)).toBe(9750)
    },
  )

  test('[M4] F9: nor because it was set while nobody looked: no file is older than what this process has seen of it', async () => {
    const clock = createTestClock()
    const stamp = { signature: 's', changedAt: clock.now() - 365 * 86_400_000 }
    const settling = createSettling(clock)
    expect(settling.delay('a.md', stamp, 250)).toBe(250)
    await clock.advance(250)
    expect(settling.delay('b.md', stamp, 250)).toBe(0)
  })

  test.each([
    ['nothing at all', '', true],
    ['the first half', 'one\ntwo\n', true],
    ['cut inside a line', 'one\ntwo\nth', true],
    ['a line removed in the middle', 'one\nthree\nfour\n', false],
    ['longer', 'one\ntwo\nthree\nfour\nfive\n', false],
  ])('[M4] %s looks torn: %#', (_what, text, expected) => {
    expect(looksTorn('one\ntwo\nthree\nfour\n', text)).toBe(expected)
  })
})
