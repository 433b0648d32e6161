/** A run as lines of text, as it happens. */

import type { RunEvent } from '../testing/run-events.ts'
import { plain } from './terminal.ts'

export function renderRunEvent(event: RunEvent): string {
  const { task } = event
  const name = task === null ? 'package' : task.slice(task.indexOf('::') + 2)
  return `${plain(name)}: ${plain(describe(event))}`
}

function describe(event: RunEvent): string {
  switch (event.type) {
    case 'log': {
      const fields = event.fields === null ? '' : ` ${event.fields}`
      return `[${event.level}] ${event.message}${fields}`
    }
    case 'progress': {
      const note = event.note === null ? '' : ` ${event.note}`
      return `${Math.round(event.fraction * 100)} %${note}`
    }
    case 'begun':
      return `attempt ${event.attempt} begins`
    case 'ended': {
      const { attempt, outcome, tookMs, error, retryInMs } = event
      const why = error === null ? '' : `, ${error.code}: ${error.message}`
      const next = retryInMs === null ? '' : `; again in ${Math.round(retryInMs)} ms`
      return `attempt ${attempt} ${outcome} after ${tookMs.toFixed(1)} ms${why}${next}`
    }
  }
}
