/** What the dispatch scenario compares: one handler set, behind four ways to reach a thread. */

/** `echo` answers its input; `short` and `long` burn a fixed time; `spin` burns `input.ms`. */
export type TaskKind = 'echo' | 'short' | 'long' | 'spin'

export interface Peer {
  call(kind: TaskKind, input: unknown): Promise<unknown>
  close(): Promise<void>
}

export type PeerName = 'piscina' | 'raw' | 'floor' | 'headgate'

export interface PeerOptions {
  readonly threads: number
  /** An existing folder for what the peer needs on disk. */
  readonly workDir: string
}
