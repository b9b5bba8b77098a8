import { isUtf8 } from 'node:buffer'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { OrchError, toOrchError } from '../../base/error.ts'
import { request } from '../client.ts'
import type { CliContext, Environment, RepositoryContext } from '../context.ts'
import { callerOf, inRepository, printResult } from '../run.ts'

interface Opened {
  readonly id: string
  /** Below the mirror directory. */
  readonly file: string
  readonly text: string
}

interface Edited {
  readonly message: string
}

/** `orch edit`: a private copy in the person's editor, then what they changed is merged. */
export async function edit(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  const context = inRepository(cli)
  const opened = (await request(context, { op: 'record.text', input: { id: input.id } })) as Opened
  const copy = writeCopy(context, opened)
  for (;;) {
    try {
      const result = await editOnce(context, opened, copy)
      rmSync(dirname(copy), { recursive: true, force: true })
      printResult(context, result, { type: 'text', field: 'message' })
      return 0
    } catch (error) {
      const refusal = toOrchError(error)
      if (!(await wantsAgain(cli, refusal))) throw kept(cli, refusal, copy, opened.text)
    }
  }
}

/** Throws what the editor or the daemon refuses; the copy stays as it is. */
async function editOnce(context: RepositoryContext, { id, text: base }: Opened, copy: string): Promise<Edited> {
  await runEditor(editorOf(context.env), copy, context.env)
  const bytes = readCopy(copy)
  if (bytes === undefined) throw new OrchError('usage', { reason: 'The editor left no file. Nothing was changed' })
  if (!isUtf8(bytes)) throw new OrchError('invalid_input', { field: 'text', reason: 'it is not UTF-8' })
  const text = bytes.toString('utf8')
  if (text === base) return { message: 'Nothing was changed.' }
  const actor = callerOf(context)
  const session = context.env.ORCH_SESSION
  return (await request(context, {
    op: 'record.edit',
    input: { id, base, text },
    ...(actor && { actor }),
    ...(session && { session }),
  })) as Edited
}

/** A copy that only its owner reads, under the name of the file, so that editors know what it is. */
function writeCopy({ paths }: RepositoryContext, { file, text }: Opened): string {
  const place = join(paths.dir, 'edit')
  mkdirSync(place, { recursive: true, mode: 0o700 })
  const copy = join(mkdtempSync(join(place, 'copy-')), basename(file))
  writeFileSync(copy, text, { mode: 0o600 })
  return copy
}

function editorOf(env: Environment): string {
  return env.VISUAL || env.EDITOR || (process.platform === 'win32' ? 'notepad' : 'vi')
}

/** Runs an editor, which may be a command with arguments, until it ends. Throws `usage` when it fails. */
async function runEditor(editor: string, file: string, env: Environment): Promise<void> {
  const [program, args, shell] =
    process.platform === 'win32'
      ? [`${editor} "${file}"`, [], true]
      : ['/bin/sh', ['-c', `${editor} "$@"`, editor, file], false]
  // Ctrl-C is the editor's while it runs.
  const ignore = (): void => undefined
  process.on('SIGINT', ignore)
  try {
    const how = await new Promise<string | undefined>((resolve) => {
      const child = spawn(program, args, { stdio: 'inherit', env: env as NodeJS.ProcessEnv, shell })
      child.on('error', ({ message }) => resolve(message))
      child.on('exit', (code, signal) => resolve(code === 0 ? undefined : `it ended with ${code ?? signal}`))
    })
    if (how === undefined) return
    throw new OrchError('usage', { reason: `The editor "${editor}" failed: ${how}. Nothing was changed` })
  } finally {
    process.off('SIGINT', ignore)
  }
}

async function wantsAgain({ terminal, globals }: CliContext, refusal: OrchError): Promise<boolean> {
  if (!terminal.canAsk || globals.json) return false
  terminal.err(`error: ${refusal.message}\n`)
  return await terminal.confirm('Edit it again?')
}

/** The refusal, with the place of the text that was written; the copy goes when nothing was. */
function kept({ terminal, globals }: CliContext, refusal: OrchError, copy: string, base: string): OrchError {
  const written = readCopy(copy)
  if (written === undefined || written.equals(Buffer.from(base))) {
    rmSync(dirname(copy), { recursive: true, force: true })
    return refusal
  }
  if (!globals.json) terminal.err(`What you wrote is kept: ${copy}\n`)
  return new OrchError(refusal.code, { ...refusal.data, kept: copy }, refusal)
}

function readCopy(copy: string): Buffer | undefined {
  try {
    return readFileSync(copy)
  } catch {
    // Whatever it is, the text is not there for us.
    return undefined
  }
}
