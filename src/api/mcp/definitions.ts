import { z } from 'zod'
import type { Operation } from '../operation.ts'
import type { Schema, Tool, ToolDefinition, ToolInput, ToolTable } from './tool.ts'

/** Derives what clients are told of the tools. Throws where a tool names an operation or an input that there is not. */
export function toolTable(tools: readonly Tool[], operations: readonly Operation[]): ToolTable {
  return {
    tools: Object.fromEntries(tools.map((tool) => [tool.name, definitionOf(tool, operations)])),
    effects: Object.fromEntries(operations.map(({ name, effect }) => [name, effect])),
  }
}

function definitionOf(tool: Tool, operations: readonly Operation[]): ToolDefinition {
  for (const name of tool.operations) {
    const isThere = name.startsWith('*')
      ? operations.some((one) => one.name.endsWith(name.slice(1)))
      : operations.some((one) => one.name === name)
    if (!isThere) throw new Error(`the tool ${tool.name} has no operation ${name}`)
  }
  const properties = Object.entries(tool.inputs).map(([name, input]) => [name, inputSchema(tool, input, operations)])
  const required = Object.entries(tool.inputs).flatMap(([name, input]) => (input.required ? [name] : []))
  const { readOnly = false, idempotent = false } = tool.annotations
  return {
    description: tool.description,
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(properties),
      ...(required.length > 0 && { required }),
    },
    outputSchema: { type: 'object', properties: tool.outputs },
    annotations: {
      ...(readOnly ? { readOnlyHint: true } : { destructiveHint: false }),
      ...(idempotent && { idempotentHint: true }),
      openWorldHint: false,
    },
  }
}

function inputSchema(tool: Tool, { of, schema, help }: ToolInput, operations: readonly Operation[]): Schema {
  const own = of === undefined ? schema : typeOf(tool, of, operations)
  return { ...own, ...(help !== undefined && { description: help }) }
}

/** The type of an operation's input, without what it says about it. */
function typeOf(tool: Tool, of: string, operations: readonly Operation[]): Schema {
  const [name = '', property = ''] = of.split('#')
  const operation = operations.find((one) => one.name === name)
  const declared = operation && z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' })
  const found = declared?.properties?.[property]
  if (typeof found !== 'object') throw new Error(`the tool ${tool.name} has no input ${of}`)
  const { type, items, enum: choices } = found
  return {
    ...(type !== undefined && { type }),
    ...(typeof items === 'object' && 'type' in items && { items: { type: items.type } }),
    ...(choices && { enum: choices }),
  }
}
