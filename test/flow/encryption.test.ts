import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { kindOfFile } from '../../src/store/cipher.ts'
import { describeCiphered, keyOf } from '../helpers/cipher.ts'
import { createTestRepo, must, type TestRepo, type TestRepoOptions } from './harness.ts'

const repos: TestRepo[] = []
afterEach(async () => {
  await Promise.all(repos.splice(0).map((repo) => repo.remove()))
})

async function newRepo(options: TestRepoOptions): Promise<TestRepo> {
  const repo = await createTestRepo(options)
  repos.push(repo)
  return repo
}

const MARKER = 'Quetzalcoatlus'
/** As a person has them. */
const [SECRET, OTHER] = ['01', '02'].map((byte) => byte.repeat(32)) as [string, string]
const [KEY, OTHER_KEY] = [keyOf(1).id, keyOf(2).id]

const database = ({ dir }: TestRepo): string => join(dir, '.git/orch/orch.db')

/** Files of the private directory that hold a word, by name. */
function privateFilesWith({ dir }: TestRepo, word: string): readonly string[] {
  const root = join(dir, '.git/orch')
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(root, name)).isFile())
    .filter((name) => readFileSync(join(root, name)).includes(word))
}

/** Chunks of rows, in all commits of the history, and how many of them hold a word. */
function chunksWith(repo: TestRepo, word: string): { readonly all: number; readonly holding: number } {
  const lines = repo.git('rev-list', '--objects', 'orch-history').split('\n')
  const oids = lines.filter((line) => /^\w+ crdt\/.*\/\d+-\d+$/.test(line)).map((line) => line.split(' ')[0] ?? '')
  const read = (oid: string): Buffer => execFileSync('git', ['cat-file', 'blob', oid], { cwd: repo.dir })
  return { all: oids.length, holding: oids.filter((oid) => read(oid).includes(word)).length }
}

/** Words in every place there is: a title, a text, a comment, a value, the log, a session, full text, an edit by hand. */
async function work(repo: TestRepo): Promise<string> {
  const { id, file } = await repo.json<{ id: string; file: string }>(
    'task',
    'create',
    MARKER,
    '--body',
    `A ${MARKER} flies.`,
  )
  await must(repo.run(['task', 'comment', id, `about ${MARKER}`]))
  await must(repo.run(['state', 'set', 'animal', JSON.stringify(MARKER)]))
  await must(repo.run(['log', 'append', MARKER]))
  repo.write(`orch/${file}`, repo.read(`orch/${file}`).replace('flies', `flies by hand, ${MARKER}`))
  await must(repo.run(['sync']))
  await must(repo.run(['snapshot']))
  return id
}

describeCiphered('with a key', () => {
  test.each([
    ['off', {}],
    ['on', { ORCH_ENCRYPTION_KEY: SECRET }],
  ])(
    '[E1] [E5] encryption %s: what is in the private directory and in crdt/',
    async (how, env) => {
      const repo = await newRepo({ env })
      const isOn = how === 'on'
      const id = await work(repo)
      const found = [privateFilesWith(repo, MARKER).length > 0, chunksWith(repo, MARKER).holding > 0]
      expect(found).toEqual([!isOn, !isOn])
      const status = await repo.json<{ encryption: string }>('status')
      expect(status.encryption).toBe(isOn ? `database by key ${KEY}, rows in git by key ${KEY}` : 'none')
      expect(JSON.stringify(await repo.json('doctor'))).not.toContain('"ok":false')
      const asked = await repo.json<{ rows: unknown[] }>('sql', 'SELECT id, title FROM tasks')
      expect(asked.rows).toEqual([[id, MARKER]])
      await must(repo.run(['stop']))
      expect(privateFilesWith(repo, MARKER).length > 0).toBe(!isOn)
      // The files stay what they are: for people.
      expect(repo.git('grep', '-l', MARKER, 'orch-history')).toContain('tasks/')
      expect(await repo.json<object>('task', 'show', id)).toMatchObject({ title: MARKER })
      if (!isOn) return
      const shown = JSON.stringify([status, await repo.run(['status'])])
      expect(shown).not.toContain(SECRET)
      expect(privateFilesWith(repo, SECRET)).toEqual([])
      await must(repo.run(['stop']))

      const before = readFileSync(database(repo))
      for (const [secret, code] of [
        [OTHER, 'key_wrong'],
        ['', 'key_missing'],
      ]) {
        const refused = await repo.run(['task', 'list', '--json'], { env: { ORCH_ENCRYPTION_KEY: secret ?? '' } })
        expect(JSON.parse(refused.stdout || refused.stderr)).toMatchObject({ error: { code } })
        expect(refused.stdout + refused.stderr).not.toContain(SECRET.slice(1))
      }
      expect(readFileSync(database(repo))).toEqual(before)
      expect(await repo.json<object>('task', 'show', id)).toMatchObject({ title: MARKER })
    },
    120_000,
  )

  test('[E4] [E6] a plain project is encrypted, gets another key, and is made plain again', async () => {
    const repo = await newRepo({})
    const id = await work(repo)
    const { replica } = await repo.json<{ replica: string }>('status')
    await must(repo.run(['stop']))
    const as = (...secrets: string[]) => ({ env: { ORCH_ENCRYPTION_KEY: secrets.join(',') } })
    const refused = await repo.run(['task', 'list'], as(SECRET))
    expect(refused.stderr).toContain('is not encrypted, and is to be')
    expect(refused.stderr).toContain('orch encrypt')
    expect(kindOfFile(database(repo))).toBe('plain')

    const steps: readonly [how: string, given: string[], key: string][] = [
      ['encrypt', [SECRET], KEY],
      ['encrypt', [OTHER, SECRET], OTHER_KEY],
      ['decrypt', [OTHER], ''],
    ]
    for (const [how, given, key] of steps) {
      const env = as(...given)
      await must(repo.run([how], env))
      const next = key === '' ? { env: { ORCH_ENCRYPTION_KEY: '' } } : env
      const { stdout } = await must(repo.run(['snapshot', '--json'], next))
      expect(stdout).toContain(key === '' ? 'no longer encrypted' : `encrypted with the key ${key}`)
      const status = JSON.parse((await must(repo.run(['status', '--json'], next))).stdout).result
      expect(status).toMatchObject({
        replica,
        encryption: key === '' ? 'none' : `database by key ${key}, rows in git by key ${key}`,
        problems: [],
      })
      expect(JSON.stringify(JSON.parse((await must(repo.run(['doctor', '--json'], next))).stdout))).not.toContain(
        '"ok":false',
      )
      expect(privateFilesWith(repo, MARKER).length > 0).toBe(key === '')
      await must(repo.run(['stop'], next))
    }
    expect(await repo.json<object>('task', 'show', id)).toMatchObject({ title: MARKER })
  }, 120_000)

  test('[E4] settings that nobody has trusted make no plain project by mistake', async () => {
    const repo = await newRepo({ init: false })
    const file = join(repo.dir, '../shop.key')
    writeFileSync(file, `${SECRET}\n`, { mode: 0o600 })
    writeFileSync(join(repo.dir, '.orchrc'), `encryption:\n  keyCommand: cat ${file}\n`)
    expect((await repo.run(['init', '--yes'])).stderr).toContain('is not trusted')
    await must(repo.run(['trust', '--yes']))
    await must(repo.run(['init', '--yes']))
    expect(kindOfFile(database(repo))).toEqual({ keyId: KEY })
  })
})

test('[E7] two clones with the key and one without, through a git remote; only git is encrypted', async () => {
  const env = { ORCH_ENCRYPTION_DATABASE: 'false' }
  const withKey = { ...env, ORCH_ENCRYPTION_KEY: SECRET, ORCH_GIT_REMOTE: 'origin', ORCH_GIT_REMOTE_MS: '0' }
  const one = await newRepo({ name: 'one', init: false, env: withKey })
  const hub = join(one.dir, '../hub.git')
  one.git('init', '--quiet', '--bare', hub)
  one.git('remote', 'add', 'origin', hub)
  await must(one.run(['init', '--yes']))
  const id = await work(one)
  await must(one.run(['sync', '--git']))
  expect(chunksWith(one, MARKER)).toMatchObject({ holding: 0 })
  expect(kindOfFile(database(one))).toBe('plain')

  const two = await newRepo({ name: 'two', init: false, env: { ...withKey, ORCH_ENCRYPTION_KEY: '' } })
  two.git('remote', 'add', 'origin', hub)
  two.git('fetch', '--quiet', 'origin')
  const refused = await two.run(['init', '--yes'])
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain(`is encrypted with the key ${KEY}, and no key is given`)
  expect(refused.stderr).toContain('docs/encryption.md')
  // Begun as if for the first time, with the key.
  const key = { env: { ORCH_ENCRYPTION_KEY: SECRET } }
  await must(two.run(['init', '--yes'], key))
  await must(two.run(['task', 'update', id, '--append', 'From two.'], key))
  await must(two.run(['sync', '--git'], key))
  await must(one.run(['sync', '--git']))
  expect(await one.json<object>('task', 'show', id)).toMatchObject({ body: expect.stringContaining('From two.') })
  await must(two.run(['stop'], key))

  // It loses the key: it works on by itself, and says what is the matter.
  await must(two.run(['task', 'update', id, '--append', 'Without.']))
  const tip = two.git('--git-dir', hub, 'rev-parse', 'orch-history')
  expect((await two.run(['sync', '--git'])).stderr).toContain('no key is given')
  const { problems } = await two.json<{ problems: { what: string; fix: string }[] }>('status')
  expect(problems.map(({ what }) => what).join()).toContain(KEY)
  expect(problems[0]?.fix).toContain('encryption.keyFile')
  expect(two.git('--git-dir', hub, 'rev-parse', 'orch-history')).toBe(tip)
  await must(two.run(['stop']))
  await must(two.run(['sync', '--git'], key))
  await must(one.run(['sync', '--git']))
  expect(await one.json<object>('task', 'show', id)).toMatchObject({ body: expect.stringContaining('Without.') })
  expect(chunksWith(one, MARKER)).toMatchObject({ holding: 0 })
}, 120_000)
