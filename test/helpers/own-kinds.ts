import { loadConfig } from '../../src/config/config.ts'
import { projectKinds } from '../../src/config/declared.ts'
import type { Kinds } from '../../src/model/kind-set.ts'

/** The kinds that a text of `.orchrc` declares, read as the daemon reads it. */
export function kindsOfText(text: string): Kinds {
  const file = { path: '.orchrc', text, isTrusted: false }
  return projectKinds(loadConfig({ file, env: {}, flags: [] }).config, '.orchrc')
}

/** A status, fields of each merge and a kind: what most tests of declarations use. */
export const DECLARED = `
statuses:
  testing: { as: in_progress }
  wontfix: { as: cancelled }
fields:
  task:
    severity: { type: choice, choices: [high, low], help: how bad it is, indexed: true, shown: true }
    effort: { type: number, min: 0 }
    customers: { type: set, help: who waits for it, flag: customer, indexed: true }
    areas: { type: set, flag: area }
    notes: { type: prose, help: what only we know }
    plan: { type: prose }
    votes: { type: counter, help: how many want it }
    reopened: { type: counter, flag: reopen }
    risk: { type: ref, to: risk, indexed: true }
kinds:
  risk:
    letter: k
    help: something that may go wrong
    fields:
      likelihood: { type: number, min: 0, max: 1, shown: true }
      state: { type: choice, choices: [open, mitigated, accepted], default: open, required: true, indexed: true, shown: true }
      owners: { type: set, flag: owner, indexed: true }
      tasks: { type: refs, to: task, flag: task }
      cost: { type: counter }
      reviews: { type: entries }
      plan: { type: prose }
      facts: { type: json }
    closed: { state: [mitigated, accepted] }
    filters:
      unowned: { where: { owners: [null] } }
    order: [state]
`
