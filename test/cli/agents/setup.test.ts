import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pathsOf, socketPlace } from '../../../src/base/repository.ts'
import { doAgents, planAgents, removeAgents } from '../../../src/cli/agents/setup.ts'
import type { RepositoryContext } from '../../../src/cli/context.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orch-agents-'))
  mkdirSync(join(root, '.git/orch'), { recursive: true })
  mkdirSync(join(root, 'bin'))
  writeFileSync(join(root, 'bin/orch'), '')
  chmodSync(join(root, 'bin/orch'), 0o755)
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

function context(): RepositoryContext {
  const commonDir = join(root, '.git')
  const repository = { worktree: root, mainWorktree: root, commonDir, isBare: false, isLinked: false }
  const env = { PATH: join(root, 'bin') }
  return {
    env,
    daemonScript: join(root, 'daemon.mjs'),
    repository,
    paths: pathsOf(repository, socketPlace({})),
  } as never
}

const write = (file: string, text: string): void => {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), text)
}
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const setUp = (): void => doAgents(context(), planAgents(context()))

test('[P4] what is put in is taken out exactly: files byte for byte, and folders that were made', () => {
  const mine = '{"mcpServers":{"a":{"command":"x"}}}'
  write('.mcp.json', mine)
  write('AGENTS.md', '# Mine')
  setUp()
  expect(planAgents(context()).every(({ does }) => does === 'nothing')).toBe(true)
  expect(JSON.parse(read('.mcp.json')).mcpServers.orch.command).toBe('orch')
  expect(removeAgents(context())).toEqual([])
  expect(read('.mcp.json')).toBe(mine)
  expect(read('AGENTS.md')).toBe('# Mine')
  for (const folder of ['.cursor', '.codex', '.vscode', '.claude']) expect(existsSync(join(root, folder))).toBe(false)
  expect(removeAgents(context())).toEqual([])
})

test('[P4] what a person changed meanwhile stays, also after a second init', () => {
  setUp()
  const servers = JSON.parse(read('.mcp.json'))
  servers.mcpServers.mine = { command: 'x' }
  write('.mcp.json', JSON.stringify(servers))
  write('AGENTS.md', `${read('AGENTS.md').replace('Begin with', 'Start with')}\nMine.\n`)
  setUp()
  expect(read('AGENTS.md')).toContain('Begin with')
  write('.cursor/mcp.json', read('.cursor/mcp.json').replace('"orch"', '"other"'))
  expect(removeAgents(context())).toEqual(['.cursor/mcp.json'])
  expect(JSON.parse(read('.mcp.json'))).toEqual({ mcpServers: { mine: { command: 'x' } } })
  expect(read('AGENTS.md').trim()).toBe('Mine.')
})

test('[M12] links, and files that cannot be read, are left alone', () => {
  write('elsewhere.json', '{}')
  symlinkSync(join(root, 'elsewhere.json'), join(root, '.mcp.json'))
  write('.vscode/mcp.json', 'no json')
  const left = planAgents(context()).filter(({ does }) => does === 'left')
  expect(left.map(({ file }) => file)).toEqual(['.mcp.json', '.vscode/mcp.json'])
  expect(left[1]?.reason).toContain('no JSON at line 1')
  setUp()
  expect(read('elsewhere.json')).toBe('{}')
})

test('CLAUDE.md is told, too, where it is there and does not lead to AGENTS.md', () => {
  const files = (): readonly string[] => planAgents(context()).map(({ file }) => file)
  expect(files()).not.toContain('CLAUDE.md')
  write('CLAUDE.md', '# For Claude\n')
  expect(files()).toContain('CLAUDE.md')
  write('CLAUDE.md', 'See:\n@AGENTS.md\n')
  expect(files()).not.toContain('CLAUDE.md')
})
