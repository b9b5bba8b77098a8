import { parseDocument, stringify } from 'yaml'
import { guardYaml } from '../yaml-guard.ts'
import type { Mapping } from './mapping.ts'

/** Reads the text of a mapping file: YAML, of which JSON is a part. */
export function readMappingText(
  text: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string } {
  const fault = guardYaml(text)
  if (fault !== undefined) return { ok: false, reason: `it ${fault.reason}` }
  const document = parseDocument(text, { schema: 'core', prettyErrors: false, logLevel: 'silent' })
  const [error] = document.errors
  return error
    ? { ok: false, reason: `it is no YAML: ${error.message}` }
    : { ok: true, value: document.toJS({ maxAliasCount: 10 }) }
}

/** A mapping as a file of it says it. */
export function printMapping(mapping: Mapping): string {
  const { status, priority, ...rest } = mapping
  return stringify({
    ...rest,
    ...(Object.keys(status).length > 0 && { status }),
    ...(Object.keys(priority).length > 0 && { priority }),
  })
}
