import type { MirrorBases } from './mirror-bases.ts'

/**
 * Copies what the mirror knows of its files into the database of another project that shows its records in the same
 * folder: so what is saved to a file is still measured against what its writer saw. `idOf` says which record of the
 * other project a file is of; undefined when it has none, and the file is new to it.
 */
export function copyMirror(
  from: MirrorBases,
  to: MirrorBases,
  idOf: (one: { readonly kind: string; readonly id: string }) => string | undefined,
): void {
  const theirs = <T extends { readonly kind: string; readonly id: string }>(one: T): readonly T[] => {
    const id = idOf(one)
    return id === undefined ? [] : [{ ...one, id }]
  }
  const signatures = from.signatures()
  to.atomically(() => {
    for (const path of signatures.keys()) {
      const base = from.get(path)
      for (const one of base ? theirs(base) : []) to.put(one)
      for (const version of from.versions(path, 0).toReversed()) to.addVersion(path, version)
    }
    to.begin(from.intents().flatMap(theirs))
    for (const displaced of from.displaced().flatMap(theirs)) to.keep(displaced)
    to.sign(signatures)
  })
}
