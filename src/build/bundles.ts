import type { BuildOptions, Plugin } from 'esbuild'
import { type Manifest, manifestOf } from '../api/manifest.ts'
import { toolTable } from '../api/mcp/definitions.ts'
import type { ToolTable } from '../api/mcp/tool.ts'
import { tools } from '../api/mcp/tools.ts'
import { operationsOf } from '../api/operations.ts'
import { builtInKinds } from '../model/kinds.ts'

/** Zod's messages in forty languages would be read at each start. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup({ onLoad }) {
    const contents = "export { default as en } from './en.js'\n"
    onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents, loader: 'js' }))
  },
}

/** What the built program is made of: the client, the daemon and its worker, and the MCP server. Paths are below `root`. */
export function bundlesOf(root: string, outdir: string, version: string): readonly BuildOptions[] {
  const shared = {
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    sourcesContent: false,
    // Names stay, for the traces in the log.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
    absWorkingDir: root,
  } as const satisfies BuildOptions
  /** One small file that a command starts: neither schemas nor the document. */
  const client: BuildOptions = {
    ...shared,
    entryPoints: ['src/main.ts'],
    outfile: `${outdir}/orch.js`,
    format: 'cjs',
    minify: true,
    banner: { js: '#!/usr/bin/env node' },
    define: { ORCH_MANIFEST: JSON.stringify(builtInManifest()), ORCH_VERSION: JSON.stringify(version) },
  }
  /** Its entry only takes the lock; the rest is a chunk that who loses the race never loads. */
  const daemon: BuildOptions = {
    ...shared,
    entryPoints: {
      daemon: 'src/daemon/main.ts',
      'load-worker': 'src/store/load-worker.ts',
      'check-worker': 'src/store/check-worker.ts',
      'sql-runner': 'src/store/sql-runner.ts',
    },
    outdir,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    splitting: true,
    plugins: [englishOnly],
    external: [
      '@photostructure/sqlite',
      'chokidar',
      'koffi',
      '@graphql-yoga/render-graphiql',
      'bufferutil',
      'utf-8-validate',
    ],
    define: { ORCH_VERSION: JSON.stringify(version) },
    // Bundled CommonJS packages ask for Node's own modules.
    banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
  }
  /** What `orch mcp` loads: neither the operations nor the document, only what clients are told of them. */
  const mcp: BuildOptions = {
    ...shared,
    entryPoints: ['src/mcp.ts'],
    outfile: `${outdir}/mcp.mjs`,
    format: 'esm',
    minify: true,
    define: { ORCH_TOOLS: JSON.stringify(builtInTools()) },
    banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
    plugins: [englishOnly],
  }
  return [client, daemon, mcp]
}

/** The tools that agents are offered. */
export function builtInTools(): ToolTable {
  return toolTable(tools, operationsOf(builtInKinds))
}

/** The commands of a project that declares no kinds or fields of its own. */
export function builtInManifest(): Manifest {
  return manifestOf(operationsOf(builtInKinds), builtInKinds)
}

/** The client is CommonJS, which Node starts faster than a module; the rest says .mjs. */
export const packageOfBundles = '{ "type": "commonjs" }\n'
