/**
 * Why a package cannot serve, found while its code was imported or started: the error inside the
 * thread, and the coded one the operator sees.
 */

import { HeadgateError } from '../base/errors.ts'

export type RefusalPhase = 'import' | 'typescript' | 'definition' | 'config' | 'setup' | 'probe'

export class LoadRefusal extends Error {
  readonly phase: RefusalPhase
  /** Of phase `config`: what is missing, as CONFIG_MISSING names it. */
  readonly what: string | undefined

  constructor(
    phase: RefusalPhase,
    message: string,
    { what, ...options }: { readonly what?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options)
    this.phase = phase
    this.what = what
  }
}

/** The coded error of a LoadRefusal; anything else as it is. */
export function codedRefusal(error: unknown, identity: PackageIdentity): unknown {
  if (!(error instanceof LoadRefusal)) return error
  const { phase, message, what, cause } = error
  const stack = cause instanceof Error ? cause.stack : undefined
  return refusalError({ phase, message, what, stack }, identity)
}

interface PackageIdentity {
  readonly tenant: string
  readonly package: string
  readonly version: string
}

export interface RefusalFacts {
  readonly phase: RefusalPhase
  readonly message: string
  readonly what?: string | undefined
  readonly stack?: string | undefined
}

export function refusalError(refusal: RefusalFacts, identity: PackageIdentity): HeadgateError {
  const { tenant, package: name, version } = identity
  const details = { tenant, package: name, version, why: refusal.message, stack: refusal.stack }
  switch (refusal.phase) {
    case 'import':
    case 'definition':
      return new HeadgateError('LOAD_FAILED', details)
    case 'typescript':
      return new HeadgateError('UNSUPPORTED_TYPESCRIPT', details)
    case 'config':
      return new HeadgateError('CONFIG_MISSING', {
        ...details,
        what: refusal.what ?? 'configuration',
      })
    case 'setup':
      return new HeadgateError('SETUP_FAILED', details)
    case 'probe':
      return new HeadgateError('PROBE_FAILED', details)
  }
}
