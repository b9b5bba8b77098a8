import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The bytes of a golden fixture. They are written once, by the version that made the format (ORCH_WRITE_FIXTURES=1), and
 * from then on only read: a fixture that changes means that what people have on disk no longer opens.
 */
export function formatFixture(name: string, make: () => Uint8Array): Uint8Array {
  const file = join(import.meta.dirname, '../fixtures/formats', name)
  if (process.env.ORCH_WRITE_FIXTURES === '1') writeFileSync(file, make(), { flag: 'wx' })
  return readFileSync(file)
}
