import { OrchError } from '../../base/error.ts'
import { doAgents, isLocalOnly, planAgents, type Step } from '../agents/setup.ts'
import type { RepositoryContext } from '../context.ts'

/** Shows what telling agents of orch changes, asks, and does it; undefined when the answer was no. */
export async function setUpAgents(context: RepositoryContext, yes: boolean): Promise<readonly Step[] | undefined> {
  const { terminal, globals } = context
  const steps = planAgents(context)
  const todo = steps.filter(({ text }) => text !== undefined)
  if (!globals.json) terminal.err(planText(context, steps))
  if (todo.length > 0) {
    if (!yes && !terminal.canAsk)
      throw new OrchError('usage', { reason: 'Nobody can be asked here; add --yes to do it' })
    if (!yes && !(await terminal.confirm('Write these?'))) return undefined
    doAgents(context, todo)
  }
  return steps
}

function planText(context: RepositoryContext, steps: readonly Step[]): string {
  const width = Math.max(...steps.map(({ file }) => file.length))
  const rows = steps.map((step) => `  ${step.file.padEnd(width)}  ${wordsOf(step)}`)
  const note = isLocalOnly(context)
    ? [
        '`orch` is not on the PATH, so what is written names this program by where it is: it works on this machine only.',
      ]
    : []
  return [
    'So that agents know of orch, in files that git sees; what is in them stays as it is:',
    ...rows,
    ...note,
    'uninstall takes out what is put in.',
    '',
  ].join('\n')
}

function wordsOf({ does, what, reason }: Step): string {
  switch (does) {
    case 'make':
      return `new: ${what}`
    case 'add':
      return `add: ${what}`
    case 'nothing':
      return `as it should be: ${what}`
    case 'left':
      return `left alone, ${reason}: ${what}`
  }
}
