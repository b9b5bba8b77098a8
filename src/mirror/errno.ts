import { getSystemErrorMap } from 'node:util'
import { reasonOf } from '../base/error.ts'

/** The code of a system error, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** A failure of the system by its number, as Node's own calls throw it. */
export function systemError(errno: number, call: string): Error {
  const [code = 'UNKNOWN', words = `error ${errno}`] = getSystemErrorMap().get(-errno) ?? []
  return Object.assign(new Error(`${code}: ${words}, ${call}`), { code, errno: -errno, syscall: call })
}

/** Why the disk refused something, without the names of our own files in it: `EACCES: permission denied`. */
export function diskReason(error: unknown): string {
  const reason = reasonOf(error)
  return errnoOf(error) === undefined ? reason : (/^E[A-Z0-9]+: [^,]+/.exec(reason)?.[0] ?? reason)
}
