import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const TEMPORARY = '.purge~'

/** Changes the text of files. `text` gives the same string where there is nothing to change. */
export type Rewrite = (text: string) => string

/**
 * Rewrites every file below a folder, and its name, in place of the old one or not at all. Links are not followed. Names
 * in `isSkipped` are left alone. Resolves to how many were changed and which could not be.
 */
export function rewriteFiles(
  dir: string,
  rewrite: Rewrite,
  isSkipped: (name: string) => boolean = () => false,
): { readonly changed: number; readonly failed: readonly string[] } {
  let changed = 0
  const failed: string[] = []
  for (const path of filesBelow(dir)) {
    if (isSkipped(basename(path))) continue
    try {
      // Left by one that was cut short.
      if (path.endsWith(TEMPORARY)) {
        rmSync(path, { force: true })
        continue
      }
      if (rewriteFile(path, rewrite)) changed++
      const name = rewrite(basename(path))
      if (name !== basename(path)) renameSync(path, join(path, '..', name))
    } catch {
      failed.push(path)
    }
  }
  return { changed, failed }
}

/** Files below a folder that hold the text in any encoding that keeps its bytes, databases included. */
export function filesHolding(dir: string, texts: readonly string[]): readonly string[] {
  return filesBelow(dir).filter((path) => {
    const bytes = readFileSync(path)
    return texts.some((text) => bytes.includes(text))
  })
}

function filesBelow(dir: string): readonly string[] {
  try {
    return readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .map((name) => join(dir, name))
      .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isFile())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function rewriteFile(path: string, rewrite: Rewrite): boolean {
  const before = readFileSync(path)
  const text = before.toString('utf8')
  const now = rewrite(text)
  if (now === text) return false
  if (path.endsWith('.log')) {
    // A program has it open to add to it: another file in its place would take its lines from sight.
    writeFileSync(path, now)
    return true
  }
  const temporary = `${path}${TEMPORARY}`
  writeFileSync(temporary, now, { mode: statSync(path).mode, flush: true })
  try {
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  return true
}
