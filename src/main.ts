import { dirname, join } from 'node:path'
import type { Manifest } from './api/manifest.ts'
import { runCli } from './cli/run.ts'
import { createTerminal } from './cli/terminal.ts'

/** Put in by the build, so that nothing is read or derived at run time. */
declare const ORCH_MANIFEST: Manifest
declare const ORCH_VERSION: string
/** The build makes this file CommonJS, which Node starts faster than a module. */
declare const __filename: string

runCli({
  argv: process.argv.slice(2),
  cwd: process.cwd(),
  env: process.env,
  manifest: ORCH_MANIFEST,
  version: ORCH_VERSION,
  daemonScript: join(dirname(__filename), 'daemon.mjs'),
  terminal: createTerminal(process, process.env),
}).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`error: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exitCode = 1
  },
)
