import { runDaemonProcess } from './process.ts'

/** Put in by the build. */
declare const ORCH_VERSION: string

await runDaemonProcess({
  argv: process.argv.slice(2),
  env: process.env,
  version: ORCH_VERSION,
  loadWorker: new URL('./load-worker.mjs', import.meta.url),
  load: async () => (await import('./daemon.ts')).createDaemon,
})
