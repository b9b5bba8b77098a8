import { reasonOf } from '../base/error.ts'
import type { Problem } from '../model/attention.ts'
import type { Config } from './options.ts'

export interface ConfigDriftParts {
  /** The configuration of the running daemon. */
  readonly config: Config
  /** The text of `.orchrc` now; undefined when there is none. Throws when it cannot be read. */
  readonly read: () => string | undefined
  /** What a daemon would make of a text. Throws `invalid_config`. */
  readonly load: (text: string | undefined) => Config
}

/** Says when `.orchrc` is not what the running daemon has read: it is read at its start. */
export function createConfigDrift({ config, read, load }: ConfigDriftParts): () => readonly Problem[] {
  let looked: { readonly text: string | undefined; readonly problems: readonly Problem[] } | undefined

  const look = (text: string | undefined): readonly Problem[] => {
    const next = load(text)
    const names = Object.keys(config) as (keyof Config)[]
    const changed = names.filter((name) => JSON.stringify(config[name]) !== JSON.stringify(next[name]))
    if (changed.length === 0) return []
    const what = `The daemon has not read the present .orchrc: ${changed.join(', ')} differ`
    return [problemOf(what, '`orch restart` makes it.')]
  }

  return () => {
    try {
      const text = read()
      if (looked && looked.text === text) return looked.problems
      looked = { text, problems: look(text) }
      return looked.problems
    } catch (error) {
      const what = `The daemon will not start with the present .orchrc: ${reasonOf(error)}`
      return [problemOf(what, 'Correct the file; the daemon goes on with what it has read.')]
    }
  }
}

function problemOf(what: string, fix: string): Problem {
  return { kind: 'config', key: 'drift', what, where: '.orchrc', fix }
}
