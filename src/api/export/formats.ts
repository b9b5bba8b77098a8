import { backlogFormat, beadsFormat } from './foreign.ts'
import type { ExportFormat } from './format.ts'
import { jsonlFormat } from './jsonl.ts'
import { csvFormat, htmlFormat, markdownFormat } from './readable.ts'

/** The ways to write a project down; the first is the one that keeps everything. */
export const EXPORT_FORMATS: readonly ExportFormat[] = [
  jsonlFormat,
  markdownFormat,
  csvFormat,
  htmlFormat,
  beadsFormat,
  backlogFormat,
]
