import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { must } from '../../src/base/assert.ts'
import { sleep, systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import type { Disk } from '../../src/mirror/disk.ts'
import { createMirror, type Mirror } from '../../src/mirror/mirror.ts'
import { createNodeDisk } from '../../src/mirror/node-disk.ts'
import { createNodeWatch } from '../../src/mirror/watch.ts'
import { task } from '../../src/model/kinds/task.ts'
import { renderRecord } from '../../src/model/markdown.ts'
import type { TextEdit } from '../../src/model/text-edit.ts'
import { openAttention } from '../../src/store/attention.ts'
import { type MirrorBases, openMirrorBases } from '../../src/store/mirror-bases.ts'
import { openMirrorLogs } from '../../src/store/mirror-logs.ts'
import type { Project } from '../../src/store/project.ts'
import { alice, byClaude, createTestProject, type TestProject } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

/** How editors save: in place at once, by a new file, as vim does with a backup, in place in two slow parts. */
export const STYLES = ['truncate', 'rename', 'backup', 'slow'] as const
export type Style = (typeof STYLES)[number]

/** Parts of a mirror that a broken variant puts in the place of the real ones. */
export interface Variant {
  readonly disk?: (real: Disk, root: string, bases: MirrorBases) => Disk
  readonly bases?: (real: MirrorBases, project: Project) => MirrorBases
}

export interface RealMirror {
  readonly root: string
  readonly held: TestProject
  readonly mirror: Mirror
  stop(): Promise<void>
}

/** A mirror on real files, events and time. */
export async function openRealMirror(
  options: { readonly isBasic?: boolean; readonly variant?: Variant; readonly scanMs?: number } = {},
): Promise<RealMirror> {
  const { isBasic = false, variant = {} } = options
  const parent = mkdtempSync(join(tmpdir(), 'orch-mirror-'))
  const root = join(parent, 'orch')
  const held = createTestProject({ clock: systemClock })
  const bases = openMirrorBases(held.database)
  const disk = createNodeDisk(root, { isBasic })
  const mirror = createMirror({
    project: held.project,
    disk: variant.disk?.(disk, root, bases) ?? disk,
    bases: variant.bases?.(bases, held.project) ?? bases,
    writtenLogs: openMirrorLogs(held.database),
    attention: openAttention(held.database),
    watch: createNodeWatch(root),
    clock: systemClock,
    random: createRandom(5),
    log: silentLogger,
    ...(options.scanMs !== undefined && { scanMs: options.scanMs }),
    fileActor: () => alice,
    facts: () => ({ replica: 'r', addresses: [], peers: [], problems: [] }),
  })
  held.project.onCommit(mirror.note)
  await mirror.start()
  await mirror.sync()
  return {
    root,
    held,
    mirror,
    async stop() {
      await mirror.stop()
      rmSync(parent, { recursive: true, force: true })
    },
  }
}

export interface RaceOptions {
  readonly style: Style
  readonly saves: number
  /** Every core has something else to do. */
  readonly isLoaded?: boolean
  readonly isBasic?: boolean
  readonly variant?: Variant
}

/** Words, by what became of them. */
export interface RaceResult {
  readonly saves: number
  readonly commands: number
  /** Put in, and taken out by nobody who had seen them, and not there. */
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  /** Taken out by somebody who had seen them, and there. */
  readonly back: readonly string[]
  readonly isFileEqual: boolean
  readonly isDeleted: boolean
  readonly records: number
}

const SLOT = /^slot: (.*)$/m

/**
 * An editor in a process of its own against commands on one task: both put in lines, and both replace the words of one
 * line by another. Who replaces has seen the words they take out; every other word must be there once at the end.
 */
export async function race(options: RaceOptions): Promise<RaceResult> {
  const { style, saves, isLoaded = false } = options
  const { root, held, mirror, stop } = await openRealMirror(options)
  const load = isLoaded ? busyProcesses() : []
  try {
    const { project } = held
    const id = await project.transact(byClaude, (tx) =>
      tx.create(task, { title: 'Fix login', body: 'alpha0x\n\nslot: seed0x\n\nbeta0x\n\ngamma0x' }),
    )
    await mirror.sync()
    const file = join(root, project.pathOf(task, id))
    const inserted = ['alpha0x', 'seed0x', 'beta0x', 'gamma0x']
    const removed = new Set<string>()
    const editor = spawn(process.execPath, [join(import.meta.dirname, 'editor.mjs'), file, style, String(saves)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(editor, 'exit')
    createInterface({ input: editor.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { readonly inserted: string; readonly removed: readonly string[] }
      inserted.push(said.inserted)
      for (const word of said.removed) removed.add(word)
    })
    let commands = 0
    while (editor.exitCode === null) {
      const word = `command${commands++}x`
      const n = commands
      await project.transact(byClaude, (tx) => {
        const body = String(tx.read(task, id)?.values.body)
        tx.update(task, id, {
          edit: { body: [n % 4 === 0 ? replaceSlot(body, word, removed) : newLine(body, word, n)] },
        })
      })
      inserted.push(word)
      await sleep(systemClock, (commands * 13) % 50)
    }
    const [code] = await exited
    if (code !== 0) throw new Error(`the editor ended with ${code}`)
    await mirror.sync()
    const record = must(project.read(task, id), 'the record is gone')
    const counts = new Map<string, number>()
    for (const [word] of String(record.values.body).matchAll(/[a-z]+\d+x/g))
      counts.set(word, (counts.get(word) ?? 0) + 1)
    const count = (word: string): number => counts.get(word) ?? 0
    return {
      saves,
      commands,
      lost: inserted.filter((word) => !removed.has(word) && count(word) === 0),
      doubled: [...counts].filter(([, times]) => times > 1).map(([word]) => word),
      back: [...removed].filter((word) => count(word) > 0),
      isFileEqual: readFileSync(file, 'utf8') === renderRecord(task, record),
      isDeleted: record.deletedAt !== undefined,
      records: project.ids(task).length,
    }
  } finally {
    for (const process of load) process.kill('SIGKILL')
    await stop()
  }
}

/** What a race must come to. */
export const FAIR: Partial<RaceResult> = { lost: [], doubled: [], isFileEqual: true, isDeleted: false, records: 1 }

function newLine(body: string, word: string, n: number): TextEdit {
  const ends = [...body.matchAll(/\n/g)].map(({ index }) => index)
  return { at: ends[(n * 7) % Math.max(1, ends.length)] ?? body.length, delete: 0, insert: `\n${word}` }
}

function replaceSlot(body: string, word: string, removed: Set<string>): TextEdit {
  const found = SLOT.exec(body)
  if (!found) return newLine(body, word, 1)
  const words = found[1] ?? ''
  for (const [old] of words.matchAll(/[a-z]+\d+x/g)) removed.add(old)
  return { at: found.index + 'slot: '.length, delete: words.length, insert: word }
}

function busyProcesses(): readonly ChildProcess[] {
  return Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' }),
  )
}
