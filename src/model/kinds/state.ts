import { defineKeys } from '../kind.ts'

export const state = defineKeys('state', {
  plural: 'state',
  help: "the project's current state: JSON values by key, such as currentPhase and overallProgress",
  file: 'state.json',
  table: 'project_state',
})
