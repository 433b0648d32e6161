/**
 * Gathers what rows and receipts say of a version and has it explained (domain/why.ts).
 *
 * Owns: which refusals belong to a version, and which drops without a name are meant by one.
 * Does not own: the verdict and its words.
 */

import { HeadgateError } from '../base/errors.ts'
import { checkName } from '../domain/names.ts'
import type { PackagePolicy } from '../domain/route.ts'
import { allows, compareVersions, parsePolicy } from '../domain/version-policy.ts'
import { type RefusalFacts, type VersionFacts, explainVersion } from '../domain/why.ts'
import { unknownPackage } from '../domain/unknown-package.ts'
import type { PackageRow, RefusalRow, SwapReceiptRow } from '../protocol/status.ts'
import type { ExplainedVersion, WhyAnswer } from '../protocol/why.ts'
import { highestSelfPromoting } from '../routing/target.ts'
import type { Executor } from './api.ts'

export interface WhyQuery {
  readonly tenant: string
  /** Of a package, or of an entry that was refused before it had one. */
  readonly package: string
  /** Exact; default: all versions of which something is known. */
  readonly version?: string | undefined
}

/** Swaps of one package that are looked through for the one that explains a version. */
const RECEIPTS_READ = 100

/**
 * Of a package that is gone it tells what served last. Throws NAME_INVALID, UNKNOWN_PACKAGE,
 * NO_MATCHING_VERSION.
 */
export async function explainPackage(
  executor: Pick<Executor, 'package' | 'packages' | 'receipts' | 'status'>,
  query: WhyQuery,
): Promise<WhyAnswer> {
  const { tenant, package: name, version } = query
  const row = executor.package(tenant, name)
  const nameless = executor.status().refusals.filter((refusal) => isMeant(refusal, query))
  const named = row === undefined ? ofEntry(executor, query) : undefined
  if (named !== undefined && nameless.length === 0) return explainPackage(executor, named)
  // Not otherwise: the entry that was refused may be called anything.
  if (nameless.length === 0) checkName('package', name)
  const receipts = await executor.receipts({ tenant, package: name, limit: RECEIPTS_READ })
  const known = row === undefined ? versionsServed(receipts) : versionsOf(row)
  if (known.length + nameless.length === 0) throw unknownPackage(query, whatThereIs(executor))
  const asked = version === undefined ? known : known.filter((one) => one === version)
  const versions = [
    ...asked.map((one) =>
      row === undefined ? explainedGone(one, receipts) : explained(row, one, receipts),
    ),
    ...nameless.map(explainedDrop),
  ]
  if (versions.length > 0) return { tenant, package: name, versions }
  const present = row === undefined ? [] : known
  throw new HeadgateError('NO_MATCHING_VERSION', { package: name, wanted: version, present })
}

/** The version that a refused entry of this name says it is. */
function ofEntry(
  executor: Pick<Executor, 'packages'>,
  { tenant, package: entry }: WhyQuery,
): WhyQuery | undefined {
  for (const row of executor.packages()) {
    const found = row.tenant === tenant && row.refusals.find((one) => one.entry === entry)
    if (found) return { tenant, package: row.package, version: found.version ?? undefined }
  }
  return undefined
}

/** All that something is known of, highest first. */
function versionsOf(row: PackageRow): string[] {
  const versions = new Set([
    ...row.versions.map(({ version }) => version),
    ...row.generations.map(({ version }) => version),
    ...row.refusals.flatMap(({ version }) => version ?? []),
  ])
  return [...versions].sort((a, b) => compareVersions(b, a))
}

/** Of a package of which nothing is here any more; the last one first. */
function versionsServed(receipts: readonly SwapReceiptRow[]): string[] {
  return [...new Set(receipts.map(({ to }) => to.version))]
}

function explained(
  row: PackageRow,
  version: string,
  receipts: readonly SwapReceiptRow[],
): ExplainedVersion {
  const staged = row.versions.find((one) => one.version === version)
  const refusals = row.refusals.filter((one) => one.version === version)
  // Of what lies in the folder, complete: another drop that was refused does not concern it.
  const own = refusals.find(
    (one) => staged === undefined || (one.stage === 'load' && one.digest === staged.digest),
  )
  const generation = row.generations
    .filter((one) => one.version === version)
    .sort((a, b) => b.generation - a.generation)[0]
  const serves = row.activeVersion === version
  const shown = serves
    ? row.generations.find((one) => one.generation === row.activeGeneration)
    : generation
  const facts: VersionFacts = {
    version,
    entry: staged?.entry ?? null,
    policy: policyFor(row, version, serves),
    activeVersion: row.activeVersion,
    best: bestOf(row),
    held: row.held[version] ?? null,
    refusal: own === undefined ? null : refusalFacts(own),
    impostors: refusals.filter((one) => one !== own).map(refusalFacts),
    generation:
      shown === undefined
        ? null
        : {
            number: shown.generation,
            state: shown.state,
            since: shown.since,
            reason: shown.reason,
            exits: shown.exits,
          },
    epoch: serves ? epochOf(receipts, row.activeGeneration) : null,
    replaced: serves ? null : replacedBy(receipts, version),
    signatures: staged?.signatures ?? [],
    doubt: staged?.doubt ?? null,
  }
  const { verdict, summary, details } = explainVersion(facts)
  return {
    version,
    entry: staged?.entry ?? own?.entry ?? null,
    verdict,
    summary,
    details: [...details],
    refusal: own ?? null,
    generation: shown?.generation ?? null,
  }
}

/** What stands in the version's way: the policy in force, or else what it says of itself. */
function policyFor(row: PackageRow, version: string, serves: boolean): PackagePolicy {
  const policy = parsePolicy(row.policy)
  const own = row.versions.find((one) => one.version === version)
  if (serves || own === undefined || !allows(policy, version)) return policy
  return parsePolicy(own.promotion)
}

function bestOf(row: PackageRow): string | null {
  const failed = row.refusals.filter(({ stage }) => stage === 'load')
  const refused = new Set(failed.flatMap(({ digest }) => digest ?? []))
  const candidates = row.versions
    .filter(({ digest }) => !refused.has(digest))
    .map(({ version, promotion }) => ({ version, promotion: parsePolicy(promotion) }))
  const held = new Map(Object.entries(row.held))
  return highestSelfPromoting(candidates, parsePolicy(row.policy), held)
}

/** Nothing is known but what was. */
const NOTHING: Omit<VersionFacts, 'version'> = {
  entry: null,
  policy: { mode: 'auto' },
  activeVersion: null,
  best: null,
  held: null,
  refusal: null,
  impostors: [],
  generation: null,
  epoch: null,
  replaced: null,
  signatures: [],
  doubt: null,
}

function explainedGone(version: string, receipts: readonly SwapReceiptRow[]): ExplainedVersion {
  const facts = { ...NOTHING, version, replaced: replacedBy(receipts, version) }
  const { verdict, summary, details } = explainVersion(facts)
  const all = [...details, 'No version of the package is left: its calls are refused.']
  return { version, entry: null, verdict, summary, details: all, refusal: null, generation: null }
}

/** A drop that was refused before its package.json was read. */
function explainedDrop(refusal: RefusalRow): ExplainedVersion {
  const { verdict, summary, details } = explainVersion({
    ...NOTHING,
    version: null,
    refusal: refusalFacts(refusal),
  })
  const { entry } = refusal
  return {
    version: null,
    entry,
    verdict,
    summary,
    details: [...details],
    refusal,
    generation: null,
  }
}

function refusalFacts({ entry, kind, error, since, again, retryAt }: RefusalRow): RefusalFacts {
  return { entry, kind, code: error.code, message: error.message, since, again, retryAt }
}

/** Receipts are newest first. */
function epochOf(receipts: readonly SwapReceiptRow[], generation: number | null): number | null {
  return receipts.find(({ to }) => to.generation === generation)?.epoch ?? null
}

function replacedBy(
  receipts: readonly SwapReceiptRow[],
  version: string,
): VersionFacts['replaced'] {
  const found = receipts.find(({ from, to }) => from?.version === version && to.version !== version)
  if (found === undefined) return null
  const { to, at, epoch, reason } = found
  return { by: to.version, at, epoch, reason }
}

/**
 * A drop whose package.json was not read has no name but its entry's. It is meant by that name, and
 * by the package (and version) after which entries are called by custom: `name`, `name-1.2.0`,
 * `name@1.2.0`, with or without `.tgz`.
 */
function isMeant(refusal: RefusalRow, { tenant, package: name, version }: WhyQuery): boolean {
  if (refusal.tenant !== tenant) return false
  const own = refusal.entry.split('/').at(-1) ?? ''
  if (own === (version === undefined ? name : `${name}@${version}`)) return true
  const entry = own.replace(/\.tgz$/, '')
  const plain = name.split('/').at(-1) ?? name
  if (entry === plain) return true
  if (version !== undefined)
    return entry === `${plain}-${version}` || entry === `${plain}@${version}`
  return entry.startsWith(plain) && /^[-@]v?\d/.test(entry.slice(plain.length))
}

/** What was refused may be called anything: entries count, too. */
function whatThereIs(
  executor: Pick<Executor, 'packages' | 'status'>,
): Pick<PackageRow, 'tenant' | 'package'>[] {
  const entries = executor.status().refusals
  return [
    ...executor.packages(),
    ...entries.map(({ tenant, entry }) => ({ tenant, package: entry })),
  ]
}
