import type { MirrorBases } from './mirror-bases.ts'

/**
 * Copies what the mirror knows of its files into the database of another project that shows its records in the same
 * folder: so what is saved to a file is still measured against what its writer saw. `idOf` says which record of the
 * other project a file is of.
 */
export function copyMirror(from: MirrorBases, to: MirrorBases, idOf: (id: string) => string): void {
  const signatures = from.signatures()
  to.atomically(() => {
    for (const path of signatures.keys()) {
      const base = from.get(path)
      if (base) to.put({ ...base, id: idOf(base.id) })
      for (const version of from.versions(path, 0).toReversed()) to.addVersion(path, version)
    }
    to.begin(from.intents().map((intent) => ({ ...intent, id: idOf(intent.id) })))
    for (const displaced of from.displaced()) to.keep({ ...displaced, id: idOf(displaced.id) })
    to.sign(signatures)
  })
}
