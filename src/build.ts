/** Builds `dist/`: `tsx src/build.ts [--if-needed]`; `tsx src/build.ts docs` writes the documents that are derived from tables. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { manifestOf } from './api/manifest.ts'
import { operations } from './api/operations.ts'
import { sha256 } from './base/hash.ts'
import { localCommands } from './cli/local-commands.ts'
import { generatedDocs } from './docs.ts'

const root = resolve(import.meta.dirname, '..')
const dist = join(root, 'dist')
const stamp = join(dist, '.stamp')

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  logLevel: 'warning',
  absWorkingDir: root,
} as const satisfies BuildOptions

if (process.argv[2] === 'docs') writeDocs()
else if (process.argv[2] !== '--if-needed' || !isUpToDate()) await buildAll()

async function buildAll(): Promise<void> {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  const fingerprint = sourceFingerprint()
  rmSync(dist, { recursive: true, force: true })
  mkdirSync(dist)
  await Promise.all([build(client(version)), build(daemon(version))])
  chmodSync(join(dist, 'orch.js'), 0o755)
  // The client is CommonJS, which Node starts faster than a module; the rest says .mjs.
  writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n')
  writeFileSync(stamp, fingerprint)
}

/** One small file that a command starts: neither schemas nor the document. */
function client(version: string): BuildOptions {
  return {
    ...shared,
    entryPoints: ['src/main.ts'],
    outfile: 'dist/orch.js',
    format: 'cjs',
    minify: true,
    sourcesContent: false,
    banner: { js: '#!/usr/bin/env node' },
    define: { ORCH_MANIFEST: JSON.stringify(manifestOf(operations)), ORCH_VERSION: JSON.stringify(version) },
  }
}

/** The daemon and its worker. Its entry only takes the lock; the rest is a chunk that who loses the race never loads. */
function daemon(version: string): BuildOptions {
  return {
    ...shared,
    entryPoints: { daemon: 'src/daemon-main.ts', 'load-worker': 'src/store/load-worker.ts' },
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    splitting: true,
    external: ['@photostructure/sqlite', 'chokidar', 'bufferutil', 'utf-8-validate'],
    define: { ORCH_VERSION: JSON.stringify(version) },
    // Bundled CommonJS packages ask for Node's own modules.
    banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
  }
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
  for (const [path, text] of Object.entries(generatedDocs(manifestOf(operations), localCommands))) {
    writeFileSync(join(root, path), text)
  }
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
