/**
 * `npm run test:mcp`: the official conformance suite against our server over HTTP, for both eras, and the Inspector against
 * the built command, over stdio and HTTP. Both are fetched from the npm registry, with a Node that they run on; without a
 * network this says so and ends with 0.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { tools } from '../../src/api/mcp/tools.ts'
import { createTestRepo, type TestRepo } from '../flow/harness.ts'

const SUITE = '@modelcontextprotocol/conformance@0.2.0-alpha.12'
const INSPECTOR = '@modelcontextprotocol/inspector@2.12.0'
const REQUIREMENTS = ['2025-11-25', '2026-07-28']
const orch = resolve(import.meta.dirname, '../../dist/orch.js')
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const away = mkdtempSync(join(tmpdir(), 'orch-mcp-'))
let failures = 0

interface Ran {
  readonly code: number
  readonly out: string
}

/** Runs a program of a package; away from this package, whose own Node it must not use. */
function npx(packageName: string, args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    const child = spawn('npx', ['-y', '-p', 'node@24', '-p', packageName, ...args], { cwd: away })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.on('close', (code) => done({ code: code ?? -1, out }))
    child.stdin.end()
  })
}

function check(what: string, isGood: boolean, detail: string): void {
  say(`${isGood ? 'ok  ' : 'FAIL'} ${what}`)
  if (isGood) return
  failures++
  say(detail.slice(-3000))
}

async function conformance(): Promise<void> {
  const server = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [url] = await new Promise<readonly [string]>((first) =>
    createInterface(server.stdout).once('line', (line) => first([line])),
  )
  for (const requirements of REQUIREMENTS) {
    const { code, out } = await npx(SUITE, ['conformance', 'server', '--url', url, '--requirements', requirements])
    const scored = out.split('Not scored')[0] ?? ''
    const passed = scored.match(/^✓ /gm)?.length ?? 0
    check(`conformance ${requirements}: ${passed} scenarios`, code === 0, out)
    for (const [, name] of (out.split('Not scored')[1] ?? '').matchAll(/✗ (\S+ \(\S+\))/g))
      say(`     not offered: ${name}`)
  }
  server.stdin.end()
}

/** Inputs with which every tool can be called, in this order. */
function callsOf(id: string): Readonly<Record<string, readonly string[]>> {
  return {
    context: [],
    find: ['kind=task'],
    get: [`id=${id}`],
    create: ['title=Made by the Inspector'],
    update: [`id=${id}`, 'comment=Looks good'],
    edit: [`id=${id}`, 'append=More.'],
    claim: [`id=${id}`],
    release: [`id=${id}`],
    publish: ['type=finding', 'title=It works'],
    inbox: [],
    wait: ['message=true', 'timeout=0'],
    log: ['action=Called every tool'],
    session: ['do=show'],
  }
}

async function inspector(repo: TestRepo): Promise<void> {
  const { url } = await repo.json<{ url: string }>('status')
  const token = (await repo.run(['token', 'show'])).stdout.trim()
  const ways: Readonly<Record<string, readonly string[]>> = {
    stdio: ['node', orch, '-C', repo.dir, 'mcp'],
    http: [`${url}/mcp`, '--transport', 'http', '--header', `Authorization: Bearer ${token}`],
  }
  for (const [way, target] of Object.entries(ways)) {
    const ask = (args: readonly string[]): Promise<Ran> =>
      npx(INSPECTOR, ['mcp-inspector', '--cli', ...target, ...args])
    const listed = await ask(['--method', 'tools/list', '--strict'])
    const missing = tools.filter(({ name }) => !listed.out.includes(`"name": "${name}"`))
    check(`Inspector over ${way} lists every tool`, listed.code === 0 && missing.length === 0, listed.out)
    const { id } = await repo.json<{ id: string }>('task', 'create', `For the Inspector, over ${way}`)
    for (const [name, inputs] of Object.entries(callsOf(id))) {
      const args = inputs.flatMap((one) => ['--tool-arg', one])
      const { code, out } = await ask(['--method', 'tools/call', '--tool-name', name, ...args])
      // Each is a process and so a session of its own: what one has claimed is not the next one's to release.
      const isAnswered = code === 0 && !out.includes('"isError": true')
      check(
        `Inspector over ${way} calls ${name}`,
        isAnswered || (name === 'release' && out.includes('not_claimed')),
        out,
      )
    }
  }
}

const there = await npx(SUITE, ['conformance', '--version'])
if (there.code !== 0) {
  say(`SKIPPED: ${SUITE} could not be fetched from the npm registry:`)
  say(there.out.slice(-500))
} else {
  await conformance()
  const repo = await createTestRepo()
  try {
    await inspector(repo)
  } finally {
    await repo.remove()
  }
}
rmSync(away, { recursive: true, force: true })
process.exit(failures > 0 ? 1 : 0)
