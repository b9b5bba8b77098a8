import type { Door } from './api/door.ts'
import type { Mount } from './api/http/mount.ts'

/** What the surfaces over HTTP are made of. */
export interface MountParts {
  readonly door: Door
}

/**
 * What is served over HTTP, each surface loaded at its first request. To add one:
 * `{ path: '/name', load: async (stopping) => (await import('./api/name.ts')).createName({ door, stopping }) }`.
 */
export function mountsOf(_parts: MountParts): readonly Mount[] {
  return []
}
