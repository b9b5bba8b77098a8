import { optionNames, options, variableOf } from './options.ts'

/** `.orchrc.example`: every option with its help and default, commented out. */
export function exampleFile(): string {
  const lines = [
    '# orch configuration (YAML). Copy to .orchrc at the root of the repository; every line is optional.',
    '',
  ]
  let group = ''
  for (const name of optionNames) {
    const [first, second] = name.split('.')
    lines.push(`# ${options[name].help}`)
    if (options[name].needsTrust) lines.push('# Ignored until somebody has read the file and run `orch trust`.')
    if (second === undefined) lines.push(`#${name}: ${options[name].example}`)
    else {
      if (group !== first) lines.push(`#${first}:`)
      lines.push(`#  ${second}: ${options[name].example}`)
    }
    group = second === undefined ? '' : (first ?? '')
    lines.push('')
  }
  return lines.join('\n')
}

/** `docs/config.md`. */
export function configReference(): string {
  const rows = optionNames.map(
    (name) =>
      `| \`${name}\` | \`${variableOf(name)}\` | \`${JSON.stringify(options[name].byDefault)}\` | ${options[name].help}${options[name].needsTrust ? ' Needs `orch trust` when set in `.orchrc`.' : ''} |`,
  )
  return [
    '# Configuration',
    '',
    '<!-- Generated from src/config/options.ts by `npm run docs`. -->',
    '',
    'An option is taken from its default, then `.orchrc` (YAML, at the root of the main worktree), then the environment, then `--set name=value` of `orch up`, `start` and `restart`; the last one wins. An unknown name is an error that names the nearest known one.',
    '',
    'A repository is text by somebody else: options that reach outside it are ignored in `.orchrc`, with a notice in `orch status`, until you have read the file and run `orch trust`. Trust holds for the exact content of the file.',
    '',
    '| option | variable | default | what it does |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
