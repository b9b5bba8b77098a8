import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addExclude, isExcluded, removeExclude } from './exclude.ts'

/** What tells search tools (ripgrep, and editors and agents that use it) to look at files that git does not. */
const IGNORE_FILE = '.ignore'
const HEAD = '# Made by orch, so that search tools see its files although git ignores them.\n'
/** Keeps git's eyes off the file itself. */
const EXCLUDE = `/${IGNORE_FILE}`

/** The file that would be made; undefined where a person has one of their own. */
export function ignoreFileFor(worktree: string): string | undefined {
  const file = join(worktree, IGNORE_FILE)
  const text = read(file)
  return text === undefined || text.startsWith(HEAD) ? file : undefined
}

/** Lets search tools see the mirror. `line` is that of git's exclude file: `/orch/`. One of the user's own stays as it is. */
export function showToSearchTools(worktree: string, exclude: string, line: string): void {
  const file = ignoreFileFor(worktree)
  if (file === undefined || read(file) !== undefined) return
  addExclude(exclude, EXCLUDE)
  try {
    writeFileSync(file, `${HEAD}!${line}\n`, { flag: 'wx' })
  } catch (error) {
    // Another `init` at the same moment has made it, or a person has: theirs stays.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Makes the file again where it was wished for and is gone: `git clean -fdx` takes it, and nobody gets it back. */
export function showAgain(worktree: string, exclude: string, line: string): void {
  if (isExcluded(exclude, EXCLUDE)) showToSearchTools(worktree, exclude, line)
}

/** Takes away what `showToSearchTools` added, and only that; lines that others put in stay. */
export function hideFromSearchTools(worktree: string, line: string): void {
  const file = join(worktree, IGNORE_FILE)
  const text = read(file)
  if (!text?.startsWith(HEAD)) return
  const rest = text.slice(HEAD.length).replace(`!${line}\n`, '')
  if (rest === '') rmSync(file, { force: true })
  else writeFileSync(file, rest)
}

/** The line in git's exclude file goes when no worktree has the file any more. */
export function forgetSearchTools(exclude: string): void {
  removeExclude(exclude, EXCLUDE)
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
