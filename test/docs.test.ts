import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { manifestOf } from '../src/api/manifest.ts'
import { operationsOf } from '../src/api/operations.ts'
import { generatedDocs } from '../src/build/docs.ts'
import { localCommands } from '../src/cli/local-commands.ts'
import { builtInKinds } from '../src/model/kinds.ts'

const docs = Object.entries(generatedDocs(manifestOf(operationsOf(builtInKinds), builtInKinds), localCommands))

test.each(docs)('%s says what its table says: `npm run docs` writes it anew', (path, text) => {
  expect(readFileSync(resolve(import.meta.dirname, '..', path), 'utf8')).toBe(text)
})
