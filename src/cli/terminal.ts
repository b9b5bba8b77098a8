import type { Readable, Writable } from 'node:stream'

/** Where a command prints and asks. */
export interface Terminal {
  readonly isTty: boolean
  /** Whether somebody sits at it who can be asked. */
  readonly canAsk: boolean
  readonly hasColor: boolean
  readonly columns: number
  out(text: string): void
  err(text: string): void
  /** Shows how far something has got, over what it showed before; nothing where nobody watches. */
  progress(text: string): void
  /** All of standard input; undefined when it is a terminal. */
  readInput(): Promise<string | undefined>
  /** Asks a question that is answered with y or n; anything else counts as no. */
  confirm(question: string): Promise<boolean>
}

/** Streams as the process has them. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean }
}

/** The terminal of this process. */
export function createTerminal(
  { stdin, stdout, stderr }: Streams,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  // `orch task list | head` closes the pipe early, which is no failure.
  stdout.on('error', () => undefined)
  let shown = false
  const clear = (): void => {
    if (shown) stderr.write('\r\u001b[K')
    shown = false
  }
  return {
    isTty: stdout.isTTY === true,
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    hasColor: (stdout.isTTY === true || isSet(env.FORCE_COLOR)) && !isSet(env.NO_COLOR) && env.TERM !== 'dumb',
    columns: stdout.columns ?? 80,
    out(text) {
      clear()
      stdout.write(text)
    },
    err(text) {
      clear()
      stderr.write(text)
    },
    progress(text) {
      if (stderr.isTTY !== true) return
      stderr.write(`\r\u001b[K${text}`)
      shown = true
    },
    async readInput() {
      if (stdin.isTTY === true) return undefined
      const chunks: Buffer[] = []
      for await (const chunk of stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString('utf8')
    },
    async confirm(question) {
      const { createInterface } = await import('node:readline/promises')
      const reader = createInterface({ input: stdin, output: stderr })
      try {
        return /^y(es)?$/i.test((await reader.question(`${question} [y/N] `)).trim())
      } finally {
        reader.close()
      }
    },
  }
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0'
}
