import { OrchError } from '../../base/error.ts'
import { page } from '../../model/kinds/page.ts'
import type { Project } from '../../store/project.ts'
import type { Tx } from '../../store/tx.ts'

/** Templates are pages, so that they are files, edited and merged like everything else. These are made at first use. */
const DEFAULTS: Readonly<Record<string, { readonly title: string; readonly body: string }>> = {
  'session-start': { title: 'Session start', body: '## Goal\n\n{{goal}}\n\n## Tasks\n\n{{tasks}}' },
  'session-end': { title: 'Session end', body: '## Hand-over\n\n{{summary}}\n\n### Artifacts\n\n{{artifacts}}' },
}

/**
 * The text of the template `pages/templates/<name>.md`; one of orch's own is made when it is not there. Throws
 * `record_not_found`.
 */
export function templateText(project: Project, tx: Tx, name: string): string {
  const file = `templates/${name}.md`
  const found = project.recordAt(`${page.folder}/${file}`)
  if (found) return String(tx.read(page, found.id)?.values[page.body] ?? '')
  const own = Object.hasOwn(DEFAULTS, name) ? DEFAULTS[name] : undefined
  if (!own) throw new OrchError('record_not_found', { kind: 'template', id: `${page.folder}/${file}` })
  tx.create(page, own, { file })
  return own.body
}

/** Fills `{{names}}` in; a heading under which nothing is left is left out. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const filled = template.replace(/\{\{(\w+)\}\}/g, (all, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? '') : all,
  )
  const emptied = new Set(template.split('\n').flatMap((line) => headingLeftEmpty(template, line, values)))
  return filled
    .split('\n')
    .filter((line) => !emptied.has(line))
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+|\n+$/g, '')
}

/** A heading whose section is one placeholder that has nothing to say. */
function headingLeftEmpty(template: string, line: string, values: Readonly<Record<string, string>>): readonly string[] {
  if (!/^#{1,6} /.test(line)) return []
  const below = template.slice(template.indexOf(`${line}\n`) + line.length)
  const name = /^\s*\{\{(\w+)\}\}[ \t]*(?:\n|$)/.exec(below)?.[1]
  return name !== undefined && values[name] === '' ? [line] : []
}
