import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type TestRepo, until } from './harness.ts'

/** Whether a program is installed; says so when it is not, so that nobody thinks its tests ran. */
export function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write(`${program} IS MISSING: its tests are skipped; \`npm run setup\` installs it\n`)
    return false
  }
}

/** A terminal that a test types into and looks at. */
export interface TestTerminal {
  type(text: string): void
  /** Presses keys by tmux's names: `Enter`, `Tab`, `C-c`. */
  press(...keys: readonly string[]): void
  /** What is to be seen now, without the blanks at the ends of lines. */
  screen(): string
  /** The screen once it shows something. */
  shows(what: string | RegExp): Promise<string>
  resize(columns: number, lines: number): void
  /** Whether the cursor is to be seen, and whether the alternate screen is. */
  modes(): { readonly cursor: boolean; readonly alternate: boolean }
  close(): void
}

/** Opens a terminal in a repository, with `orch` on its PATH. */
export function openTerminal(
  repo: TestRepo,
  command: string,
  env: Readonly<Record<string, string>> = {},
): TestTerminal {
  const name = `orch-${randomBytes(6).toString('hex')}`
  const bin = join(repo.dir, '../bin')
  mkdirSync(bin, { recursive: true })
  const program = resolve(import.meta.dirname, '../../dist/orch.js')
  writeFileSync(join(bin, 'orch'), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`)
  chmodSync(join(bin, 'orch'), 0o755)
  // The PATH is the one thing that tmux takes from who asks for a window.
  const own = { ...repo.env, ...env, PATH: `${bin}:${repo.env.PATH}` }
  const tmux = (...args: readonly string[]): string =>
    execFileSync('tmux', ['-L', name, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: { ...own, TERM: 'xterm-256color' },
    })
  tmux(
    'new-session',
    ...['-d', '-x', '100', '-y', '30', '-c', repo.dir],
    ...Object.entries(own).flatMap(([key, value]) => ['-e', `${key}=${value}`]),
    command,
  )
  const screen = (): string => tmux('capture-pane', '-p').replace(/ +$/gm, '').trimEnd()
  return {
    type: (text) => tmux('send-keys', '-l', text),
    press: (...keys) => tmux('send-keys', ...keys),
    screen,
    async shows(what) {
      const isThere = (): boolean => (typeof what === 'string' ? screen().includes(what) : what.test(screen()))
      try {
        await until(isThere, String(what))
      } catch (error) {
        throw new Error(`the screen does not show ${what}:\n${screen()}`, { cause: error })
      }
      return screen()
    },
    resize: (columns, lines) => tmux('resize-window', '-x', String(columns), '-y', String(lines)),
    modes() {
      const [cursor, alternate] = tmux('display-message', '-p', '#{cursor_flag} #{alternate_on}').trim().split(' ')
      return { cursor: cursor === '1', alternate: alternate === '1' }
    },
    close() {
      try {
        tmux('kill-server')
      } catch {
        // It ended with its last window.
      }
    },
  }
}
