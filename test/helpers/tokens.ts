import { createTokens, type TokenFile, type Tokens } from '../../src/api/access/tokens.ts'
import { silentLogger } from '../../src/base/log.ts'
import { openTokenStore } from '../../src/store/token-store.ts'
import type { TestProject } from './project.ts'
import { createRandom } from './random.ts'

export interface TestTokens {
  readonly tokens: Tokens
  readonly file: TokenFile & { text: string | undefined }
  /** The tokens of the same database after a restart. */
  reopen(): TestTokens
}

/** Tokens of a project, with the default token's file in memory. */
export function createTestTokens(
  { project, database, clock }: Pick<TestProject, 'project' | 'database' | 'clock'>,
  options: { readonly text?: string; readonly seed?: number; readonly project?: () => string } = {},
): TestTokens {
  const { seed = 77 } = options
  const file = {
    text: options.text,
    read: () => file.text,
    write(token: string) {
      file.text = token
    },
    remove() {
      file.text = undefined
    },
  }
  const tokens = createTokens({
    store: openTokenStore(database),
    file,
    project: options.project ?? (() => project.id),
    random: createRandom(seed),
    clock,
    log: silentLogger,
  })
  return {
    tokens,
    file,
    reopen: () =>
      createTestTokens(
        { project, database, clock },
        { ...options, ...(file.text && { text: file.text }), seed: seed + 1 },
      ),
  }
}
