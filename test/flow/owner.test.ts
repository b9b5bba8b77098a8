import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createTestRepo, until } from './harness.ts'

test('[P1] a daemon on another machine that shares the disk: the second is refused with the reason, and the first ends when it was succeeded', async () => {
  const repo = await createTestRepo()
  try {
    const owner = join(repo.dir, '.git/orch/owner.json')
    const { pid } = await repo.json<{ pid: number }>('status')
    expect(JSON.parse(repo.read('.git/orch/owner.json'))).toMatchObject({ pid })

    // Another machine, whose daemon beats: to this one, it is nothing but this file.
    let beat = 0
    const write = (): void =>
      writeFileSync(owner, JSON.stringify({ machine: 'm', boot: 'b', host: 'laptop', pid: 7, instance: 'x', beat }))
    write()
    const isAlive = (): boolean => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    }
    await until(() => !isAlive(), 'the daemon that was succeeded ends')

    const beating = setInterval(() => {
      beat++
      write()
    }, 300)
    try {
      const refused = await repo.run(['task', 'create', 'Never', '--json'])
      expect(refused.code).toBe(7)
      expect(JSON.parse(refused.stdout).error).toMatchObject({
        code: 'owned_elsewhere',
        message: 'A daemon on laptop (process 7) has this project open; two on one disk would damage it',
      })
    } finally {
      clearInterval(beating)
    }
    expect(repo.read('.git/orch/owner.json')).toContain('laptop')
  } finally {
    await repo.remove()
  }
})
