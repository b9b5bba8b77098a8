import type { Size } from './watch-screen.ts'

/** A terminal taken over as a whole, and given back as it was. */
export interface FullScreen {
  size(): Size
  /** Replaces what is shown; lines must fit the size. */
  draw(lines: readonly string[]): void
  /** Gives the terminal back; more than once does no harm. */
  close(): void
}

export interface ScreenEvents {
  readonly onResize: () => void
  /** A key, or ctrl-C, that asks for the end. */
  readonly onEnd: () => void
}

const ESC = '\u001b['
/** The alternate screen, so that what was on the terminal is there again afterwards; without a cursor, and long lines are cut. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l${ESC}2J`
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const CTRL_Z = '\u001a'

/** Takes over the terminal of a process until `close`, the end of the process or an unexpected error. */
export function openFullScreen(process: NodeJS.Process, { onResize, onEnd }: ScreenEvents): FullScreen {
  const { stdin, stdout } = process
  let isOpen = false

  const enter = (): void => {
    if (isOpen) return
    isOpen = true
    stdout.write(ENTER)
    if (stdin.isTTY) stdin.setRawMode(true)
  }
  const leave = (): void => {
    if (!isOpen) return
    isOpen = false
    if (stdin.isTTY) stdin.setRawMode(false)
    stdout.write(LEAVE)
  }
  /** In raw mode the terminal does not do that by itself. */
  const suspend = (): void => {
    leave()
    process.kill(process.pid, 'SIGSTOP')
  }
  const resume = (): void => {
    enter()
    onResize()
  }
  const onKeys = (keys: Buffer): void => {
    const text = keys.toString('utf8')
    if (text === CTRL_Z && process.platform !== 'win32') suspend()
    else if ([CTRL_C, CTRL_D, 'q', 'Q'].includes(text)) onEnd()
  }

  enter()
  stdout.on('resize', onResize)
  process.on('SIGCONT', resume)
  // Before Node prints what was wrong: on the alternate screen it would be gone.
  process.on('uncaughtExceptionMonitor', leave)
  process.on('exit', leave)
  if (stdin.isTTY) stdin.on('data', onKeys)

  return {
    size: () => ({ columns: stdout.columns, rows: stdout.rows }),
    draw(lines) {
      if (!isOpen) return
      const text = lines.map((line) => `${line}${ESC}0m${ESC}K`).join('\r\n')
      // Shown at once, where the terminal knows how: nobody sees half of it.
      stdout.write(`${ESC}?2026h${ESC}H${text}${ESC}J${ESC}?2026l`)
    },
    close() {
      leave()
      stdout.off('resize', onResize)
      process.off('SIGCONT', resume)
      process.off('uncaughtExceptionMonitor', leave)
      process.off('exit', leave)
      stdin.off('data', onKeys).pause()
    },
  }
}
