import { X509Certificate } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { generate } from 'selfsigned'
import { OrchError, reasonOf } from '../../base/error.ts'
import { certificateFiles, ownCertificate } from './tls.ts'

/** A certificate as people and other replicas know it. */
export interface DescribedCertificate {
  /** The file, in PEM. */
  readonly file: string
  /** `sha256:` and the SHA-256 of the certificate's DER form in hex: what replicas pin. */
  readonly pin: string
  readonly names: readonly string[]
  /** ISO time. */
  readonly expiresAt: string
}

/** Pinned, not signed: it is as good at its end as at its beginning, and a change costs every peer a visit. */
const YEARS = 10
const NAME = /^[a-z0-9*]([a-z0-9.-]{0,252})$/i

/** Throws `invalid_config` when the file cannot be read. */
export function describeCertificate(file: string): DescribedCertificate {
  try {
    const certificate = new X509Certificate(readFileSync(file))
    const names = (certificate.subjectAltName ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''))
    return {
      file,
      pin: `sha256:${certificate.fingerprint256.replaceAll(':', '').toLowerCase()}`,
      names: names.filter(Boolean).map((name) => (isIP(name) === 6 ? canonical(name) : name)),
      expiresAt: new Date(certificate.validTo).toISOString(),
    }
  } catch (error) {
    const suggestion = 'Correct tls.cert, or make the file readable. `orch cert --renew` makes one of its own anew.'
    throw new OrchError('invalid_config', { file, reason: reasonOf(error), suggestion })
  }
}

/**
 * The daemon's own certificate, made where there is none and where it is renewed: elliptic curve P-256, signed by
 * itself, for this machine and the names given. Throws `already_exists` for names that the one that is there lacks.
 */
export async function loadOrMakeCertificate(options: {
  readonly dir: string
  readonly names: readonly string[]
  readonly isRenewed: boolean
  readonly now: number
}): Promise<DescribedCertificate & { readonly isNew: boolean }> {
  const files = certificateFiles(options.dir)
  const bad = options.names.find((name) => !NAME.test(name) && isIP(name) === 0)
  if (bad !== undefined)
    throw new OrchError('invalid_input', { field: 'name', reason: `"${bad}" is no name or address` })
  if (ownCertificate(options.dir) && !options.isRenewed) {
    const known = describeCertificate(files.cert)
    const lacks = options.names.filter((name) => !known.names.some((one) => sameName(one, name)))
    if (lacks.length > 0) {
      const what = `A certificate without ${lacks.join(', ')} (--renew makes another, which every peer must be told of)`
      throw new OrchError('already_exists', { what })
    }
    return { ...known, isNew: false }
  }
  const before = ownCertificate(options.dir) ? describeCertificate(files.cert).names : []
  const names = [...new Set([...options.names, ...before, hostname(), 'localhost', '127.0.0.1', '::1'])]
  const made = await generate([{ name: 'commonName', value: names[0] ?? 'orch' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(options.now - 86_400_000),
    notAfterDate: new Date(options.now + YEARS * 365 * 86_400_000),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) =>
          isIP(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
        ),
      },
    ],
  })
  writePrivate(files.key, made.private)
  writePrivate(files.cert, made.cert)
  return { ...describeCertificate(files.cert), isNew: true }
}

/** IPv6 addresses are written in several ways. */
function sameName(one: string, other: string): boolean {
  if (isIP(one) === 6 && isIP(other) === 6) return canonical(one) === canonical(other)
  return one.toLowerCase() === other.toLowerCase()
}

/** An IPv6 address in its shortest form. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

function writePrivate(file: string, text: string): void {
  try {
    writeFileSync(`${file}.new`, text, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  } catch (error) {
    throw new OrchError('read_only', { path: file, reason: reasonOf(error) }, error)
  }
}
