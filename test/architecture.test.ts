import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/** Which layers a layer may import, itself aside. `root` are the entries of the client and of the MCP server. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ['base'],
  doc: ['base', 'model'],
  store: ['base', 'model', 'doc'],
  mirror: ['base', 'model', 'doc', 'store'],
  git: ['base', 'model', 'doc', 'store'],
  peers: ['base', 'model', 'doc', 'store'],
  agents: ['base', 'model', 'doc', 'store'],
  api: ['base', 'model', 'doc', 'store'],
  cli: ['base', 'model', 'api'],
  config: ['base', 'model', 'store', 'api', 'cli'],
  errands: ['base', 'model', 'doc', 'store', 'mirror', 'git', 'peers', 'api', 'config'],
  daemon: ['base', 'model', 'doc', 'store', 'mirror', 'git', 'peers', 'agents', 'api', 'config', 'errands'],
  root: ['base', 'model', 'api', 'cli'],
  build: ['base', 'model', 'api', 'cli', 'config'],
}

/** Who may use a package: with one owner it can be replaced. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  yjs: ['doc', 'peers'],
  lib0: ['doc', 'store', 'peers'],
  '@photostructure/sqlite': ['store'],
  chokidar: ['mirror'],
  koffi: ['mirror'],
  'simple-git': ['git'],
  ws: ['peers', 'api'],
  ioredis: ['peers'],
  'y-protocols': ['peers'],
  'y-websocket': ['peers'],
  'fast-diff': ['model'],
  yaml: ['model', 'config'],
  zod: ['model', 'api', 'config'],
  '@dagrejs/dagre': ['api'],
  graphql: ['api'],
  'graphql-yoga': ['api'],
  '@graphql-yoga/render-graphiql': ['api'],
  'graphql-ws': ['api'],
  '@pothos/core': ['api'],
  '@escape.tech/graphql-armor': ['api'],
  '@modelcontextprotocol/server': ['api', 'root'],
  commander: ['cli'],
  picocolors: ['cli'],
  'gpt-tokenizer': ['api'],
  esbuild: ['build'],
  '@hono/node-server': ['api'],
  'prom-client': ['api'],
  'better-sqlite3-multiple-ciphers': ['store'],
  jose: ['api'],
  selfsigned: ['api'],
}

const src = resolve(import.meta.dirname, '../src')

interface Import {
  readonly file: string
  readonly layer: string
  readonly from: string
}

function imports(): readonly Import[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  return files.flatMap((file) => {
    const text = readFileSync(join(src, file), 'utf8')
    const found = text.matchAll(/^(?:import|export|\})[^'\n]*from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)
    return [...found].map(([, a, b, c]) => ({ file: `src/${file}`, layer: layerOf(file), from: a ?? b ?? c ?? '' }))
  })
}

function layerOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : 'root'
}

test('imports point down and siblings never meet', () => {
  const broken = imports().flatMap(({ file, layer, from }) => {
    if (!from.startsWith('.')) return []
    const target = relative(src, resolve(dirname(join(src, file.slice(4))), from))
    const to = layerOf(target)
    return to === layer || LAYERS[layer]?.includes(to) ? [] : [`${file} may not import src/${target}`]
  })
  expect(broken).toEqual([])
})

test('every package has its owner', () => {
  const broken = imports().flatMap(({ file, layer, from }) => {
    if (from.startsWith('.') || from.startsWith('node:')) return []
    const name = from.startsWith('@') ? from.split('/').slice(0, 2).join('/') : (from.split('/')[0] ?? '')
    return OWNERS[name]?.includes(layer) ? [] : [`${file} may not import ${name}`]
  })
  expect(broken).toEqual([])
})

test('base uses no package, and time, chance and the environment come as arguments', () => {
  const allowed = /^src\/(base\/clock|daemon\/process|daemon\/main|main|build\/build)\.ts$|^src\/cli\//
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const broken = files.flatMap((file) => {
    if (allowed.test(`src/${file}`)) return []
    const text = readFileSync(join(src, file), 'utf8')
    const found = text.match(/\b(Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|setInterval\(|process\.env\b)/g)
    return found ? [`src/${file}: ${found.join(' ')}`] : []
  })
  expect(broken).toEqual([])
})
