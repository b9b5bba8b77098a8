import { expect, test } from 'vitest'
import { manifestOf } from '../../src/api/manifest.ts'
import { recordOperations } from '../../src/api/operations/records.ts'
import { operationsOf } from '../../src/api/operations.ts'
import { prose, tags, text } from '../../src/model/field.ts'
import { defineKind } from '../../src/model/kind.ts'
import { builtInKinds } from '../../src/model/kinds.ts'

const operations = operationsOf(builtInKinds)

/** What people and programs type; a change here breaks them. */
const CONTRACT = [
  'overview --limit --statuses',
  'task create TITLE --status --priority --assignee --label... --dependency... --parent --estimate --due --body',
  'task list --status... --priority... --assignee... --label... --filter --where... --text --since --deleted --all --sort --limit --after --full --fields... --include... --cursors --as-of',
  'task count --by --status... --priority... --assignee... --label... --filter --where... --text --since --deleted --all --as-of',
  'task show ID --as-of',
  'task update ID --title --status --priority --assignee --add-label... --remove-label... --add-dependency... --remove-dependency... --parent --estimate --spent --due --append --prepend --under --section --find --replace --count --body --base --fence',
  'task delete ID --fence',
  'task restore ID',
  'task comment ID TEXT --fence',
  'page list --filter --where... --text --since --deleted --sort --limit --after --full --fields... --include... --cursors --as-of',
  'page count --by --filter --where... --text --since --deleted --as-of',
  'page read PATH --as-of',
  'page write PATH TEXT --title --base',
  'page update ID --title --append --prepend --under --section --find --replace --count --body --base',
  'page delete ID',
  'page restore ID',
  'session list --actor... --active --filter --where... --text --since --deleted --sort --limit --after --full --fields... --include... --cursors --as-of',
  'session count --by --actor... --active --filter --where... --text --since --deleted --as-of',
  'session update ID --goal --add-artifact... --remove-artifact... --add-task... --remove-task... --append --prepend --under --section --find --replace --count --summary --base',
  'session delete ID',
  'session restore ID',
  'context list --type... --audience... --published-by... --filter --where... --text --since --deleted --sort --limit --after --full --fields... --include... --cursors --as-of',
  'context count --by --type... --audience... --published-by... --filter --where... --text --since --deleted --as-of',
  'context show ID --as-of',
  'context update ID --type --title --add-audience... --remove-audience... --task --data --expires --supersedes --append --prepend --under --section --find --replace --count --body --base',
  'context delete ID',
  'context restore ID',
  'session start GOAL --template --task...',
  'session show ID --limit',
  'session end ID --summary --template --artifact...',
  'context publish TITLE --type --body --audience... --task --data --expires --supersedes --fence',
  'context query --type... --text --audience... --task --since --until --all --limit',
  'context current --limit',
  'context get --capability... --focus --budget --since',
  'inbox IDS --capability... --read --all --limit',
  'wait --ready --message --closed... --changed... --free... --capability... --timeout --since',
  'ready --label... --capability... --limit --as-of',
  'blocked --limit --as-of',
  'claim ID --label... --capability...',
  'release ID REASON --fence',
  'handover ID TO NOTE --fence',
  'claims',
  'arbiter show',
  'arbiter set REPLICA',
  'reserve GLOBS --minutes --note --release',
  'search TEXT --kind... --limit --as-of',
  'graph ID --by --direction --depth --format --as-of',
  'stats --since',
  'standup --since --actor',
  'sql QUERY --limit --timeout',
  'cat ID',
  'edit ID --base --text',
  'state get KEY --as-of',
  'state set KEY VALUE',
  'state patch PATCH',
  'log append ACTION --details --task --session --fence',
  'log list --actor --task --session --since --until --action --limit --after --as-of',
  'import PATH --dry-run --format --deleted --mapping',
  'import backlog DIR --dry-run',
  'import beads PATH --dry-run --deleted',
  'import taskmaster PATH --dry-run',
  'import github PATH --dry-run',
  'import json PATH --dry-run --mapping',
  'import markdown PATH --dry-run --mapping',
  'import orch PATH --dry-run --deleted',
  'export FORMAT --kind --current --as-of --to --replace',
  'history ID --actor --session --limit --after',
  'show ID --at',
  'diff FROM TO --id --limit --after',
  'blame ID --at --deleted',
  'restore ID --at --dry-run --plan',
  'undo --session --actor --since --change... --dry-run --plan',
  'conflicts ID --all --limit',
  'conflict take ID',
  'conflict keep ID',
  'snapshots ID --limit',
  'snapshot --message',
  'sync --git',
  'peer add NAME URL --token --pin',
  'peer list',
  'peer remove NAME',
  'remote set NAME',
  'remote unset',
  'remote show',
  'suggest OF PREFIX --limit',
  'attention list',
  'attention show ITEM',
  'attention resolve ITEM WAY',
  'token create NAME --role --scope... --actor --person --expires',
  'token list',
  'token revoke NAME',
  'token rotate NAME',
  'token show',
  'mirror list',
  'mirror add DIR',
  'mirror remove DIR',
  'audit --actor --operation --limit',
  'status',
  'doctor',
]

test('commands and flags are as promised', () => {
  const commands = manifestOf(operations, builtInKinds).commands.map(({ command, positionals, flags }) =>
    [
      command,
      ...positionals.map(({ name }) => name.toUpperCase()),
      ...flags.map(({ name, repeat }) => `--${name}${repeat ? '...' : ''}`),
    ].join(' '),
  )
  expect(commands).toEqual(CONTRACT)
})

test('every operation has its own name and command, and examples of that command', () => {
  expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length)
  for (const { cli } of operations) {
    expect(cli.examples.length).toBeGreaterThan(0)
    for (const example of cli.examples) expect(example).toMatch(new RegExp(`^orch ${cli.command}( |$)`))
  }
})

test('a kind that is declared has its operations', () => {
  const note = defineKind('note', {
    plural: 'notes',
    letter: 'n',
    help: 'a short text',
    fields: {
      title: text({ help: 'what it is about', required: true }),
      topics: tags({ help: 'what it touches', flag: 'topic', indexed: true }),
      body: prose({ help: 'the text' }),
    },
  })
  const commands = manifestOf(recordOperations(builtInKinds, note), builtInKinds).commands
  expect(commands.map(({ command }) => command)).toEqual([
    'note create',
    'note list',
    'note count',
    'note show',
    'note update',
    'note delete',
    'note restore',
  ])
  expect(commands[0]?.flags.map(({ name }) => name)).toEqual(['topic', 'body'])
})
