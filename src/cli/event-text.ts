import pc from 'picocolors'
import type { Activity } from '../api/protocol.ts'
import { truncate } from '../base/width.ts'
import type { CliContext } from './context.ts'
import { type Look, oneLine } from './render.ts'
import { JSON_FORMAT, lookOf } from './run.ts'

/** Something that happened, as one line of output. */
export function eventText(context: CliContext, event: Activity): string {
  return context.globals.json ? JSON.stringify({ orch: JSON_FORMAT, event }) : eventLine(event, lookOf(context))
}

/** Something that happened: when, who, what. In a pipe it is never cut. */
export function eventLine({ at, actor, text }: Activity, { color, columns }: Look): string {
  const colors = pc.createColors(color)
  const time = new Date(at).toTimeString().slice(0, 8)
  const who = oneLine(actor)
  const what = oneLine(text)
  const room = columns === undefined ? undefined : columns - time.length - who.length - 4
  return `${colors.dim(time)}  ${colors.cyan(who)}  ${room === undefined ? what : truncate(what, Math.max(10, room))}`
}
