import { describe, expect, test } from 'vitest'
import { type Entry, entriesFor } from '../../../src/cli/agents/entries.ts'
import { valueAt, withElement, withMember, withoutElement, withoutMember } from '../../../src/cli/agents/json-text.ts'

const entries = entriesFor({ command: 'orch', args: [] })
const entryOf = (file: string): Entry => {
  const found = entries.find((one) => one.file === file)
  if (!found) throw new Error(`no entry for ${file}`)
  return found
}

/** As people write JSON: with comments, their own indent, line ends, commas at the end. */
const documents: Readonly<Record<string, string>> = {
  bare: '{}',
  'one line': '{"mcpServers": {"a": {"command": "x"}}, "hooks": {"SessionStart": []}}\n',
  tabs: '{\n\t"mcpServers": {\n\t\t"a": { "command": "x" }\n\t}\n}\n',
  comments: '// mine\n{\n  /* here */ "mcpServers": { // and here\n    "a": {} // last\n  }\n}\n',
  'commas at the end': '{\n  "servers": {\n    "a": {},\n  },\n  "mcpServers": {\n    "a": {},\n  },\n}\n',
  windows: '{\r\n  "mcpServers": {\r\n    "a": {}\r\n  }\r\n}\r\n',
  'strings with brackets': '{"a": "}],{[", "mcpServers": {"b\\"c": "// no comment"}}',
  empty: '{ "mcpServers": { /* none yet */ }, "servers": {}, "hooks": { "SessionStart": [ ] } }',
  'other hooks': '{\n  "hooks": {\n    "SessionStart": [\n      { "hooks": [] }\n    ]\n  }\n}\n',
}

describe('JSON as text', () => {
  test.each(Object.entries(documents))(
    '%s: what is put in is there, all else is as it was, and it comes out again',
    (_, text) => {
      const value = { command: 'orch', args: ['mcp'] }
      for (const path of [['mcpServers'], ['servers'], ['new'], ['deep', 'er']]) {
        const put = withMember(text, path, 'orch', value)
        expect(valueAt(put, [...path, 'orch'])).toEqual(value)
        for (const top of ['a', 'mcpServers', 'servers', 'hooks']) {
          if (top !== path[0]) expect(valueAt(put, [top])).toEqual(valueAt(text, [top]))
        }
        for (const comment of text.match(/\/\/[^"\n]*|\/\*.*?\*\//g) ?? []) expect(put).toContain(comment)
        const taken = withoutMember(put, [...path, 'orch'], value)
        expect(valueAt(String(taken), [...path, 'orch'])).toBeUndefined()
        if (valueAt(text, path) !== undefined) expect(valueAt(String(taken), [])).toEqual(valueAt(text, []))
        expect(put.includes('\r\n')).toBe(text.includes('\r\n'))
      }
    },
  )

  test('elements of a list', () => {
    const text = documents['other hooks'] ?? ''
    const put = withElement(text, ['hooks', 'SessionStart'], { matcher: 'x' })
    expect(valueAt(put, ['hooks', 'SessionStart'])).toEqual([{ hooks: [] }, { matcher: 'x' }])
    expect(withoutElement(put, ['hooks', 'SessionStart'], { matcher: 'x' })).toBe(text)
    expect(valueAt(withElement('{}', ['hooks', 'SessionStart'], 1), [])).toEqual({ hooks: { SessionStart: [1] } })
  })

  test('a member that says something else is not taken out', () => {
    expect(withoutMember('{"a": {"orch": 1}}', ['a', 'orch'], 2)).toBeUndefined()
    expect(withoutMember('{"a": {}}', ['a', 'orch'], 2)).toBeUndefined()
  })

  test.each(['', '{', '{"a" 1}', '[1', '{"a": }', 'nonsense'])(
    '%j is no JSON, which is said with its place',
    (text) => {
      expect(() => valueAt(text, [])).toThrow('no JSON at line')
    },
  )
})

describe('entries', () => {
  test.each(entries.map(({ file }) => file))(
    '%s: made, put twice it is the same, and taken out nothing is left',
    (file) => {
      const entry = entryOf(file)
      const made = entry.put('')
      expect(made?.endsWith('\n')).toBe(true)
      expect(entry.put(made ?? '')).toBe(made)
      const taken = entry.take(made ?? '')
      expect(taken !== undefined && entry.isEmpty(taken)).toBe(true)
      expect(entry.take(taken ?? '')).toBeUndefined()
    },
  )

  test('a server of this name that somebody else made stays', () => {
    expect(entryOf('.mcp.json').put('{"mcpServers": {"orch": {"command": "mine"}}}')).toBeUndefined()
    expect(entryOf('.codex/config.toml').put('[mcp_servers.orch]\ncommand = "mine"\n')).toBeUndefined()
    expect(entryOf('.codex/config.toml').put('mcp_servers = { a = { command = "x" } }\n')).toBeUndefined()
  })

  test('what each tool reads', () => {
    const json = (file: string): unknown => JSON.parse(entryOf(file).put('') ?? '')
    const here = ['-C', '$' + '{workspaceFolder}', 'mcp']
    expect(json('.mcp.json')).toEqual({ mcpServers: { orch: { type: 'stdio', command: 'orch', args: ['mcp'] } } })
    expect(json('.cursor/mcp.json')).toEqual({ mcpServers: { orch: { command: 'orch', args: here } } })
    expect(json('.vscode/mcp.json')).toEqual({ servers: { orch: { type: 'stdio', command: 'orch', args: here } } })
    expect(json('.claude/settings.json')).toMatchObject({
      hooks: { SessionStart: [{ hooks: [{ type: 'command', command: 'orch prime --as claude-code' }] }] },
    })
    expect(entryOf('.codex/config.toml').put('')).toContain('[mcp_servers.orch]\ncommand = "orch"\nargs = ["mcp"]\n')
  })

  test('text around the ten lines stays, on every kind of line end', () => {
    for (const text of ['# Mine\n', '# Mine', '# Mine\r\n\r\nMore\r\n']) {
      const { put, take } = entryOf('AGENTS.md')
      const after = put(text) ?? ''
      expect(after.startsWith(text)).toBe(true)
      expect(take(after)?.trimEnd()).toBe(text.trimEnd())
      expect(after.split('\n').length).toBeLessThan(text.split('\n').length + 17)
    }
  })
})
