import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { bundlesOf, packageOfBundles } from '../../src/build/bundles.ts'

const root = resolve(import.meta.dirname, '../..')

export interface OtherBuild {
  readonly dir: string
  remove(): void
}

/** Builds the program under another version, and with a newer format of its database where one is given. */
export async function buildOfVersion(
  version: string,
  { databaseFormat }: { readonly databaseFormat?: number } = {},
): Promise<OtherBuild> {
  // It must stay below the packages it needs.
  const dir = mkdtempSync(join(root, 'node_modules', '.orch-test-'))
  const plugins = databaseFormat === undefined ? [] : [withDatabaseFormat(databaseFormat)]
  await Promise.all(
    bundlesOf(root, dir, version).map((options) =>
      build({ ...options, sourcemap: false, plugins: [...(options.plugins ?? []), ...plugins] }),
    ),
  )
  writeFileSync(join(dir, 'package.json'), packageOfBundles)
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

/** As a later version will be: the same code, but for the number that it writes into the databases it opens. */
function withDatabaseFormat(format: number): Plugin {
  return {
    name: 'database-format',
    setup({ onLoad }) {
      onLoad({ filter: /src[\\/]store[\\/]schema\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8')
        const contents = text.replace(/(DATABASE_FORMAT = )\d+/, `$1${format}`)
        if (contents === text) throw new Error('the number of the database format was not found')
        return { contents, loader: 'ts' }
      })
    },
  }
}
