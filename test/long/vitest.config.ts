import { defineConfig } from 'vitest/config'

/** The long checks, each run by a script of its own: see docs/testing.md. */
export default defineConfig({
  test: { include: ['test/long/**/*.test.ts'], pool: 'forks', testTimeout: 1_200_000 },
})
