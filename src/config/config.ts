import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { OrchError, reasonOf } from '../base/error.ts'
import { nearest } from '../base/nearest.ts'
import { type Config, type OptionName, optionNames, options, variableOf } from './options.ts'

export interface ConfigSources {
  /** Text of `.orchrc`, and where it is, for messages. */
  readonly file?: { readonly path: string; readonly text: string; readonly isTrusted: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  /** `--set name=value`. */
  readonly flags: readonly string[]
}

export interface LoadedConfig {
  readonly config: Config
  /** What was ignored, for a person to see. */
  readonly notices: readonly OrchError[]
}

/** Reads the configuration: default < .orchrc < ORCH_* < flags. Throws `invalid_config`, naming the nearest known key. */
export function loadConfig({ file, env, flags }: ConfigSources): LoadedConfig {
  const values: Record<string, unknown> = {}
  const notices: OrchError[] = []
  for (const name of optionNames) values[name] = options[name].byDefault
  if (file) {
    for (const [name, raw] of Object.entries(flatten(parseFile(file.path, file.text), file.path))) {
      const value = check(file.path, name, raw)
      if (!file.isTrusted && mustBeTrusted(name as OptionName, value)) {
        notices.push(new OrchError('untrusted_config', { key: name, file: file.path }))
      } else values[name] = value
    }
  }
  for (const name of optionNames) {
    const raw = env[variableOf(name)]
    if (raw !== undefined && raw !== '') values[name] = check(variableOf(name), name, parseScalar(raw))
  }
  for (const flag of flags) {
    const [name = '', ...rest] = flag.split('=')
    values[name] = check('--set', name, parseScalar(rest.join('=')))
  }
  return { config: Object.freeze(values) as Config, notices }
}

function parseFile(path: string, text: string): unknown {
  const document = parseDocument(text, { maxAliasCount: 0 } as never)
  const error = document.errors[0]
  if (error) {
    const place = error.linePos?.[0]
    const reason = `${place ? `line ${place.line}, column ${place.col}: ` : ''}${reasonOf(error).replace(/ at line .*$/, '')}`
    throw new OrchError('invalid_config', { file: path, reason, suggestion: 'Correct the file; see .orchrc.example.' })
  }
  try {
    return document.toJS({ maxAliasCount: 0 })
  } catch (cause) {
    throw new OrchError('invalid_config', {
      file: path,
      reason: reasonOf(cause),
      suggestion: 'Write it without aliases.',
    })
  }
}

/** `{git: {quietMs: 1}}` -> `{'git.quietMs': 1}`; unknown names are left for `check` to refuse. */
function flatten(parsed: unknown, path: string): Readonly<Record<string, unknown>> {
  if (parsed === null || parsed === undefined) return {}
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new OrchError('invalid_config', {
      file: path,
      reason: 'it is not a list of `name: value`',
      suggestion: 'See .orchrc.example.',
    })
  }
  const flat: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(parsed)) {
    const isGroup = optionNames.some((known) => known.startsWith(`${name}.`))
    if (isGroup && typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [inner, one] of Object.entries(value)) flat[`${name}.${inner}`] = one
    } else flat[name] = value
  }
  return flat
}

function check(where: string, name: string, raw: unknown): unknown {
  if (!isOption(name)) {
    const near = nearest(name, optionNames)
    throw new OrchError('invalid_config', {
      file: where,
      reason: `there is no option "${name}"`,
      suggestion: near ? `Did you mean "${near}"?` : `Known options: ${optionNames.join(', ')}.`,
    })
  }
  const parsed = options[name].schema.safeParse(raw)
  if (parsed.success) return parsed.data
  throw new OrchError('invalid_config', {
    file: where,
    reason: parsed.error.issues.map((issue) => problemOf(name, issue)).join('; '),
    suggestion: `An example: ${name}: ${options[name].example}`,
  })
}

/** Where below an option something is wrong, and what. */
function problemOf(name: string, issue: z.core.$ZodIssue): string {
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
  return `${[name, ...issue.path].join('.')}: ${message}`
}

function isOption(name: string): name is OptionName {
  return Object.hasOwn(options, name)
}

function mustBeTrusted(name: OptionName, value: unknown): boolean {
  const needsTrust = options[name].needsTrust as ((value: unknown) => boolean) | undefined
  return needsTrust?.(value) === true
}

function parseScalar(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
