import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import { renderRecord } from '../../src/model/markdown.ts'
import { byClaude } from '../helpers/project.ts'
import { openRealMirror, type RealMirror } from './race.ts'

const run = promisify(execFile)
const has = (program: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const hasVim = has('vim')
if (!hasVim)
  process.stderr.write('SKIPPED: vim is missing, so what it does to files is not tested; see `npm run setup`\n')

const shell = (script: string) => (file: string) => run('sh', ['-ec', script, 'sh', file])
const vim = (options: string) => (file: string) => {
  const editing = run('vim', [
    '-u',
    'NONE',
    '-N',
    '-es',
    '-c',
    `set ${options}`,
    '-c',
    '%s/two$/two by hand/',
    '-c',
    'wq',
    file,
  ])
  // It asks whether to write a file that has changed since it was read.
  editing.child.stdin?.end('y\n')
  return editing
}

/** Turns `two` into `two by hand`, each as a real program does. */
const editors: readonly (readonly [how: string, isThere: boolean, edit: (file: string) => Promise<unknown>])[] = [
  ['truncate and write', true, shell('text=$(sed "s/two$/two by hand/" "$1"); printf "%s\\n" "$text" > "$1"')],
  [
    'slowly, in place, with pauses',
    true,
    shell(
      'sed "s/two$/two by hand/" "$1" > "$1.new"; { head -c 230 "$1.new"; sleep 0.2; tail -c +231 "$1.new"; } > "$1"; rm "$1.new"',
    ),
  ],
  ['rename over', true, shell('sed "s/two$/two by hand/" "$1" > "$1.tmp"; mv "$1.tmp" "$1"')],
  ['sed -i', true, (file) => run('sed', ['-i', 's/two$/two by hand/', file])],
  ['append', true, shell('printf "\\ntwo by hand\\n" >> "$1"')],
  ['vim, by default', hasVim, vim('nobackup')],
  ['vim, backupcopy=yes', hasVim, vim('backup backupcopy=yes')],
  ['vim, backupcopy=no', hasVim, vim('backup writebackup backupcopy=no')],
  ['vim, backupcopy=auto', hasVim, vim('writebackup backupcopy=auto')],
  [
    'emacs: a lock, an autosave, a backup, in place',
    true,
    shell(
      'd=$(dirname "$1"); f=$(basename "$1"); ln -sf me@host.1:1 "$d/.#$f"; cp "$1" "$d/#$f#"; cp -p "$1" "$1~"; text=$(sed "s/two$/two by hand/" "$1"); printf "%s\\n" "$text" > "$1"; rm "$d/.#$f" "$d/#$f#"',
    ),
  ],
  [
    'as git checkout does: unlink, create, write',
    true,
    shell('text=$(sed "s/two$/two by hand/" "$1"); rm "$1"; set -C; printf "%s\\n" "$text" > "$1"'),
  ],
  [
    'a formatter after the save, which joins lines, pads and sets final newlines',
    true,
    shell(
      'sed -i "s/two$/two by hand/" "$1"; sleep 0.04; text=$(sed "s/[[:space:]]*$//" "$1"); printf "%s\\n\\n\\n" "$text" > "$1"',
    ),
  ],
]

describe.each([
  ['full', false],
  ['basic', true],
])('[P2][M4][M5] editors, %s tier', (_tier, isBasic) => {
  let mirror: RealMirror
  beforeAll(async () => {
    mirror = await openRealMirror({ isBasic })
  })
  afterAll(() => mirror.stop())

  let tries = 0
  test.each(editors.filter(([, isThere]) => isThere))(
    '[P2][M4] %s, while an agent writes: nothing is lost, nothing doubled',
    async (editor, _isThere, edit) => {
      const how = `${editor} ${++tries}`
      const { held, root } = mirror
      const { project } = held
      const id = await project.transact(byClaude, (tx) => tx.create(task, { title: how, body: 'one\n\ntwo\n\nthree' }))
      await mirror.mirror.sync()
      const file = join(root, project.pathOf(task, id))
      const write = (text: string): Promise<unknown> =>
        project.transact(byClaude, (tx) =>
          tx.update(task, id, { edit: { body: [{ at: 0, delete: 0, insert: text }] } }),
        )
      const editing = edit(file)
      await write('by an agent\n\n')
      await editing
      await write('by an agent, later\n\n')
      await mirror.mirror.sync()
      const record = must(project.read(task, id), 'the record is gone')
      const body = String(record.values.body)
      for (const words of [/two by hand/g, /by an agent\n/g, /by an agent, later/g, /^one$/gm, /^three$/gm]) {
        expect(body.match(words), String(words)).toHaveLength(1)
      }
      expect(record.deletedAt).toBeUndefined()
      expect(readFileSync(file, 'utf8').trimEnd()).toBe(renderRecord(task, record).trimEnd())
      expect(project.list(task, { where: { title: [how] }, limit: 1 }).total).toBe(1)
      const problems = mirror.mirror
        .problems()
        .filter(({ where, kind }) => file.endsWith(where) && kind !== 'stale_save')
      expect(problems).toEqual([])
    },
  )
})

describe('[P4][M8] git in the tree of the user', () => {
  let mirror: RealMirror
  let ids: readonly RecordId[]
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: dirname(mirror.root),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  beforeAll(async () => {
    mirror = await openRealMirror()
    const tree = dirname(mirror.root)
    git('init', '-q')
    mkdirSync(join(tree, '.git/info'), { recursive: true })
    writeFileSync(join(tree, '.git/info/exclude'), '/orch/\n')
    writeFileSync(join(tree, 'code.txt'), 'one\n')
    git('add', '.')
    git('commit', '-qm', 'one')
    git('checkout', '-qb', 'other')
    writeFileSync(join(tree, 'code.txt'), 'two\n')
    git('commit', '-qam', 'two')
    ids = await mirror.held.project.transact(byClaude, (tx) =>
      Array.from({ length: 15 }, (_, i) => tx.create(task, { title: `Task ${i}`, body: 'one\n\ntwo' })),
    )
    await mirror.mirror.sync()
  })
  afterAll(() => mirror.stop())

  test.each<[string, () => unknown]>([
    ['checkout', () => git('checkout', '-q', '-')],
    [
      'stash',
      () => [writeFileSync(join(dirname(mirror.root), 'code.txt'), 'dirty\n'), git('stash'), git('stash', 'pop')],
    ],
    ['stash --include-untracked', () => [git('stash', '-u'), git('stash', 'pop')]],
    ['reset --hard', () => git('reset', '-q', '--hard')],
    ['clean -fd', () => git('clean', '-qfd')],
    ['D4: clean -fdx, which removes the directory', () => git('clean', '-qfdx')],
    ['stash --all, which takes the directory away', () => git('stash', '--all')],
    ['a second clean -fdx', () => git('clean', '-qfdx')],
  ])('[P4][M8] %s: every record stays, every file is there again, and edits go on', async (_what, act) => {
    const { project } = mirror.held
    act()
    await mirror.mirror.sync()
    await mirror.mirror.sync()
    for (const id of ids) {
      const record = must(project.read(task, id), 'the record is gone')
      expect(record.deletedAt).toBeUndefined()
      expect(readFileSync(join(mirror.root, project.pathOf(task, id)), 'utf8')).toBe(renderRecord(task, record))
    }
    expect(project.ids(task)).toHaveLength(ids.length)
    const [first] = ids
    const file = join(mirror.root, project.pathOf(task, must(first, 'a task')))
    const word = `word${project.rowCount()}`
    execFileSync('sed', ['-i', `s/two/two ${word}/`, file])
    await mirror.mirror.sync()
    expect(project.read(task, must(first, 'a task'))?.values.body).toContain(word)
    expect(git('status', '--porcelain').includes('orch')).toBe(false)
  })
})

describe('[M8] what is not deleted', () => {
  test('[M8] D3: rm -rf of a folder with many files deletes nothing without a word by a person', async () => {
    const { held, mirror, root, stop } = await openRealMirror()
    await held.project.transact(byClaude, (tx) => {
      for (let i = 0; i < 15; i++) tx.create(task, { title: `Task ${i}` })
    })
    await mirror.sync()
    execFileSync('rm', ['-rf', join(root, 'tasks')])
    await mirror.sync()
    expect(held.project.ids(task)).toHaveLength(15)
    expect(readdirSync(join(root, 'tasks'))).toHaveLength(15)
    expect(mirror.problems()).toMatchObject([{ kind: 'held_deletes', ways: [{ name: 'delete', destructive: true }] }])
    await stop()
  })

  test('[M8] D1: a directory that is mounted elsewhere for a while is not an empty one', async () => {
    const { held, mirror, root, stop } = await openRealMirror()
    const id = await held.project.transact(byClaude, (tx) => tx.create(task, { title: 'Task', body: 'one' }))
    await mirror.sync()
    execFileSync('mv', [root, `${root}-away`])
    mkdirSync(root)
    await mirror.sync()
    expect(held.project.read(task, id)?.deletedAt).toBeUndefined()
    expect(existsSync(join(root, held.project.pathOf(task, id)))).toBe(true)
    await stop()
  })
})
