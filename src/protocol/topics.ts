/**
 * The topics of the status stream and the keys of their rows. No schema library, for pages.
 */

import type { ControlEntryRow, ExecutorRow, PackageRow, SwapReceiptRow } from './status.ts'

export const STATUS_PROTOCOL = 'headgate.status.v1'
export const STATUS_PATH = '/v1/status'
/** Rows of one snapshot part or delta, at most. */
export const ROWS_PER_FRAME = 256

export const STATE_TOPICS = ['executor', 'packages', 'receipts'] as const
export const TOPICS = [...STATE_TOPICS, 'control'] as const
export type StateTopicName = (typeof STATE_TOPICS)[number]
export type TopicName = (typeof TOPICS)[number]

/** What a topic's rows (control: entries) are. */
export interface TopicRows {
  readonly executor: ExecutorRow
  readonly packages: PackageRow
  readonly receipts: SwapReceiptRow
  readonly control: ControlEntryRow
}

/** Keys that `delta.del` names. */
export const rowKey: {
  readonly [T in StateTopicName]: (row: TopicRows[T]) => string
} = {
  executor: () => 'executor',
  packages: (row) => `${row.tenant}::${row.package}`,
  receipts: (row) => String(row.epoch),
}

export function isTopic(name: string): name is TopicName {
  return (TOPICS as readonly string[]).includes(name)
}
