import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { type Keyring, noKeys } from '../base/keys.ts'
import type { Logger } from '../base/log.ts'
import { isSealed, seal, unseal } from '../base/sealed.ts'
import { decodeLoadSnapshot, encodeLoadSnapshot, type KeptLoadSnapshots, type LoadSnapshot } from './load-snapshot.ts'
import { runWorker } from './worker.ts'

export interface FileLoadSnapshotsParts {
  readonly dir: string
  readonly databaseFile: string
  readonly keyring?: Keyring
  /** The compiled `load-worker`. */
  readonly worker: URL
  /** Where a test wants the process killed; the worker is told. */
  readonly crashAt?: string | undefined
  readonly log: Logger
}

/** What the worker is told. */
export interface LoadWorkerInput {
  readonly dir: string
  readonly databaseFile: string
  readonly keyring: Keyring
  readonly n: number
  readonly crashAt?: string | undefined
}

const NAME = /^load-(\d+)\.bin$/
/** One before the newest is kept: a newest that turns out damaged costs time, not a start from the first row. */
const KEPT = 2

/** Load snapshots as files beside the database: `load-<n>.bin`. */
export function createFileLoadSnapshots({
  dir,
  databaseFile,
  keyring = noKeys,
  worker,
  crashAt,
  log,
}: FileLoadSnapshotsParts): KeptLoadSnapshots {
  let covered = 0
  return {
    newest() {
      const onDamage = (file: string, error: unknown) => log.warn('a load snapshot is passed over', { file, error })
      const newest = readNewest(dir, keyring, onDamage)
      covered = newest?.n ?? 0
      return newest
    },
    async make(n) {
      const input: LoadWorkerInput = { dir, databaseFile, keyring, n, crashAt }
      await runWorker(worker, input)
      covered = n
    },
    covers: () => covered,
  }
}

/** The newest load snapshot in a folder that is whole. */
export function readNewest(
  dir: string,
  { keys }: Keyring,
  onDamage: (file: string, error: unknown) => void,
): LoadSnapshot | undefined {
  for (const file of snapshotFiles(dir)) {
    try {
      return decodeLoadSnapshot(opened(keys, file, readFileSync(join(dir, file))))
    } catch (error) {
      onDamage(file, error)
    }
  }
  return undefined
}

function opened(keys: Keyring['keys'], file: string, bytes: Uint8Array): Uint8Array {
  if (!isSealed(bytes)) return bytes
  const { bytes: text, name } = unseal(keys, 'loads', file, bytes)
  if (name !== file) throw new Error(`it is ${name} under another name`)
  return text
}

export type WriteStep = 'load.written' | 'load.renamed' | 'load.tidied'

/** Writes one so that it is there whole or not at all, then removes those that are older than the one before. */
export function writeSnapshotFile(
  dir: string,
  snapshot: LoadSnapshot,
  { keys, database }: Keyring = noKeys,
  reached: (step: WriteStep) => void = () => undefined,
): void {
  mkdirSync(dir, { recursive: true })
  // Of a process that was killed: there is never a second writer.
  for (const name of readdirSync(dir)) if (name.endsWith('.tmp')) rmSync(join(dir, name), { force: true })
  const target = join(dir, `load-${snapshot.n}.bin`)
  const temporary = `${target}.tmp`
  const text = encodeLoadSnapshot(snapshot)
  const [key] = keys
  const bytes = key && database ? seal(key, 'loads', basename(target), text) : text
  const file = openSync(temporary, 'w', 0o600)
  try {
    writeSync(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  reached('load.written')
  renameSync(temporary, target)
  reached('load.renamed')
  for (const old of snapshotFiles(dir).slice(KEPT)) rmSync(join(dir, old), { force: true })
  reached('load.tidied')
}

/** Newest first. */
function snapshotFiles(dir: string): readonly string[] {
  let names: string[]
  try {
    names = readdirSync(dir)
  } catch {
    return []
  }
  const numberOf = (name: string): number => Number(NAME.exec(name)?.[1] ?? -1)
  return names.filter((name) => NAME.test(name)).sort((a, b) => numberOf(b) - numberOf(a))
}
