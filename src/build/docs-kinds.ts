import { FIELD_TYPES } from '../model/declaration.ts'
import type { Field } from '../model/field.ts'
import type { KeyedKind, Kind, LogKind, RecordKind } from '../model/kind.ts'
import type { Kinds } from '../model/kind-set.ts'

/** The `.orchrc` that the page shows; a test runs it, with the commands below it. */
export const DECLARED_EXAMPLE = `statuses:
  testing: { as: in_progress }
  wontfix: { as: cancelled }

fields:
  task:
    severity: { type: choice, choices: [high, low], help: how bad it is, indexed: true, shown: true }
    customers: { type: set, flag: customer, help: who waits for it, indexed: true }
    votes: { type: counter, help: how many want it }
    risk: { type: ref, to: risk, help: the risk that it lowers }

kinds:
  risk:
    letter: k
    help: something that may go wrong
    fields:
      likelihood: { type: number, min: 0, max: 1, help: how likely it is, shown: true }
      state:
        type: choice
        choices: [open, mitigated, accepted]
        default: open
        required: true
        indexed: true
        shown: true
      owners: { type: set, flag: owner, help: who looks after it, indexed: true }
      reviews: { type: entries, help: what was found when it was looked at }
    closed: { state: [mitigated, accepted] }
    filters:
      unowned: { help: only those that nobody looks after, where: { owners: [null] } }
    order: [state]
`

export const DECLARED_COMMANDS: readonly string[] = [
  "orch risk create 'The disk fills' --likelihood 0.3 --owner ann",
  "orch risk review k-7f3k 'Two weeks are left.'",
  'orch risk list --unowned',
  "orch task create 'Delete old logs' --severity high --risk k-7f3k --status testing",
  'orch task list --severity high',
]

/** `docs/kinds.md` */
export function kindsReference(kinds: Kinds): string {
  return `${[
    '# Kinds',
    '',
    '<!-- Generated from src/model/kinds/ and src/model/declaration.ts by `npm run docs`. -->',
    '',
    'A kind says what its records hold, how concurrent writes to each field combine, and where its files are. Files, lists, search, history and commands follow from that. orch has these kinds; a project can [add statuses, fields and kinds](#declaring-your-own).',
    '',
    ...kinds.all.flatMap(pageOf),
    ...declaring(),
  ].join('\n')}\n`
}

function pageOf(kind: Kind): readonly string[] {
  switch (kind.shape) {
    case 'records':
      return recordPage(kind)
    case 'keys':
      return keyedPage(kind)
    case 'log':
      return logPage(kind)
  }
}

const FILE_NAMES: Readonly<Record<RecordKind['fileName'], string>> = {
  'id-slug': '`<id>-<words of the title>.md`',
  id: '`<id>.md`',
  path: 'any path you choose, ending in .md',
}

function recordPage(kind: RecordKind): readonly string[] {
  const filters = Object.entries(kind.filters).map(([name, { help }]) => `\`--${name}\` (${help})`)
  const [closed] = Object.values(kind.stamps)
  return [
    `## ${kind.name}`,
    '',
    `${sentence(kind.help)} Files: \`${kind.folder}/\`, ${FILE_NAMES[kind.fileName]}. Ids: \`${kind.letter}-7f3k9q2m\`. The file's text is \`${kind.body}\`; \`${kind.title}\` names the record.`,
    '',
    '| field | type | merge | default | what it is |',
    '|---|---|---|---|---|',
    ...Object.entries(kind.fields).map(
      ([name, field]) =>
        `| \`${name}\` | ${typeOf(field)} | ${field.merge} | ${shown(kind.defaults[name])} | ${notes(field)} |`,
    ),
    '',
    ...(closed
      ? [
          `Closed, and left out of lists: \`${closed.field}\` is ${closed.values.map((one) => `\`${one}\``).join(' or ')}.`,
          '',
        ]
      : []),
    ...(kind.order.length > 0
      ? [`Lists are in the order of ${kind.order.map((one) => `\`${one}\``).join(', ')}, then creation.`, '']
      : []),
    ...(filters.length > 0 ? [`Filters: ${filters.join(', ')}.`, ''] : []),
  ]
}

function keyedPage({ name, help, file }: KeyedKind): readonly string[] {
  return [
    `## ${name}`,
    '',
    `${sentence(help)} File: \`${file}\`, one JSON object. A key is a register: the last write of it counts.`,
    '',
  ]
}

function logPage({ name, help, plural, fields, letter }: LogKind): readonly string[] {
  return [
    `## ${name}`,
    '',
    `${sentence(help)} Files: \`${plural}/<day>.jsonl\`, to be read only. Ids: \`${letter}-7f3k9q2m\`.`,
    '',
    '| field | what it is |',
    '|---|---|',
    ...Object.entries(fields).map(([field, one]) => `| \`${field}\` | ${one.help} |`),
    '',
  ]
}

function declaring(): readonly string[] {
  return [
    '## Declaring your own',
    '',
    '`.orchrc` at the root of the main working tree may declare statuses of tasks, fields of the kinds above, and kinds. They are declared like the ones above and work like them: commands with help and completion, files, merging, lists, search, snapshots, history. The daemon reads the file when it starts: after a change, `orch restart`. `orch status` says when the running daemon has read another text.',
    '',
    '```yaml',
    DECLARED_EXAMPLE.trimEnd(),
    '```',
    '',
    '```sh',
    ...DECLARED_COMMANDS,
    '```',
    '',
    '### Statuses',
    '',
    'A status says which one of orch it counts `as`, and stands behind it on the board. `testing` above is in progress wherever orch asks for that; a task that enters `wontfix` is closed.',
    '',
    '### Fields',
    '',
    '| type | merge | what it holds |',
    '|---|---|---|',
    ...Object.entries(FIELD_TYPES).map(([name, { merge, help }]) => `| \`${name}\` | ${merge} | ${help} |`),
    '',
    'Options: `help` (a line), `default` (of a new record), `required` (may not be empty), `indexed` (lists have a filter for it), `shown` (stands in a new file and in lists), `flag` (what is typed for it; of a set, for one member), `choices`, `to`, `min`, `max`.',
    '',
    '### Kinds',
    '',
    '| option | by default | |',
    '|---|---|---|',
    '| `letter` | none: it must be given | what its ids begin with; no other kind has it |',
    '| `plural` | the name with an s | what several are called; their root type in the document |',
    '| `folder` | the plural | one folder below the mirror |',
    '| `help` | | what a record of it is, in a few words |',
    "| `title`, `body` | `title`, `body` | the text field that names a record, the prose field that is its file's text; made where they are not declared |",
    '| `fileName` | `id-slug` | `id-slug` or `id`: whether files are named by the title, too |',
    '| `fields` | none | as above |',
    '| `order` | creation | fields that lists are sorted by |',
    '| `closed` | none | the choice field, and its values, that close a record: lists leave it out, `closedAt` says when |',
    '| `filters` | none | flags of lists: a name, and the values that fields must have; null stands for empty |',
    '',
    '### Replicas that declare other things',
    '',
    "The file belongs to a working tree, the records to everybody. What a replica does not declare, it keeps, passes on and puts into snapshots; it shows it as soon as it is declared. Until then `orch status` names it: `2 records of a kind that is not declared here, risks`. A field that is taken out of the file keeps its values; a status that is not declared is shown as it is, and is no closed one. A field that is declared with another type is another field: its old values stay beside it. A key that somebody wrote into front matter before a field of its name was declared becomes its value, where that is a register or a set; else it is named among the record's issues. So give a kind the same plural and letter everywhere, and a field the same type.",
    '',
    '### Is it safe?',
    '',
    'It needs no `orch trust`. A declaration is data: names, texts and numbers of limited size, checked before anything is made of them. It names no program, no address, and no place but one folder below the mirror; a name that means something to orch already is refused.',
  ]
}

function typeOf({ value }: Field): string {
  switch (value.type) {
    case 'choice':
      return value.choices.map((one) => `\`${one}\``).join(' ')
    case 'ref':
      return `id of a ${value.kind}`
    default:
      return value.type
  }
}

function notes({ help, readonly, required, indexed }: Field): string {
  const said = [readonly && 'written by orch', required && 'required', indexed && 'indexed'].filter(Boolean).join(', ')
  return `${help}${said && ` (${said})`}`.replaceAll('|', '\\|')
}

function shown(value: unknown): string {
  return value === undefined ? '' : `\`${String(value)}\``
}

function sentence(help: string): string {
  return `${help.charAt(0).toUpperCase()}${help.slice(1)}.`
}
