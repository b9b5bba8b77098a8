import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTestRepo, must, type Result, type TestRepo } from './harness.ts'

const ORCH = `"${process.execPath}" "${resolve(import.meta.dirname, '../../dist/orch.js')}"`

let repo: TestRepo
let id: string

beforeEach(async () => {
  repo = await createTestRepo()
  const created = await repo.json<{ id: string }>('task', 'create', 'Fix the login', '--body', 'one two three')
  id = created.id
})

afterEach(() => repo.remove())

/** An editor that is a shell script; `$1` is the file. */
function editor(script: string): Record<string, string> {
  const file = join(repo.dir, '..', 'editor.sh')
  writeFileSync(file, `#!/bin/sh\nset -e\n${script}\n`)
  chmodSync(file, 0o755)
  return { VISUAL: '', EDITOR: file }
}

const edit = (script: string, ...args: readonly string[]): Promise<Result> =>
  repo.run(['edit', id, ...args], { env: editor(script) })
const show = (): Promise<Record<string, unknown>> => repo.json('task', 'show', id)
const copies = (): readonly string[] => {
  const dir = join(repo.dir, '.git/orch/edit')
  return existsSync(dir) ? readdirSync(dir) : []
}

describe('orch edit', () => {
  test('[P2] merges what the editor saves with what a command writes while it is open', async () => {
    const { stdout } = await must(
      edit(
        [
          `${ORCH} task update ${id} --priority high --find three --replace 'three four' --as claude`,
          `sed -i -e 's/^status: todo/status: review/' -e 's/one/zero one/' "$1"`,
        ].join('\n'),
        '--as',
        'ada',
      ),
    )
    expect(stdout).toContain('Others changed it meanwhile')
    expect(await show()).toMatchObject({
      status: 'review',
      priority: 'high',
      body: 'zero one two three four',
      updatedBy: 'ada',
    })
    expect(copies()).toEqual([])
  })

  test('opens a private copy under the name of the file', async () => {
    await must(edit('ls -l "$1" > "$(dirname "$0")/seen"; basename "$1" >> "$(dirname "$0")/seen"'))
    const seen = readFileSync(join(repo.dir, '..', 'seen'), 'utf8')
    expect(seen).toMatch(/^-rw-------/)
    expect(seen).toContain(`${id}-fix-the-login.md\n`)
  })

  test('nothing saved changes nothing, and an editor that fails neither', async () => {
    const { hash } = await show()
    expect((await must(edit('true'))).stdout).toBe('Nothing was changed.\n')
    const failed = await edit('exit 3')
    expect(failed.code).toBe(2)
    expect(failed.stderr).toContain('it ended with 3')
    expect((await show()).hash).toBe(hash)
    expect(copies()).toEqual([])
  })

  test('[M7] what cannot be read is refused with its place, and kept', async () => {
    const { code, stderr } = await edit(`sed -i 's/^status: todo/status: nearly/' "$1"; echo 'My words.' >> "$1"`)
    expect(code).toBe(2)
    expect(stderr).toContain(`${id}, line 4, column 9: status: must be one of`)
    const path = /What you wrote is kept: (.*)/.exec(stderr)?.[1] ?? ''
    expect(readFileSync(path, 'utf8')).toContain('My words.')
    expect(await show()).toMatchObject({ status: 'todo', body: 'one two three' })

    const inJson = await edit(`sed -i 's/^labels: .*/labels: [a/' "$1"`, '--json')
    const { error } = JSON.parse(inJson.stdout) as { error: { code: string; data: { kept: string } } }
    expect(error.code).toBe('invalid_file')
    expect(readFileSync(error.data.kept, 'utf8')).toContain('labels: [a')
  })

  test('an editor may be a command with arguments, and VISUAL comes first', async () => {
    const env = editor(`[ "$1" = --wait ] && sed -i 's/two/TWO/' "$2"`)
    await must(repo.run(['edit', id], { env: { EDITOR: 'false', VISUAL: `"${env.EDITOR}" --wait` } }))
    expect(await show()).toMatchObject({ body: 'one TWO three' })
  })

  test('a page is named by its path', async () => {
    await must(repo.run(['page', 'write', 'guides/start.md', 'Read this.']))
    await must(repo.run(['edit', 'guides/start.md'], { env: editor(`sed -i 's/this/that/' "$1"`) }))
    expect((await must(repo.run(['page', 'read', 'guides/start.md']))).stdout).toBe('Read that.\n')
  })
})
