import type { McpCaller } from './caller.ts'

/** A JSON Schema, as short as it can be said. */
export type Schema = Readonly<Record<string, unknown>>

/** What a tool gives back. */
export interface Answer {
  readonly data: Readonly<Record<string, unknown>>
  /** What is shown instead of the data as JSON: long texts, which JSON makes longer. */
  readonly text?: string
}

export type Arguments = Readonly<Record<string, unknown>>

/** One input of a tool. */
export interface ToolInput {
  /** The operation's input that it is, `task.list#status`: its type is taken from there. */
  readonly of?: string
  /** Where it is none: its schema. */
  readonly schema?: Schema
  readonly help?: string
  readonly required?: boolean
}

/** A tool: a choice of operations for agents, under one short name. The surface adds nothing but what to leave out. */
export interface Tool {
  readonly name: string
  readonly description: string
  /** The operations it calls; `*.update` stands for that of every kind. */
  readonly operations: readonly string[]
  readonly inputs: Readonly<Record<string, ToolInput>>
  readonly outputs: Readonly<Record<string, Schema>>
  readonly annotations: { readonly readOnly?: true; readonly idempotent?: true }
  run(caller: McpCaller, args: Arguments, signal: AbortSignal | undefined): Promise<Answer>
}

/** A tool as `tools/list` tells of it. */
export interface ToolDefinition {
  readonly description: string
  readonly inputSchema: Schema
  readonly outputSchema: Schema
  readonly annotations: Readonly<Record<string, boolean>>
}

/** What a surface without the table of operations needs to know of it. */
export interface ToolTable {
  readonly tools: Readonly<Record<string, ToolDefinition>>
  /** Whether an operation may be asked again when nobody knows what became of it. */
  readonly effects: Readonly<Record<string, 'read' | 'write'>>
}

/** An input that is a list of texts, or one of them. */
export function texts(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  return (Array.isArray(value) ? value : [value]).map(String)
}
