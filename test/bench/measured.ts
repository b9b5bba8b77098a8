import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { until } from '../flow/harness.ts'

/** What to give a server as `--import`, with ORCH_BENCH_DIR, so that it can be asked what it has used. */
export const measured = pathToFileURL(join(import.meta.dirname, 'measured.mjs')).href

/** What a server has used since it was last asked: see measured.mjs. `Figures` are those that it was started for. */
export async function usedBy<Figures>(dir: string, pid: number): Promise<Figures> {
  const file = join(dir, `${pid}.json`)
  rmSync(file, { force: true })
  process.kill(pid, 'SIGUSR2')
  await until(() => existsSync(file), 'the server says what it used')
  return JSON.parse(readFileSync(file, 'utf8')) as Figures
}
