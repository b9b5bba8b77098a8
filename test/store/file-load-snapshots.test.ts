import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeSnapshotFile } from '../../src/store/file-load-snapshots.ts'

test('regression: an unfinished load snapshot of a process that was killed is removed by the next one', () => {
  const dir = mkdtempSync(join(tmpdir(), 'orch-load-'))
  try {
    writeFileSync(join(dir, 'load-1009.bin.tmp'), 'half')
    writeSnapshotFile(dir, { n: 1071, state: new Uint8Array([0, 0]) })
    expect(readdirSync(dir)).toEqual(['load-1071.bin'])
  } finally {
    rmSync(dir, { recursive: true })
  }
})
