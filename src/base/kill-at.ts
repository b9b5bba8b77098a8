import { writeSync } from 'node:fs'

/** Kills this process as kill -9 does, at the `n`-th time that `label[:n]` is reached. */
export function killAt(at: string): (label: string) => void {
  const [wanted, times = '1'] = at.split(':')
  let left = Number(times)
  return (label) => {
    if (label !== wanted || --left > 0) return
    writeSync(2, `killed at ${label}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
}
