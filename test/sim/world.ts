import fc from 'fast-check'
import { must } from '../../src/base/assert.ts'
import { toOrchError } from '../../src/base/error.ts'
import { sha256 } from '../../src/base/hash.ts'
import { cutComments, entriesOf } from '../../src/model/comments.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { decodeFile, renderRecord, sameText } from '../../src/model/markdown.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import type { Tx } from '../../src/store/tx.ts'
import { createTestClock } from '../helpers/clock.ts'
import { borrowMemoryDatabase } from '../memory/database.ts'
import { createWorldNetwork } from './world-network.ts'
import { createWorldReplica, type WorldReplica } from './world-replica.ts'

/**
 * A whole world in memory: replicas with files, linked to one another; people with editors, who save in every style, late
 * and over one another; agents with commands; and whatever breaks: crashes in the middle of any step of a disk or
 * database, events that are lost or late, full disks, broken wires, clocks that are set.
 *
 * The judge knows nothing of merging. It knows every word that was ever put in, each only once in the world, and who took
 * one out having seen it; when all is quiet, each word must be there as often as that says.
 */

const on = fc.nat(3)
const at = fc.nat(50)
const record = fc.nat(5)
const who = fc.nat(1)
const is = <T extends string>(name: T) => fc.constant(name)

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: is('command'),
      on,
      record,
      at,
      what: fc.constantFrom('insert', 'insert', 'inline', 'remove', 'label', 'hours', 'status', 'comment', 'create'),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: is('save'),
      on,
      who,
      record,
      at,
      isFresh: fc.boolean(),
      style: fc.constantFrom('inplace', 'rename', 'slow', 'vim', 'append'),
      edit: fc.constantFrom('insert', 'insert', 'inline', 'remove', 'both', 'label', 'status', 'crlf'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: is('load'), on, who, record }) },
  { weight: 1, arbitrary: fc.record({ do: is('new'), on, at }) },
  { weight: 1, arbitrary: fc.record({ do: is('copy'), on, record }) },
  { weight: 1, arbitrary: fc.record({ do: is('move'), on, record }) },
  { weight: 1, arbitrary: fc.record({ do: is('unlink'), on, record }) },
  { weight: 1, arbitrary: fc.record({ do: is('break'), on, record, at }) },
  { weight: 1, arbitrary: fc.record({ do: is('delete'), on, record }) },
  { weight: 1, arbitrary: fc.record({ do: is('restore'), on, record }) },
  {
    weight: 9,
    arbitrary: fc.record({ do: is('wait'), ms: fc.constantFrom(1, 7, 20, 40, 90, 250, 300, 700, 2500, 6000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: is('crash'), on, after: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ do: is('start'), on }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: is('clock'), on, ms: fc.constantFrom(-3_600_000, -500, 700, 365 * 86_400_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: is('full'), on, after: fc.nat(20), times: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: is('eio'), on, after: fc.nat(20), times: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: is('part'), on, how: fc.constantFrom('cut', 'hang') }) },
  { weight: 1, arbitrary: fc.record({ do: is('heal') }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: is('events'), on, how: fc.constantFrom('lost', 'late', 'twice', 'flood', 'fine') }),
  },
)
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** A world: how many replicas, what their disks can do, and what happens. */
export const worlds = fc.record({
  replicas: fc.constantFrom(2, 2, 2, 3, 4),
  full: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  seed: fc.nat(1_000_000),
  steps: fc.array(step, { minLength: 5, maxLength: 40, size: '+1' }),
})
export type World = typeof worlds extends fc.Arbitrary<infer W> ? W : never

/** A word of which there is one in the world, and how often it may be there in the end. */
interface Word {
  readonly word: string
  readonly isLabel: boolean
  /** `there`: once. `gone`: nowhere. `either`: nobody was told. `noticed`: nowhere, or once where a stale save was told of. */
  state: 'there' | 'gone' | 'either' | 'noticed'
  why: string
}

interface Buffer {
  readonly path: string
  readonly text: string
  readonly at: number
}

const BROKEN = 'status: ['
/** Longer than this an editor that says nothing of what it has open is not remembered [M6]. */
const STALE_MS = 100_000
const FILE = /^tasks\/[^/]+\.md$/

/** Plays a world to its end, lets everything come to rest, and gives what does not hold then. */
export async function playWorld(
  world: World,
  trace: (line: string) => void = () => undefined,
): Promise<readonly string[]> {
  const clock = createTestClock()
  const network = createWorldNetwork(clock)
  const wrong: string[] = []
  const words: Word[] = []
  let hours = 0
  let maybeHours = 0
  /** Records that somebody took away, by command or by their file; and those that were copied. */
  const removed = new Set<string>()
  const copied = new Set<string>()
  const ids: RecordId[] = []

  const first = createWorldReplica({
    n: 0,
    seed: world.seed,
    clock,
    network,
    tier: { isFull: world.full[0] === true },
    peers: [],
  })
  await first.start()
  const of = { id: first.project().id, name: first.project().name }
  const replicas: WorldReplica[] = [first]
  for (let n = 1; n < world.replicas; n++) {
    const replica = createWorldReplica({
      n,
      seed: world.seed,
      clock,
      network,
      tier: { isFull: world.full[n] === true },
      // A line of them, so that rows travel through others.
      peers: [`host${n - 1}`],
      of,
    })
    replicas.push(replica)
    await replica.start()
  }
  const buffers = new Map<string, Buffer>()
  const busy = new Set<string>()
  const jumped = new Set<WorldReplica>()
  const telling = new Map<WorldReplica, 'lost' | 'late' | 'twice' | 'flood' | 'fine'>()
  const replicaOf = (n: number): WorldReplica => must(replicas[n % replicas.length], 'no replica')

  const newWord = (why: string, isLabel = false): Word => {
    const word: Word = { word: `${isLabel ? 'label' : 'word'}${words.length}x`, isLabel, state: 'there', why }
    words.push(word)
    return word
  }

  /** Tells the watcher of one change, or fails to. */
  const tell = (replica: WorldReplica, path: string): void => {
    const hint = (): void => replica.events()?.hint(path)
    const how = telling.get(replica) ?? 'fine'
    if (how === 'fine' || how === 'twice') hint()
    if (how === 'twice') clock.after(30, hint)
    if (how === 'late') clock.after(400, hint)
    if (how === 'flood') for (let i = 0; i < 600; i++) replica.events()?.hint(`tasks/other${i}.md`)
  }

  const filesOf = ({ disk }: WorldReplica): readonly string[] => disk.paths().filter((path) => FILE.test(path))
  const fileAt = (replica: WorldReplica, n: number): string | undefined => {
    const files = filesOf(replica)
    return files[n % Math.max(1, files.length)]
  }
  const idIn = (text: string): string | undefined => /^id: (\S+)/m.exec(text)?.[1]
  const idAt = (n: number): RecordId | undefined => ids[n % Math.max(1, ids.length)]

  /** Runs one command. What is refused changed nothing; what a crash cut short nobody was told of. */
  const command = async (
    replica: WorldReplica,
    write: (tx: Tx) => void,
    told: (outcome: 'done' | 'refused' | 'unknown') => void,
  ): Promise<void> => {
    if (!replica.isAlive()) return told('refused')
    try {
      const done = await replica.drive(
        replica
          .project()
          .transact(
            { source: 'api', actor: { name: `claude-${replica.host}`, type: 'agent', verified: false } },
            (tx) => {
              write(tx)
              return true
            },
          ),
      )
      told(done ? 'done' : 'unknown')
    } catch (error) {
      if (!replica.isAlive()) return told('unknown')
      const { code } = toOrchError(error)
      if (!['storage_failed', 'record_deleted', 'record_not_found'].includes(code)) throw error
      told('refused')
    }
  }

  const bodyOf = (tx: Tx, id: RecordId): string => String(tx.read(task, id)?.values.body ?? '')
  const act = async (replica: WorldReplica, one: Step & { readonly do: 'command' }): Promise<void> => {
    const why = `${one.what} by command on ${replica.host}`
    const put = (word: Word) => (outcome: 'done' | 'refused' | 'unknown') => {
      if (outcome !== 'done') word.state = outcome === 'refused' ? 'gone' : 'either'
    }
    const id = idAt(one.record)
    if (one.what === 'create') {
      const word = newWord(why)
      return command(replica, (tx) => void ids.push(tx.create(task, { title: 'Made', body: word.word })), put(word))
    }
    if (id === undefined) return
    switch (one.what) {
      case 'insert':
      case 'inline': {
        const word = newWord(why)
        return command(
          replica,
          (tx) => {
            const body = bodyOf(tx, id)
            const places = [...body.matchAll(one.what === 'insert' ? /\n/g : /(?<=\S)(?= )/g)].map(({ index }) => index)
            const place = places[one.at % Math.max(1, places.length)] ?? body.length
            const insert = one.what === 'insert' ? `\n${word.word}` : ` ${word.word}`
            tx.update(task, id, { edit: { body: [{ at: place, delete: 0, insert }] } })
          },
          put(word),
        )
      }
      case 'remove': {
        let gone: Word | undefined
        return command(
          replica,
          (tx) => {
            const body = bodyOf(tx, id)
            const there = words.filter(({ word, isLabel }) => !isLabel && body.includes(word))
            gone = there[one.at % Math.max(1, there.length)]
            if (!gone) return
            const { word } = gone
            tx.update(task, id, { edit: { body: [{ at: body.indexOf(word), delete: word.length, insert: '' }] } })
          },
          (outcome) => {
            if (gone && outcome !== 'refused') {
              gone.state = outcome === 'done' ? 'gone' : 'either'
              gone.why += `, ${why}`
            }
          },
        )
      }
      case 'label': {
        const word = newWord(why, true)
        return command(replica, (tx) => tx.update(task, id, { add: { labels: [word.word] } }), put(word))
      }
      case 'comment': {
        const word = newWord(why)
        return command(replica, (tx) => tx.update(task, id, { append: { comments: [{ text: word.word }] } }), put(word))
      }
      case 'hours':
        return command(
          replica,
          (tx) => tx.update(task, id, { increment: { spentHours: 1 } }),
          (outcome) => {
            if (outcome === 'done') hours++
            if (outcome === 'unknown') maybeHours++
          },
        )
      case 'status':
        return command(
          replica,
          (tx) => tx.update(task, id, { set: { status: ['todo', 'blocked', 'review'][one.at % 3] ?? 'todo' } }),
          () => undefined,
        )
    }
  }

  const load = (replica: WorldReplica, person: number, path: string): Buffer | undefined => {
    const text = replica.disk.text(path)
    if (text === undefined || text.trim() === '' || busy.has(`${replica.host} ${path}`)) return undefined
    const buffer = { path, text, at: clock.monotonic() }
    buffers.set(`${replica.host} ${person}`, buffer)
    return buffer
  }

  /** Whoever else has this file open is told by their editor that a person saved it; what orch writes they do not see. */
  const reload = (replica: WorldReplica, path: string): void => {
    for (const [key, buffer] of buffers)
      if (key.startsWith(`${replica.host} `) && buffer.path === path) buffers.delete(key)
  }

  const edited = (replica: WorldReplica, buffer: Buffer, one: Step & { readonly do: 'save' }): string => {
    const eol = buffer.text.includes('\r\n') ? '\r\n' : '\n'
    const text = buffer.text.split('\r\n').join('\n')
    const { body: whole, section } = cutComments(text)
    const lines = whole.split('\n')
    const start = lines.indexOf('---', 1) + 1
    // With its id: it may be told of under another name.
    const why = `${one.edit} (${one.style}) by hand on ${replica.host} in ${buffer.path} of ${idIn(text) ?? 'none'}`
    const join = (changed: readonly string[], to = eol): string =>
      `${changed.join('\n')}${section === '' ? '' : `\n\n${section}`}`.split('\n').join(to)
    const inserted = (from: readonly string[]): readonly string[] => {
      const place = start + (one.at % Math.max(1, from.length - start))
      return [...from.slice(0, place), newWord(why).word, ...from.slice(place)]
    }
    const without = (): readonly string[] => {
      const there = words.filter(
        ({ word, isLabel }) => !isLabel && lines.slice(start).some((line) => line.includes(word)),
      )
      const gone = there[one.at % Math.max(1, there.length)]
      if (!gone) return lines
      gone.why += `, ${why}`
      if (gone.state !== 'gone') gone.state = 'noticed'
      return lines.map((line, i) => (i < start ? line : line.replace(gone.word, '')))
    }
    switch (one.edit) {
      case 'insert':
        return join(inserted(lines))
      case 'both':
        return join(inserted(without()))
      case 'remove':
        return join(without())
      case 'inline': {
        const places = lines.flatMap((line, i) => (i >= start && /\S /.test(line) ? [i] : []))
        const place = places[one.at % Math.max(1, places.length)]
        if (place === undefined) return join(inserted(lines))
        const { word } = newWord(why)
        return join(lines.map((line, i) => (i === place ? line.replace(/(?<=\S) /, ` ${word} `) : line)))
      }
      case 'label': {
        if (start === 0) return join(inserted(lines))
        const place = lines.findIndex((line, i) => i < start && /^labels: \[/.test(line))
        const { word } = newWord(why, true)
        if (place >= 0) {
          const separator = /\[\s*\]/.test(must(lines[place], 'no line')) ? '' : ', '
          return join(lines.map((line, i) => (i === place ? line.replace(']', `${separator}${word}]`) : line)))
        }
        return join([...lines.slice(0, start - 1), `labels: [${word}]`, ...lines.slice(start - 1)])
      }
      case 'status':
        return join(lines.map((line, i) => (i < start && /^status: \w/.test(line) ? 'status: in_progress' : line)))
      case 'crlf':
        return join(lines, '\r\n')
    }
  }

  const save = async (replica: WorldReplica, one: Step & { readonly do: 'save' }): Promise<void> => {
    const held = buffers.get(`${replica.host} ${one.who}`)
    const isOld = held !== undefined && clock.monotonic() - held.at > STALE_MS
    const path = held && !one.isFresh && !isOld ? held.path : fileAt(replica, one.record)
    if (path === undefined || busy.has(`${replica.host} ${path}`)) return
    const buffer = held && !one.isFresh && !isOld ? held : load(replica, one.who, path)
    if (!buffer) return
    const { disk } = replica
    const text = one.style === 'append' ? appended(replica, path) : edited(replica, buffer, one)
    if (text === undefined) return
    obeyed(replica, path, text)
    replica.intended.add(sha256(new TextEncoder().encode(text)))
    reload(replica, path)
    buffers.set(`${replica.host} ${one.who}`, { path, text, at: clock.monotonic() })
    switch (one.style === 'slow' && disk.text(path) === undefined ? 'inplace' : one.style) {
      case 'inplace':
      case 'append':
        disk.save(path, text)
        break
      case 'rename':
        disk.saveByRename(path, text)
        break
      case 'vim': {
        if (disk.text(path) !== undefined) disk.rename(path, `${path}~`)
        tell(replica, path)
        busy.add(`${replica.host} ${path}`)
        await clock.advance(5)
        busy.delete(`${replica.host} ${path}`)
        disk.save(path, text)
        disk.delete(`${path}~`)
        break
      }
      case 'slow': {
        const key = `${replica.host} ${path}`
        busy.add(key)
        const handle = disk.open(path)
        handle.write('')
        clock.after(30, () => handle.write(text.slice(0, text.length / 2)))
        clock.after(90, () => {
          handle.write(text)
          handle.close()
          busy.delete(key)
          reload(replica, path)
          tell(replica, path)
        })
        break
      }
    }
    tell(replica, path)
  }

  const hoursIn = (text: string): number => Number(/^spentHours: (\d+)$/m.exec(text)?.[1] ?? 0)

  /** Every text that was saved at a path, by host. */
  const saves = new Map<string, Set<string>>()
  /**
   * Who saves one old text again, having been told that it was old, is obeyed [M6]: what others have added since goes. An
   * editor that was not closed in between cannot be told from a person who insists.
   */
  const obeyed = (replica: WorldReplica, path: string, text: string): void => {
    const key = `${replica.host} ${path}`
    const before = saves.get(key) ?? new Set<string>()
    saves.set(key, before)
    const [same, there] = [text.split('\r\n').join('\n').trimEnd(), replica.disk.text(path) ?? '']
    const isTold = [...replica.stale].some((at) => at === path || at === idIn(text))
    if (isTold && before.has(same)) {
      for (const word of words)
        if (word.state === 'there' && there.includes(word.word) && !same.includes(word.word)) word.state = 'either'
      const gone = Math.max(0, hoursIn(there) - hoursIn(same))
      hours -= gone
      maybeHours += gone
    }
    before.add(same)
  }

  const appended = (replica: WorldReplica, path: string): string | undefined => {
    const now = replica.disk.text(path)
    if (now === undefined || now.trim() === '') return undefined
    const { word } = newWord(`appended by hand on ${replica.host} to ${path}`)
    return `${now.endsWith('\n') ? now : `${now}\n`}${word}\n`
  }

  const write = (replica: WorldReplica, path: string, text: string): void => {
    replica.intended.add(sha256(new TextEncoder().encode(text)))
    reload(replica, path)
    replica.disk.save(path, text)
    tell(replica, path)
  }

  let made = 0
  const play = async (one: Step): Promise<void> => {
    if (one.do === 'wait') return clock.advance(one.ms)
    if (one.do === 'heal') return network.heal()
    const replica = replicaOf(one.on)
    switch (one.do) {
      case 'command':
        return act(replica, one)
      case 'save':
        return save(replica, one)
      case 'load': {
        const path = fileAt(replica, one.record)
        if (path !== undefined) load(replica, one.who, path)
        return
      }
      case 'new': {
        const path = `tasks/by-hand-${made++}.md`
        return write(replica, path, `# By hand\n\n${newWord(`new file on ${replica.host}`).word}\n`)
      }
      case 'copy': {
        const text = replica.disk.text(fileAt(replica, one.record) ?? '')
        const id = text && idIn(text)
        if (!id || removed.has(id)) return
        copied.add(id)
        const { word } = newWord(`copied file on ${replica.host}`)
        return write(
          replica,
          `tasks/copy-${made++}.md`,
          `---\nid: ${id}\ntitle: Copied\nstatus: todo\npriority: low\n---\n\n${word}\n`,
        )
      }
      case 'move': {
        const path = fileAt(replica, one.record)
        const text = path === undefined ? undefined : replica.disk.text(path)
        if (path === undefined || !text || busy.has(`${replica.host} ${path}`) || copied.has(idIn(text) ?? '')) return
        // What was saved late where a record's file had been, and goes elsewhere before it is read, is a copy.
        const id = idIn(text)
        if (filesOf(replica).some((one) => one !== path && id && idIn(replica.disk.text(one) ?? '') === id)) return
        // Without an id it may be known by its text, or not.
        if (id === undefined) {
          if (!replica.isAlive()) return
          const bare = replica.project().recordAt(path)?.id
          if (bare !== undefined) removed.add(bare)
          for (const word of words)
            if (word.state === 'noticed' && word.why.includes(`${replica.host} in ${path} `)) word.state = 'either'
        }
        reload(replica, path)
        const to = `tasks/moved-${made++}.md`
        replica.disk.rename(path, to)
        tell(replica, path)
        return tell(replica, to)
      }
      case 'unlink': {
        const path = fileAt(replica, one.record)
        const text = path === undefined ? undefined : replica.disk.text(path)
        const id = text && idIn(text)
        if (path === undefined || busy.has(`${replica.host} ${path}`) || !id || copied.has(id) || !replica.isAlive())
          return
        removed.add(id)
        // What was never read, nobody but its writer had.
        const known = JSON.stringify(replica.project().read(task, id as RecordId) ?? '')
        for (const word of words) {
          const isNew = text.includes(word.word) && !known.includes(word.word)
          const isOut = word.state === 'noticed' && known.includes(word.word)
          if (isNew || isOut) word.state = 'either'
        }
        reload(replica, path)
        replica.disk.delete(path)
        return tell(replica, path)
      }
      case 'break': {
        const path = fileAt(replica, one.record)
        const text = path === undefined ? undefined : replica.disk.text(path)
        if (path === undefined || !text || busy.has(`${replica.host} ${path}`) || !/^status: \w/m.test(text)) return
        return write(replica, path, text.replace(/^status: \w+/m, BROKEN))
      }
      case 'delete': {
        const id = idAt(one.record)
        if (id === undefined || copied.has(id)) return
        removed.add(id)
        return command(
          replica,
          (tx) => tx.delete(task, id),
          () => undefined,
        )
      }
      case 'restore': {
        const id = idAt(one.record)
        if (id === undefined) return
        return command(
          replica,
          (tx) => tx.restore(task, id),
          () => undefined,
        )
      }
      case 'crash':
        return replica.crashAfter(one.after)
      case 'start':
        return start(replica)
      case 'clock':
        jumped.add(replica)
        return replica.jump(one.ms)
      case 'full':
        return replica.database.failAt(1 + one.after, one.times)
      case 'eio':
        return failDisk(replica, one.after, one.times)
      case 'part':
        return network.part(replica.host, one.how)
      case 'events':
        telling.set(replica, one.how)
    }
  }

  const start = async (replica: WorldReplica): Promise<void> => {
    if (replica.isAlive()) return
    replica.crash()
    replica.database.heal()
    // What was written when is kept by the clock on the wall: who set it in between has to load anew.
    if (jumped.delete(replica))
      for (const key of buffers.keys()) if (key.startsWith(`${replica.host} `)) buffers.delete(key)
    await replica.start()
  }

  /** Everything is mended, and time goes on until nothing happens any more. */
  const rest = async (): Promise<void> => {
    network.heal()
    for (const replica of replicas) {
      replica.crashAfter(0)
      replica.database.heal()
      replica.disk.before = () => undefined
      replica.disk.unreadable.clear()
      telling.set(replica, 'fine')
    }
    await clock.advance(200)
    for (const replica of replicas) {
      await start(replica)
      for (const path of filesOf(replica)) {
        const text = replica.disk.text(path) ?? ''
        if (text.includes(BROKEN)) write(replica, path, text.replace(BROKEN, 'status: todo'))
      }
    }
    let before = ''
    for (let round = 0; round < 30; round++) {
      for (const replica of replicas) await replica.drive(replica.mirror().sync())
      await clock.advance(round < 2 ? 1000 : 6000)
      const now = JSON.stringify(
        replicas.map((replica) => [Object.entries(replica.project().have()).sort(), filesOf(replica)]),
      )
      const isEqual =
        new Set(replicas.map((replica) => JSON.stringify(Object.entries(replica.project().have()).sort()))).size === 1
      if (now === before && isEqual) return
      before = now
    }
    wrong.push('[I12] it never came to rest')
  }

  for (const title of ['Fix login', 'Write docs']) {
    await command(
      first,
      (tx) => void ids.push(tx.create(task, { title, body: 'alpha beta\n\ngamma delta\n\nomega' })),
      () => undefined,
    )
  }
  await clock.advance(1500)
  for (const one of world.steps) {
    await play(one)
    trace(
      JSON.stringify([
        one.do,
        clock.monotonic(),
        replicas.map(({ disk }) => Object.fromEntries(disk.paths().map((path) => [path, disk.text(path)]))),
      ]),
    )
  }
  await rest()
  if (wrong.length === 0) {
    for (const replica of replicas) judge(replica)
    judgeIndex(replicaOf(world.seed))
    judgeReplicas()
    judgeWords()
    await judgeRest()
  }
  for (const replica of replicas) wrong.push(...replica.wrong)
  for (const replica of replicas) await replica.stop()
  return wrong

  function failDisk(replica: WorldReplica, after: number, times: number): void {
    let calls = 0
    let hidden: string | undefined
    replica.disk.before = (name, path) => {
      if (hidden !== undefined) replica.disk.unreadable.delete(hidden)
      hidden = undefined
      calls++
      if (calls <= after || calls > after + times) return
      if (name !== 'read' && name !== 'list') throw Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO' })
      hidden = path
      replica.disk.unreadable.add(path)
    }
  }

  /** [I5] [I8] [I13] [I14] [I15] */
  function judge(replica: WorldReplica): void {
    const { disk, host } = replica
    const project = replica.project()
    const expected = new Set<string>()
    for (const id of project.ids(task)) {
      const path = project.pathOf(task, id)
      expected.add(path)
      const stored = must(project.read(task, id), 'no record')
      const text = disk.text(path)
      const decoded = text === undefined ? undefined : decodeFile(new TextEncoder().encode(text))
      const rendered = renderRecord(task, stored)
      if (!decoded?.ok || !sameText(decoded.text, rendered)) {
        wrong.push(`[I5] ${host}: ${path} is\n${text}\nnot\n${rendered}`)
      }
    }
    for (const path of filesOf(replica)) if (!expected.has(path)) wrong.push(`[I5] ${host}: ${path} is nobody’s file`)
    const allowed = ['stale_save', 'kept_record', 'overridden_value', 'conflict', 'kept_line']
    for (const item of replica.attention().list()) {
      if (!allowed.includes(item.kind)) wrong.push(`[I14] ${host}: ${item.kind} at ${item.where}: ${item.what}`)
    }
    if (project.clientCount() > 8 * world.replicas) wrong.push(`[I15] ${host}: ${project.clientCount()} clientIDs`)
  }

  /** [I15] Of one replica: it takes a tenth of the time of a world. */
  function judgeIndex(replica: WorldReplica): void {
    const scratch = borrowMemoryDatabase()
    for (const line of replica.project().checkIndex(scratch)) wrong.push(`[I15] ${replica.host}: ${line}`)
    scratch.giveBack()
  }

  /** [I1] */
  function judgeReplicas(): void {
    const shown = (project: OpenProject): string =>
      JSON.stringify(
        project.ids(task, { deleted: true }).map((id) => project.read(task, id)),
        null,
        1,
      )
    const one = first.project()
    for (const replica of replicas.slice(1)) {
      const other = replica.project()
      if (shown(one) !== shown(other)) wrong.push(`[I1] ${replica.host} differs:\n${shown(one)}\n${shown(other)}`)
      if (one.adds(other.encodeState()) || other.adds(one.encodeState())) {
        wrong.push(`[I1] ${replica.host} holds what host0 lacks, or the other way round`)
      }
    }
  }

  /** [I2] [I3] [I4] [I7] */
  function judgeWords(): void {
    const project = first.project()
    const records = project.ids(task, { deleted: true }).map((id) => must(project.read(task, id), 'no record'))
    const labels = records.flatMap(({ values }) => values.labels as readonly string[])
    // Not the title: that of a file without one is its heading, which stands in its text, too.
    const texts = records.flatMap(({ values }) => [
      String(values.body),
      ...entriesOf(values.comments).map(({ text }) => text),
    ])
    const all = texts.join('\n')
    for (const { word, isLabel, state, why } of words) {
      const count = isLabel ? labels.filter((label) => label === word).length : all.split(word).length - 1
      const isNoticed =
        count === 1 &&
        replicas.some(
          ({ stale, kept, host }) => why.includes(`${host} in `) && [...stale, ...kept].some((at) => why.includes(at)),
        )
      // Two wrote at once at one place of an empty text: their words are one, and who takes out a word that others have
      // changed meanwhile does not take out theirs [M2]. What they see is what they had not seen.
      const isGrown = count === 1 && (all.includes(`x${word}`) || all.includes(`${word}word`))
      const isRight = {
        there: count === 1,
        gone: count === 0,
        either: count <= 1,
        noticed: count === 0 || isNoticed || isGrown,
      }[state]
      const rule = count > 1 ? 'I3' : count === 0 ? 'I2' : 'I4'
      if (!isRight) wrong.push(`[${rule}] ${word} (${why}; ${state}) is there ${count} times:\n${all}`)
    }
    for (const { id, deletedAt } of records) {
      if (deletedAt !== undefined && !removed.has(id)) wrong.push(`[I4] ${id} is deleted, and nobody deleted it`)
    }
    const sum = records.reduce((total, { values }) => total + Number(values.spentHours ?? 0), 0)
    if (sum < hours || sum > hours + maybeHours)
      wrong.push(`[I3] ${sum} hours were spent, not ${hours} to ${hours + maybeHours}`)
  }

  /** [I6] */
  async function judgeRest(): Promise<void> {
    await clock.advance(12_000)
    for (const { host, disk } of replicas) {
      const left = disk.paths().filter((path) => /^\.orch\/(?!root$|page-)/.test(path))
      if (left.length > 0) wrong.push(`[I13] ${host}: left behind: ${left}`)
    }
    const shown = (): string =>
      JSON.stringify(
        replicas.map((replica) => [replica.project().rowCount(), replica.diskWrites(), replica.disk.paths()]),
      )
    const before = shown()
    await clock.advance(60_000)
    if (shown() !== before) wrong.push(`[I6] with nobody doing anything, it went on:\n${before}\n${shown()}`)
  }
}
