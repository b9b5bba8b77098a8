/** What a purge will find, or has found. It holds nothing of the secret. */
export interface PurgeReport {
  readonly places: number
  readonly rows: number
  readonly records: readonly string[]
  readonly files: readonly string[]
  readonly commits: number
  readonly commitsHit: number
  /** Refs that are not ours and reach the old commits. */
  readonly refs: readonly string[]
  /** After it: what still holds the secret, and could not be reached. */
  readonly left: readonly string[]
}
