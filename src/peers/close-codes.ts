import type { ErrorCode, OrchError } from '../base/error.ts'

/**
 * Why a wire was closed, as its close code says it. y-websocket's provider gives up on 4400 to 4499 and tries again
 * after every other.
 */
export const closeCodes = {
  leaving: 1001,
  failed: 1011,
  tryLater: 1013,
  malformed: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  unknownRoom: 4404,
  differentProject: 4409,
  twin: 4410,
  moved: 4411,
  tooLarge: 4413,
  otherVersion: 4426,
  /** Never sent: whom this side dialled showed another certificate than the pinned one. */
  wrongCertificate: 4495,
} as const

/** Whether trying again cannot help until somebody changes something. */
export function isPermanent(code: number): boolean {
  return code >= 4400 && code < 4500
}

const codeOf: Partial<Record<ErrorCode, number>> = {
  update_malformed: closeCodes.malformed,
  invalid_input: closeCodes.malformed,
  too_large: closeCodes.tooLarge,
  forbidden: closeCodes.forbidden,
  storage_failed: closeCodes.tryLater,
  read_only: closeCodes.tryLater,
  daemon_stopping: closeCodes.tryLater,
}

/** The close code for a refusal of the project; `failed` for what is nobody's mistake but ours. */
export function closeCodeOf(error: OrchError): number {
  return codeOf[error.code] ?? closeCodes.failed
}

/** What to tell a person about a closed wire. */
export function explainClose(code: number, reason: string): string {
  if (reason !== '') return reason
  switch (code) {
    case 1006:
      return 'the connection was lost'
    case closeCodes.leaving:
      return 'the peer is stopping'
    case closeCodes.unauthorized:
      return 'the peer does not accept the token'
    case closeCodes.unknownRoom:
      return 'the peer has no such project'
    default:
      return `the peer closed the connection (${code})`
  }
}
