/**
 * Who acts: a person, or an agent. A name alone is a claim; `verified` says whether orch checked it.
 * `system` is orch itself, for what nobody asked for.
 */
export interface Actor {
  readonly name: string
  readonly type: 'person' | 'agent' | 'system'
  readonly verified: boolean
}

const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,63}$/u

/** Whether a text can be an actor's name: 1 to 64 letters, digits, blanks and `._@+-`, beginning with a letter or digit. */
export function isActorName(text: string): boolean {
  return NAME.test(text) && text === text.trim()
}

/** The nearest valid actor name to a text from outside (a git user name, a login), or the fallback. */
export function toActorName(text: string, fallback: string): string {
  const name = text
    .normalize('NFC')
    .replace(/[^\p{L}\p{N} ._@+-]+/gu, ' ')
    .trim()
    .slice(0, 64)
    .trim()
  return isActorName(name) ? name : fallback
}

export const systemActor: Actor = { name: 'orch', type: 'system', verified: true }
