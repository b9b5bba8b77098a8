import { z } from 'zod'

interface Property {
  readonly type?: string | readonly string[]
  readonly items?: Property
  readonly anyOf?: readonly Property[]
}

/**
 * An operation's input from the query of an address: a repeated name is an array, numbers, truth values and JSON are read
 * as such where the schema asks for them. What does not fit stays text, for the schema to refuse.
 */
export function inputFromQuery(schema: z.ZodType, query: URLSearchParams): Readonly<Record<string, unknown>> {
  const properties = propertiesOf(schema)
  const read = (name: string): unknown => {
    const property = properties[name]
    const values = query.getAll(name)
    if (property?.type === 'array') return values.map((text) => readValue(text, property.items ?? {}))
    return readValue(values.at(-1) ?? '', property ?? {})
  }
  return Object.fromEntries([...new Set(query.keys())].map((name) => [name, read(name)]))
}

const known = new WeakMap<z.ZodType, Readonly<Record<string, Property>>>()

function propertiesOf(schema: z.ZodType): Readonly<Record<string, Property>> {
  const found = known.get(schema)
  if (found) return found
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, Property>
  }
  const properties = json.properties ?? {}
  known.set(schema, properties)
  return properties
}

function readValue(text: string, { type, anyOf }: Property): unknown {
  const types = [type ?? anyOf?.map((one) => one.type) ?? []].flat(2)
  if (types.includes('string')) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
