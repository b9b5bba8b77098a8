/** Builds `dist/`: `tsx src/build/build.ts [--if-needed]`; `tsx src/build/build.ts docs` writes the documents that are derived from tables. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { sha256 } from '../base/hash.ts'
import { localCommands } from '../cli/local-commands.ts'
import { builtInManifest, bundlesOf, packageOfBundles } from './bundles.ts'
import { generatedDocs } from './docs.ts'

const root = resolve(import.meta.dirname, '../..')
const dist = join(root, 'dist')
const stamp = join(dist, '.stamp')

if (process.argv[2] === 'docs') writeDocs()
else if (process.argv[2] !== '--if-needed' || !isUpToDate()) await buildAll()

async function buildAll(): Promise<void> {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  const fingerprint = sourceFingerprint()
  rmSync(dist, { recursive: true, force: true })
  mkdirSync(dist)
  await Promise.all(bundlesOf(root, 'dist', version).map((options) => build(options)))
  chmodSync(join(dist, 'orch.js'), 0o755)
  writeFileSync(join(dist, 'package.json'), packageOfBundles)
  writeFileSync(stamp, fingerprint)
}

function isUpToDate(): boolean {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === sourceFingerprint()
}

function sourceFingerprint(): string {
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const texts = [...sources, join(root, 'package-lock.json'), join(root, 'package.json')].map(
    (file) => `${file}\0${readFileSync(file, 'utf8')}`,
  )
  return sha256(texts.join('\0'))
}

function writeDocs(): void {
  for (const [path, text] of Object.entries(generatedDocs(builtInManifest(), localCommands))) {
    writeFileSync(join(root, path), text)
  }
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
