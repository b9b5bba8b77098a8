import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Key, type Keyring, noKeys } from '../../src/base/keys.ts'
import { silentLogger } from '../../src/base/log.ts'
import { leaseFacts } from '../../src/config/host.ts'
import { loadKeyring } from '../../src/config/keyring.ts'
import { convertDatabases, removeCopy } from '../../src/errands/encryption.ts'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { kindOfFile } from '../../src/store/cipher.ts'
import { closeWhole, openDatabase } from '../../src/store/database.ts'
import { openProject } from '../../src/store/open-project.ts'
import { describeCiphered, keyOf, ringOf } from '../helpers/cipher.ts'
import { createTestClock } from '../helpers/clock.ts'
import { byAlice } from '../helpers/project.ts'
import { createRandom } from '../helpers/random.ts'

const MARKER = 'Quetzalcoatlus'
const HEX = '00'.repeat(31)

function newFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'orch-encryption-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Opens the project of a folder as a daemon does. */
function open(dir: string, keyring: Keyring, seed = 1) {
  const file = join(dir, 'orch.db')
  const db = openDatabase(file, keyring)
  const project = openProject({
    db,
    kinds: builtInKinds,
    clock: createTestClock(),
    random: createRandom(seed),
    log: silentLogger,
    lease: leaseFacts(file),
    generations: { get: () => undefined, set: () => undefined },
    loads: { newest: () => undefined, make: () => Promise.resolve() },
    name: 'demo',
  })
  return { db, project }
}

async function newProject(): Promise<{ dir: string; replica: string }> {
  const dir = newFolder()
  writeFileSync(join(dir, 'orch.db'), '', { mode: 0o600 })
  const { db, project } = open(dir, noKeys)
  await project.transact(byAlice, (tx) => tx.create(task, { title: MARKER }))
  closeWhole(db)
  // Of a project that has joined this one.
  writeFileSync(join(dir, 'joined-j-1.db'), readFileSync(join(dir, 'orch.db')))
  return { dir, replica: project.replica }
}

const convert = (dir: string, keyring: Keyring, key: Key | undefined, onStep?: (step: string) => void): number =>
  convertDatabases({
    paths: { dir, database: join(dir, 'orch.db') },
    keyring,
    key,
    ...(onStep && { onStep }),
  })

/** Files that hold the word, by name. */
const holding = (dir: string): readonly string[] =>
  readdirSync(dir).filter((name) => readFileSync(join(dir, name)).includes(MARKER))

const keyring = (given: Partial<Parameters<typeof loadKeyring>[0]['config']>, env = {}) =>
  loadKeyring({
    config: {
      'encryption.keyFile': '',
      'encryption.keyCommand': '',
      'encryption.database': true,
      'encryption.git': true,
      ...given,
    },
    env,
    root: tmpdir(),
  })

test('[E2] a key comes from the variable, else from the file, else from what the command prints', async () => {
  const file = join(newFolder(), 'key')
  const hex = (byte: string): string => `${HEX}${byte}`
  writeFileSync(file, `${hex('02')}\n${hex('03')}\n`, { mode: 0o600 })
  const settings = { 'encryption.keyFile': file, 'encryption.keyCommand': `echo ${hex('04')}` }
  const ids = async (...given: Parameters<typeof keyring>): Promise<readonly string[]> =>
    (await keyring(...given)).keys.map(({ id }) => id)
  const [one, two, three, four] = await Promise.all(
    ['01', '02', '03', '04'].map((byte) => ids({}, { ORCH_ENCRYPTION_KEY: hex(byte) })),
  )
  expect(await ids(settings, { ORCH_ENCRYPTION_KEY: `${hex('01')},${hex('02')}` })).toEqual([
    ...(one ?? []),
    ...(two ?? []),
  ])
  expect(await ids(settings)).toEqual([...(two ?? []), ...(three ?? [])])
  expect(await ids({ 'encryption.keyCommand': settings['encryption.keyCommand'] })).toEqual(four)
  expect(await keyring({})).toEqual(noKeys)
})

test('[E5] a key that cannot be used is refused, and is in no part of the refusal', async () => {
  const file = join(newFolder(), 'key')
  const secret = `${HEX}ab`
  writeFileSync(file, secret)
  chmodSync(file, 0o644)
  const given: Parameters<typeof keyring>[] = [
    [{}, { ORCH_ENCRYPTION_KEY: secret.slice(1) }],
    [{ 'encryption.keyFile': `${file}-missing` }],
    [{ 'encryption.keyCommand': `echo ${secret} >&2; exit 3` }],
    [{ 'encryption.keyCommand': `echo ${secret}${secret}` }],
    ...(process.platform === 'win32' ? [] : [[{ 'encryption.keyFile': file }] as Parameters<typeof keyring>]),
  ]
  for (const one of given) {
    const error = await keyring(...one).catch((refusal) => refusal)
    expect(error).toMatchObject({ code: 'key_unusable' })
    const text = JSON.stringify([error.toBody(), error.stack, error.cause])
    expect(text).not.toContain(secret.slice(1))
  }
})

describeCiphered('converting a project', () => {
  test('[E6] it is encrypted, given another key, and made plain again, and stays the same replica', async () => {
    const { dir, replica } = await newProject()
    expect(holding(dir)).toEqual(['joined-j-1.db', 'orch.db'])
    const [one, two] = [keyOf(1), keyOf(2)]
    const steps: readonly [Keyring, Key | undefined][] = [
      [ringOf(one), one],
      [ringOf(two, one), two],
      [ringOf(two), undefined],
    ]
    for (const [ring, key] of steps) {
      expect(convert(dir, ring, key)).toBe(2)
      expect(convert(dir, ring, key)).toBe(0)
      expect(holding(dir)).toEqual(key ? [] : ['joined-j-1.db', 'orch.db'])
      expect(readdirSync(dir).sort()).toEqual(['joined-j-1.db', 'orch.db'])
      const { db, project } = open(dir, key ? ringOf(key) : noKeys, 7)
      expect(project.replica).toBe(replica)
      expect(project.ids(task)).toHaveLength(1)
      expect(project.checkIndex(openDatabase(':memory:'))).toEqual([])
      await project.transact(byAlice, (tx) =>
        tx.update(task, project.ids(task)[0] as never, { set: { title: MARKER } }),
      )
      closeWhole(db)
    }
  })

  test.each(['copied', 'loads', 'swapped'])(
    '[E6] killed after "%s" there is one whole database, and it is gone on with',
    async (at) => {
      for (const file of ['joined-j-1.db', 'orch.db']) {
        const { dir, replica } = await newProject()
        const steps: string[] = []
        const isLast = (): boolean => steps.filter((step) => step === at).length === (file === 'orch.db' ? 2 : 1)
        // What is thrown away by whoever ends in order stays after a kill.
        let left: Buffer | undefined
        const kill = (step: string): void => {
          steps.push(step)
          if (step !== at || !isLast()) return
          const copy = join(dir, 'converting.db')
          left = existsSync(copy) ? readFileSync(copy) : undefined
          throw new Error('killed')
        }
        expect(() => convert(dir, ringOf(keyOf(1)), keyOf(1), kill)).toThrow('killed')
        if (left) writeFileSync(join(dir, 'converting.db'), left)
        const isDone = file === 'orch.db' && at === 'swapped'
        expect(kindOfFile(join(dir, 'orch.db'))).toEqual(isDone ? { keyId: keyOf(1).id } : 'plain')
        // Until then a daemon that is to have an encrypted one refuses to begin.
        if (!isDone)
          expect(() => open(dir, ringOf(keyOf(1)))).toThrow(expect.objectContaining({ code: 'not_encrypted' }))
        convert(dir, ringOf(keyOf(1)), keyOf(1))
        expect(holding(dir)).toEqual([])
        const { db, project } = open(dir, ringOf(keyOf(1)), 7)
        expect(project.replica).toBe(replica)
        db.close()
      }
    },
  )

  test('[E6] the copy that a killed one has left is removed by the next start', async () => {
    const { dir } = await newProject()
    writeFileSync(join(dir, 'converting.db'), MARKER)
    removeCopy({ dir })
    expect(readdirSync(dir).sort()).toEqual(['joined-j-1.db', 'orch.db'])
  })

  test('[E4] with another key nothing is converted, and nothing is changed', async () => {
    const { dir } = await newProject()
    convert(dir, ringOf(keyOf(1)), keyOf(1))
    const before = readFileSync(join(dir, 'orch.db'))
    expect(() => convert(dir, ringOf(keyOf(2)), keyOf(2))).toThrow(expect.objectContaining({ code: 'key_wrong' }))
    expect(readFileSync(join(dir, 'orch.db'))).toEqual(before)
    expect(readdirSync(dir).sort()).toEqual(['joined-j-1.db', 'orch.db'])
  })

  test('a restored copy is still told from the original', async () => {
    const { dir, replica } = await newProject()
    const bytes = readFileSync(join(dir, 'orch.db'))
    rmSync(join(dir, 'orch.db'))
    writeFileSync(join(dir, 'other'), '')
    writeFileSync(join(dir, 'orch.db'), bytes)
    convert(dir, ringOf(keyOf(1)), keyOf(1))
    const { db, project } = open(dir, ringOf(keyOf(1)), 7)
    expect(project.replica).not.toBe(replica)
    db.close()
  })
})
