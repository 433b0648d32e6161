/**
 * How `headgate` ends: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused or conflict, 5 unreachable,
 * 124 timeout, 129 terminal closed, 130 interrupted, 143 terminated.
 */

import type { HeadgateError } from '../base/errors.ts'

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unreachable: 5,
  timeout: 124,
  interrupted: 130,
  hungUp: 129,
  terminated: 143,
} as const

/** Codes whose HTTP status alone would say the wrong thing on a command line. */
const BY_CODE: Readonly<Record<string, number>> = {
  UNREACHABLE: EXIT.unreachable,
  TASK_TIMEOUT: EXIT.timeout,
  CALL_TIMEOUT: EXIT.timeout,
  LOAD_TIMEOUT: EXIT.timeout,
  TASK_ABORTED: EXIT.interrupted,
  PORT_IN_USE: EXIT.refused,
  HOST_REFUSED: EXIT.refused,
  DATA_DIR_IN_USE: EXIT.refused,
  CWD_EXPOSED: EXIT.refused,
  NO_ACTIVE_VERSION: EXIT.refused,
  EXECUTOR_CLOSING: EXIT.refused,
}

const BY_STATUS: Readonly<Record<number, number>> = {
  400: EXIT.usage,
  401: EXIT.refused,
  403: EXIT.refused,
  404: EXIT.notFound,
  409: EXIT.refused,
  413: EXIT.refused,
  422: EXIT.refused,
  429: EXIT.refused,
}

export function exitCodeOf(error: HeadgateError): number {
  return BY_CODE[error.code] ?? BY_STATUS[error.status] ?? EXIT.failed
}
