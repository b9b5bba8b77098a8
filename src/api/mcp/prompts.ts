import { completable, type GetPromptResult, type McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { DEFAULT_BUDGET } from './answer.ts'
import type { McpCaller } from './caller.ts'
import { suggestions } from './resources.ts'
import { readOne } from './tools/records.ts'

/** What a person asks their agent for by name: each brings the state it is about along. */
export function addPrompts(server: McpServer, caller: McpCaller): void {
  const taskId = z.string().describe('the task')
  const task = completable(taskId, (value) => suggestions(caller, 'task', value)).optional()
  const about = async (id: string | undefined): Promise<string> => {
    if (id === undefined) return ''
    const { text } = await readOne(caller, id, { budget: DEFAULT_BUDGET }, undefined)
    return `\n\n${text}`
  }

  server.registerPrompt(
    'start',
    { description: 'Start work: on a task, or on what is ready', argsSchema: z.object({ task }) },
    async (args) =>
      said(
        `Read context first. ${args.task ? `Claim ${args.task}` : 'Claim the best task that is ready and fits you'}, set the goal of your session, and say in a line what you will do. Log what you did as you go, and publish decisions and findings that others need.${await about(args.task)}`,
      ),
  )
  server.registerPrompt(
    'handover',
    {
      description: 'Hand over: leave your work so that another can go on',
      argsSchema: z.object({ task, to: z.string().describe('who goes on').optional() }),
    },
    async (args) =>
      said(
        `Hand your work over${args.to ? ` to ${args.to}` : ''}. Bring each task you hold up to date: its status, and a comment with what is done, what is not, and what you tried. Publish a handoff${args.to ? ` with audience ["${args.to}"]` : ''} that says what comes next. Release your tasks, then end your session with the same as its summary.${await about(args.task)}`,
      ),
  )
  server.registerPrompt(
    'review',
    { description: 'Review a task that is in review', argsSchema: z.object({ task }) },
    async (args) =>
      said(
        `Review ${args.task ?? 'the task that waits longest for a review (find where status is review)'}: what was asked for, what was done, whether it is shown to work. Say what you found in a comment; then set its status to completed, or back to in_progress with what is missing.${await about(args.task)}`,
      ),
  )
}

function said(text: string): GetPromptResult {
  return { messages: [{ role: 'user', content: { type: 'text', text } }] }
}
