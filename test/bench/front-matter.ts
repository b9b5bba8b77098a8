import { parse } from 'yaml'

/** A task's file as a program that scans the mirror would read it: the front matter with a YAML parser, the rest as text. */
export function parseFrontMatter(text: string) {
  const end = text.indexOf('\n---\n', 4)
  const front = parse(text.slice(4, end)) as Readonly<Record<string, unknown>>
  return {
    id: String(front.id),
    text: `${front.title}\n${text.slice(end + 5)}`,
    status: String(front.status),
    labels: (front.labels ?? []) as readonly string[],
    dependencies: (front.dependencies ?? []) as readonly string[],
    hours: Number(front.estimatedHours ?? 0),
    due: String(front.due ?? ''),
  }
}
