import type { Problem } from '../model/attention.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { Undeclared } from '../store/project.ts'

/**
 * What is in the document and is declared by other replicas, or was declared here before: it is kept and goes on to others,
 * but only a declaration shows it.
 */
export function undeclaredProblems(kinds: Kinds, found: readonly Undeclared[]): readonly Problem[] {
  return found.map(({ root, field, count, letter }): Problem => {
    const kind = kinds.records.find(({ plural }) => plural === root)
    const records = count === 1 ? 'record' : 'records'
    const key = `undeclared ${root} ${field}`
    const kept = 'It is kept, and goes on to other replicas.'
    if (field === '') {
      return {
        kind: 'config',
        key,
        where: '.orchrc',
        what: kind
          ? `${count} ${records} of ${root} have ids with the letter ${letter}, and here ${kind.name} has the letter ${kind.letter}: they are not shown`
          : `${count} ${records} of a kind that is not declared here, ${root}, are not shown`,
        fix: `${kept} Declare it under \`kinds:\` as the others do (plural ${root}, letter ${letter}), then \`orch restart\`.`,
      }
    }
    const [name = '', merge] = field.split(':')
    const of = kind?.name ?? root
    return {
      kind: 'config',
      key,
      where: '.orchrc',
      what: `${count} ${of} ${records} have a value of ${name}${merge === undefined ? '' : ` (${merge})`}, which is not declared here: it is not shown`,
      fix:
        merge === undefined
          ? `${kept} A newer version of orch may know it.`
          : `${kept} Declare the field ${name} of ${of} as the others do, then \`orch restart\`.`,
    }
  })
}
