/**
 * Why reading a drop or copying it ended early.
 */

/** Staging ends early. `changed`: look again soon; `unread`: rights; `resources`: the machine. */
export class StageFault extends Error {
  override readonly name = 'StageFault'
  readonly kind: 'changed' | 'unread' | 'resources' | 'differs'

  constructor(kind: StageFault['kind'], why: string, options?: { cause?: unknown }) {
    super(why, options)
    this.kind = kind
  }
}
