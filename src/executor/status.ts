/** Rows of status, made of the parts as they are now. */

import type { ErrorRecord } from '../base/errors.ts'
import { HEADGATE_VERSION } from '../base/headgate-package.ts'
import type { WorkflowDescriptor } from '../domain/descriptor.ts'
import { describePolicy } from '../domain/version-policy.ts'
import type { SignaturePolicy } from '../domain/signature-policy.ts'
import type { Generation } from '../generation/generation.ts'
import { NETWORK_RESTRICTED } from '../generation/permissions.ts'
import type { SpareThreads } from '../generation/spare-threads.ts'
import type {
  ExecutorRow,
  GenerationRow,
  PackageRow,
  RefusalRow,
  VersionRow,
  WorkflowRow,
} from '../protocol/status.ts'
import type { PackageController } from '../routing/package-controller.ts'
import type { Registry } from '../routing/registry.ts'
import type { RefusedDrop, StagedDrop, WatchStatus } from '../source/source.ts'

export interface ExecutorFacts {
  readonly boot: string
  readonly startedAt: number
  readonly now: number
  readonly state: ExecutorRow['state']
  readonly registry: Registry
  readonly packages: number
  readonly spare: SpareThreads
  readonly abandonedThreads: number
  readonly watch: WatchStatus
  readonly store: ExecutorRow['store']
  readonly permissions: 'on' | 'off'
  readonly signatures: SignaturePolicy
  readonly refused: Iterable<RefusedDrop>
}

export function executorRow(facts: ExecutorFacts): ExecutorRow {
  let threads = facts.spare.threads
  for (const generation of facts.registry.generations()) threads += generation.threads
  const restricted = facts.permissions === 'on' && NETWORK_RESTRICTED
  return {
    boot: facts.boot,
    version: HEADGATE_VERSION,
    node: process.version,
    pid: process.pid,
    startedAt: facts.startedAt,
    now: facts.now,
    epoch: facts.registry.value.epoch,
    state: facts.state,
    packages: facts.packages,
    threads,
    spare: facts.spare.state,
    abandonedThreads: facts.abandonedThreads,
    rssBytes: process.memoryUsage.rss(),
    watch: { ...facts.watch, reason: facts.watch.reason ?? null },
    store: facts.store,
    isolation: { permissions: facts.permissions, network: restricted ? 'restricted' : 'open' },
    signatures: facts.signatures,
    refusals: [...facts.refused]
      .filter((one) => one.package === undefined)
      .map((one) => refusalRow(one, 'drop')),
  }
}

export function generationRow(generation: Generation): GenerationRow {
  const { calls, workflows } = generation.ledger.counts
  return {
    generation: generation.number,
    version: generation.version,
    digest: generation.digest,
    state: generation.state,
    since: generation.since,
    reason: generation.reason,
    threads: generation.threads,
    requests: calls,
    workflows,
    served: generation.tally.served,
    failed: generation.tally.failed,
    exits: generation.exits,
    p50Ms: generation.tally.times.percentile(50),
    p99Ms: generation.tally.times.percentile(99),
    blockers: generation.state === 'draining' ? generation.blockers() : [],
    drainDeadlineAt: generation.drainDeadlineAt,
  }
}

export function refusalRow(
  refused: Omit<RefusedDrop, 'again'> & Pick<RefusalRow, 'again'>,
  stage: RefusalRow['stage'],
  retryAt: number | null = null,
): RefusalRow {
  return {
    entry: refused.entry,
    stage,
    kind: refused.kind,
    tenant: refused.tenant,
    package: refused.package ?? null,
    version: refused.version ?? null,
    digest: refused.digest ?? null,
    error: errorRow(refused.error),
    since: refused.since,
    again: refused.again,
    retryAt,
  }
}

export function packageRow(
  controller: PackageController,
  epoch: number,
  sourceRefusals: readonly RefusedDrop[],
): PackageRow {
  const { catalog, active } = controller
  const shown = active ?? controller.generations()[0]
  const newest = catalog.get(active?.version ?? catalog.versions()[0] ?? '')
  return {
    tenant: controller.tenant,
    package: controller.package,
    description: newest?.description ?? shown?.descriptor?.description ?? null,
    author: newest?.author ?? null,
    epoch,
    policy: describePolicy(controller.policy),
    activeVersion: active?.version ?? null,
    activeGeneration: active?.number ?? null,
    versions: catalog.versions().flatMap((version) => {
      const drop = catalog.get(version)
      if (drop === undefined) return []
      return { ...versionRow(drop), promotion: describePolicy(catalog.promotionOf(version)) }
    }),
    held: Object.fromEntries(controller.held),
    waiting: controller.line.waiting.size,
    generations: controller.generations().map(generationRow),
    refusals: [
      ...catalog
        .refusals()
        .map(({ drop, retryAt, ...facts }) => refusalRow({ ...drop, ...facts }, 'load', retryAt)),
      ...sourceRefusals.map((refused) => refusalRow(refused, 'drop')),
    ],
    workflows: [...workflowRows(controller, shown), ...aliasRows(controller, shown)],
  }
}

function versionRow({
  version,
  digest,
  entry,
  signatures,
  doubt,
}: StagedDrop): Omit<VersionRow, 'promotion'> {
  return {
    version,
    digest,
    entry,
    signatures: signatures.map(({ key, state }) => ({ key, state })),
    doubt: doubt === null ? null : errorRow(doubt),
  }
}

function errorRow(error: ErrorRecord): RefusalRow['error'] {
  return { ...error, details: { ...error.details } }
}

function workflowRows(
  controller: PackageController,
  generation: Generation | undefined,
): WorkflowRow[] {
  return (generation?.descriptor?.workflows ?? []).map((workflow) =>
    workflowRow(controller, workflow, workflow.name),
  )
}

function aliasRows(
  controller: PackageController,
  generation: Generation | undefined,
): WorkflowRow[] {
  return controller.aliases.in(generation?.descriptor).map(({ alias, workflow }) => ({
    ...workflowRow(controller, workflow, alias),
    aliasOf: workflow.name,
  }))
}

function workflowRow(
  { tenant, package: packageName }: PackageController,
  workflow: WorkflowDescriptor,
  name: string,
): WorkflowRow {
  return {
    name,
    description: workflow.description,
    namespace: `${tenant}::${packageName}::${name}`,
    tasks: workflow.tasks.map((task) => ({
      name: task.name,
      after: task.after.map((index) => workflow.tasks[index]?.name ?? ''),
      timeoutMs: task.timeoutMs,
      attempts: task.retry.attempts,
    })),
  }
}
