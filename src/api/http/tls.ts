import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { OrchError, reasonOf } from '../../base/error.ts'
import type { Logger } from '../../base/log.ts'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Where the two are. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** Where the certificate is that is made for this daemon. */
export function certificateFiles(privateDir: string): CertificateFiles {
  return { cert: join(privateDir, 'cert.pem'), key: join(privateDir, 'key.pem') }
}

/** That certificate; undefined while there is none. */
export function ownCertificate(privateDir: string): CertificateFiles | undefined {
  const files = certificateFiles(privateDir)
  return existsSync(files.cert) && existsSync(files.key) ? files : undefined
}

/** The certificate of a server, from files that somebody renews. */
export interface TlsFiles {
  /** Throws `invalid_config` when it cannot be read. */
  read(): Certificate
  /** Tells of each new certificate until the returned function is called. */
  follow(changed: (certificate: Certificate) => void): () => void
}

const LOOK_MS = 30_000

export function createTlsFiles(parts: {
  readonly cert: string
  readonly key: string
  readonly clock: Clock
  readonly log: Logger
}): TlsFiles {
  const { clock, log } = parts
  const readOne = (file: string): string => {
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      const suggestion = 'Correct tls.cert and tls.key, or make the files readable.'
      throw new OrchError('invalid_config', { file, reason: reasonOf(error), suggestion })
    }
  }
  const read = (): Certificate => ({ cert: readOne(parts.cert), key: readOne(parts.key) })
  const stampOf = (): string =>
    [parts.cert, parts.key].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0).join(' ')
  return {
    read,
    follow(changed) {
      let known = stampOf()
      let cancel: () => void
      const look = (): void => {
        const stamp = stampOf()
        if (stamp !== known) {
          try {
            changed(read())
            known = stamp
            log.info('the certificate was renewed')
          } catch (error) {
            // Between the two files being written they do not fit; the old one serves until they do.
            log.warn('the new certificate cannot be used yet', { error })
          }
        }
        cancel = clock.after(LOOK_MS, look)
      }
      cancel = clock.after(LOOK_MS, look)
      return () => cancel()
    },
  }
}
