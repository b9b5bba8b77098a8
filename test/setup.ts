/**
 * Looks for the real programs that tests use and installs what is missing with the system's package manager where it may.
 * A program that cannot be had is named loudly; the tests that need it are then skipped, and say so.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { CIPHER_PACKAGE, CIPHER_VERSION } from '../src/store/cipher.ts'

interface Part {
  readonly program: string
  readonly aptPackage: string
  readonly usedFor: string
  readonly isRequired: boolean
}

const parts: readonly Part[] = [
  { program: 'git', aptPackage: 'git', usedFor: 'snapshots; nothing works without it', isRequired: true },
  { program: 'vim', aptPackage: 'vim-tiny', usedFor: 'the tests that save files as vim does', isRequired: false },
  { program: 'tmux', aptPackage: 'tmux', usedFor: 'the tests of what a person sees in a terminal', isRequired: false },
  { program: 'zsh', aptPackage: 'zsh', usedFor: "the test of zsh's completion", isRequired: false },
  { program: 'redis-server', aptPackage: 'redis-server', usedFor: 'the tests of several nodes', isRequired: false },
  { program: 'chromium', aptPackage: 'chromium', usedFor: 'the test of an editor in a browser', isRequired: false },
  { program: 'fish', aptPackage: 'fish', usedFor: "the test of fish's completion", isRequired: false },
]

const root = join(import.meta.dirname, '..')
const cipherFolder = join(root, 'node_modules', CIPHER_PACKAGE)

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function install(aptPackage: string): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !has('apt-get')) return
  say(`setup: installing ${aptPackage} with apt-get`)
  try {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', aptPackage], { stdio: 'ignore' })
  } catch {
    // Said below: the program is still missing.
  }
}

/** Where it fails, what is missing is said below. */
function npm(args: readonly string[], seconds: number, cwd = root): void {
  try {
    execFileSync('npm', args, { cwd, stdio: 'ignore', timeout: seconds * 1000 })
  } catch {}
}

/** Asked of a new process each time: this one would remember what was not there. */
function hasCipher(): boolean {
  try {
    execFileSync(process.execPath, ['-e', `new (require('${CIPHER_PACKAGE}'))(':memory:')`], {
      cwd: import.meta.dirname,
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

/** Not among the dependencies: where no binary is ready for this Node it has to be compiled, which takes minutes. */
function installCipher(): void {
  if (!hasCipher()) {
    const wanted = `${CIPHER_PACKAGE}@${CIPHER_VERSION}`
    say(`setup: installing ${wanted} with npm`)
    // As a development dependency: an optional peer's name alone installs nothing.
    npm(['install', '--no-save', '--save-dev', '--ignore-scripts', '--no-audit', '--no-fund', wanted], 120)
    npm(['exec', '--yes', '--package=prebuild-install', '--', 'prebuild-install'], 60, cipherFolder)
    if (!hasCipher() && process.argv.includes('--compile')) npm(['rebuild', CIPHER_PACKAGE], 1200)
  }
  say(
    hasCipher()
      ? `setup: ${CIPHER_PACKAGE} is there (the tests of encrypted databases)`
      : `setup: ${CIPHER_PACKAGE} IS MISSING and no binary of it is ready here: the tests of encrypted databases WILL BE SKIPPED; \`npm run setup -- --compile\` compiles it, for minutes`,
  )
}

let isComplete = true
for (const { program, aptPackage, usedFor, isRequired } of parts) {
  if (!has(program)) install(aptPackage)
  if (has(program)) say(`setup: ${program} is there (${usedFor})`)
  else {
    say(
      `setup: ${program} IS MISSING and could not be installed: ${usedFor} ${isRequired ? '- cannot go on' : 'WILL BE SKIPPED'}`,
    )
    if (isRequired) isComplete = false
  }
}
installCipher()
process.exitCode = isComplete ? 0 : 1
