/** Records that differ where a test needs it. */

import type {
  KnownVersion,
  NewControlEntry,
  RouteRecord,
  SwapReceipt,
} from '../../src/store/store.ts'

export function entry(change: Partial<NewControlEntry> = {}): NewControlEntry {
  return {
    at: 1_700_000_000_000.25,
    tenant: 'public',
    package: 'mailer',
    version: '1.0.0',
    digest: 'a'.repeat(64),
    generation: 1,
    from: null,
    to: 'staging',
    reason: 'dropped',
    actor: 'watcher',
    ...change,
  }
}

export function route(change: Partial<RouteRecord> = {}): RouteRecord {
  return {
    tenant: 'public',
    package: 'mailer',
    epoch: 1,
    version: '1.0.0',
    digest: 'a'.repeat(64),
    previousVersion: null,
    previousDigest: null,
    policy: { mode: 'auto' },
    held: {},
    ...change,
  }
}

export function known(change: Partial<KnownVersion> = {}): KnownVersion {
  return {
    tenant: 'public',
    package: 'mailer',
    version: '1.0.0',
    digest: 'a'.repeat(64),
    firstSeenAt: 1_700_000_000_000.5,
    ...change,
  }
}

export function receipt(change: Partial<SwapReceipt> = {}): SwapReceipt {
  return {
    epoch: 1,
    at: 1_700_000_000_000,
    tenant: 'public',
    package: 'mailer',
    from: { version: '1.0.0', generation: 1 },
    to: { version: '1.1.0', generation: 2 },
    reason: 'newer version',
    spare: 'hit',
    inFlightAtSwap: 3,
    moved: 2,
    drained: null,
    killed: null,
    lost: null,
    detectMs: 1,
    stageMs: 2,
    loadMs: 3,
    probeMs: 4,
    swapMs: 0.5,
    dropToSwapMs: 11,
    dropToFirstTaskMs: null,
    drainMs: null,
    ...change,
  }
}
