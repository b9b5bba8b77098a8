export type FormatName = 'orch' | 'backlog' | 'beads' | 'taskmaster' | 'github' | 'json' | 'markdown'

/** The formats, and how they are called. */
export const IMPORT_FORMATS: Readonly<Record<FormatName, string>> = {
  orch: 'an export of orch',
  backlog: 'Backlog.md',
  beads: 'beads',
  taskmaster: 'Task Master',
  github: 'issues of GitHub',
  json: 'JSON of a home-made system',
  markdown: 'Markdown of a home-made system',
}
