import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What a database is called that is kept when its project joins another. */
export function keptName(projectId: string): string {
  return `joined-${projectId}.db`
}

/** The databases that are kept beside the project's own. */
export function keptDatabases(privateDir: string): readonly string[] {
  return readdirSync(privateDir)
    .filter((name) => /^joined-.*\.db$/.test(name))
    .map((name) => join(privateDir, name))
}
