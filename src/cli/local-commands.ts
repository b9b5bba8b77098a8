import type { Parameter } from '../api/manifest.ts'
import type { CliContext } from './context.ts'

/** A command that is about the daemon's life, so it cannot be an operation of the daemon. */
export interface LocalCommand {
  readonly command: string
  readonly help: string
  readonly positionals: readonly Parameter[]
  readonly flags: readonly Parameter[]
  readonly examples: readonly string[]
  /** Loads the code, which most commands never need. Resolves to the exit code. */
  readonly load: () => Promise<(context: CliContext, input: Readonly<Record<string, unknown>>) => Promise<number>>
}

const flag = (name: string, help: string, type: Parameter['type'] = 'boolean', repeat = false): Parameter => ({
  name,
  property: name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
  type,
  repeat,
  required: false,
  help,
})

const set = flag('set', 'a configuration option for this start: name=value', 'text', true)
const yes = flag('yes', 'do it without asking')

/** The commands of the daemon's life. */
export const localCommands: readonly LocalCommand[] = [
  {
    command: 'init',
    help: 'Sets orch up in this repository, after showing every file and setting it will touch.',
    positionals: [],
    flags: [
      flag('name', "the project's name; by default the folder's", 'text'),
      flag(
        'agents',
        'also tell agents of it: entries for Claude Code, Cursor, Codex and VS Code, and ten lines in AGENTS.md; shown first',
      ),
      yes,
      set,
    ],
    examples: ['orch init', 'orch init --agents', 'orch init --yes --name shop'],
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    command: 'up',
    help: 'Runs the daemon here and shows every change as it happens; follows the one that runs already, if there is one. Ctrl-C ends it.',
    positionals: [],
    flags: [
      flag('demo-if-none', "where there is no repository, or only orch's own, make one with a few tasks to try it on"),
      set,
    ],
    examples: ['orch up'],
    load: async () => (await import('./commands/up.ts')).up,
  },
  {
    command: 'start',
    help: 'Starts the daemon in the background. Other commands do that by themselves.',
    positionals: [],
    flags: [set],
    examples: ['orch start', 'orch start --set git.quietMs=1000'],
    load: async () => (await import('./commands/daemon.ts')).start,
  },
  {
    command: 'stop',
    help: 'Lets the daemon finish what it has begun, and ends it.',
    positionals: [],
    flags: [],
    examples: ['orch stop'],
    load: async () => (await import('./commands/daemon.ts')).stop,
  },
  {
    command: 'rebuild',
    help: 'Makes the index anew from what is in the journal. The daemon is stopped meanwhile. A start does it by itself when it has to.',
    positionals: [],
    flags: [],
    examples: ['orch rebuild'],
    load: async () => (await import('./commands/rebuild.ts')).rebuild,
  },
  {
    command: 'restart',
    help: 'Stops the daemon and starts it again.',
    positionals: [],
    flags: [set],
    examples: ['orch restart'],
    load: async () => (await import('./commands/daemon.ts')).restart,
  },
  {
    command: 'status',
    help: 'Shows how the daemon is, what it holds, and what needs somebody. Starts nothing.',
    positionals: [],
    flags: [],
    examples: ['orch status', 'orch status --json'],
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    command: 'overview',
    help: 'Shows what matters now: my work, what is ready to be begun, what is blocked, and problems. `orch` alone does, too.',
    positionals: [],
    flags: [flag('limit', 'how many of each list at most', 'number')],
    examples: ['orch', 'orch overview --limit 30', 'orch --json'],
    load: async () => (await import('./commands/overview.ts')).overview,
  },
  {
    command: 'watch',
    help: 'Shows tasks by status, who is here, and what happens, as it happens; q or Ctrl-C ends it. In a pipe: a line for each change.',
    positionals: [],
    flags: [],
    examples: ['orch watch', 'orch watch --json'],
    load: async () => (await import('./commands/watch.ts')).watch,
  },
  {
    command: 'prime',
    help: 'Prints what an agent needs to begin or to go on, in at most 1,500 tokens: for hooks at the start of a session. Prints nothing where orch is not set up, and never fails.',
    positionals: [],
    flags: [],
    examples: ['orch prime --as claude-code'],
    load: async () => (await import('./commands/prime.ts')).prime,
  },
  {
    command: 'mcp',
    help: 'Serves MCP on standard input and output, for an agent that started it. docs/mcp.md says how agents are told of it.',
    positionals: [],
    flags: [],
    examples: ['orch mcp', 'orch mcp --as reviewer'],
    load: async () => (await import('./commands/mcp.ts')).mcp,
  },
  {
    command: 'edit',
    help: 'Opens a task, a page or any other record in $VISUAL or $EDITOR, and merges what you save with what others wrote meanwhile.',
    positionals: [
      {
        ...flag('id', 'the record: its id, a unique beginning of it, an alias, or its file', 'text'),
        required: true,
        suggest: 'record',
      },
    ],
    flags: [],
    examples: ['orch edit t-7f3k', 'EDITOR=nano orch edit guides/start.md'],
    load: async () => (await import('./commands/edit.ts')).edit,
  },
  {
    command: 'attention resolve',
    help: 'Settles an item of the attention list in one of its ways. What takes something away from everybody is asked of a person at a terminal first.',
    positionals: [
      { ...flag('item', 'the item: its id, or a unique beginning of it', 'text'), required: true },
      { ...flag('way', 'one of the ways that `orch attention show` names', 'text'), required: true },
    ],
    flags: [],
    examples: ['orch attention resolve a-3f21 dismiss'],
    load: async () => (await import('./commands/attention.ts')).resolve,
  },
  {
    command: 'completion',
    help: 'Prints the script that makes a shell complete commands, flags, ids, labels and names. docs/completion.md says where to put it.',
    positionals: [{ ...flag('shell', 'which shell', 'text'), required: true, choices: ['bash', 'zsh', 'fish'] }],
    flags: [],
    examples: ['source <(orch completion bash)', 'orch completion fish > ~/.config/fish/completions/orch.fish'],
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    command: 'doctor',
    help: 'Checks that document, index, files and snapshots agree, and fails when one does not.',
    positionals: [],
    flags: [],
    examples: ['orch doctor'],
    load: async () => (await import('./commands/status.ts')).doctor,
  },
  {
    command: 'trust',
    help: 'Lets the settings of .orchrc count that reach outside the repository, as they stand now. Read the file first.',
    positionals: [],
    flags: [yes],
    examples: ['orch trust'],
    load: async () => (await import('./commands/trust.ts')).trust,
  },
  {
    command: 'cert',
    help: "Makes the daemon's certificate, if it has none, and prints its pin: other replicas give it to `orch peer add --pin`, and then trust this certificate and no other. With one, the daemon speaks TLS from its next start.",
    positionals: [],
    flags: [
      flag(
        'name',
        "a name or address by which this daemon is reached, besides this machine's own; may be repeated",
        'text',
        true,
      ),
      flag('renew', 'make a new one: peers that pinned the old one refuse it until they are told'),
    ],
    examples: ['orch cert --name orch.example.org --name 10.0.0.5', 'orch cert'],
    load: async () => (await import('./commands/cert.ts')).cert,
  },
  {
    command: 'join',
    help: 'Moves the records of this project into another one that was started apart, once, after showing what will happen. All replicas of this project should be linked first: what only they have stays with them. The old database and the old history are kept, and who asks for this project from then on is told where it is.',
    positionals: [
      { ...flag('address', "the other project's websocket address, as its `orch status` shows it", 'text') },
    ],
    flags: [
      flag('token', 'its token, as its `orch token show` prints it', 'text'),
      flag('pin', 'the one certificate that it may show, as its `orch cert` prints it', 'text'),
      flag(
        'remote',
        "instead of an address: a remote, or its branch, from which the other project's history was fetched",
        'text',
      ),
      flag('follow', 'this project has joined the other one already, by another replica: go along, importing nothing'),
      yes,
    ],
    examples: ['orch join ws://127.0.0.1:4777/sync/platform --token 6d1e', 'orch join --remote platform/orch-history'],
    load: async () => (await import('./commands/join.ts')).join,
  },
  {
    command: 'purge',
    help: 'Takes a secret that leaked into the project out of it for good: document, history, database, files and the history branch, here and in every linked replica. Asks for it at the terminal, or reads it from standard input; shows what it will do, and says what it cannot reach. What was taken out cannot be had back, so somebody at a terminal has to agree.',
    positionals: [],
    flags: [flag('dry-run', 'only show where it is')],
    examples: ['orch purge --dry-run', 'orch purge < leaked-key.pem'],
    load: async () => (await import('./commands/purge.ts')).purge,
  },
  {
    command: 'encrypt',
    help: 'Encrypts the database that is there, or gives it another key, as the configuration says; also how a key is replaced. The daemon is stopped meanwhile. docs/encryption.md says how a key is made and given.',
    positionals: [],
    flags: [],
    examples: ['orch encrypt'],
    load: async () => (await import('./commands/encrypt.ts')).encrypt,
  },
  {
    command: 'decrypt',
    help: 'Makes an encrypted database plain again. The daemon stays stopped: take the key out of the configuration next.',
    positionals: [],
    flags: [],
    examples: ['orch decrypt'],
    load: async () => (await import('./commands/encrypt.ts')).decrypt,
  },
  {
    command: 'uninstall',
    help: 'Takes orch out of this repository, after showing what goes and what stays. The history branch stays.',
    positionals: [],
    flags: [yes, flag('purge', 'the history branch goes, too')],
    examples: ['orch uninstall'],
    load: async () => (await import('./commands/uninstall.ts')).uninstall,
  },
]
