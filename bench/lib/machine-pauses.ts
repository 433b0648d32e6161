/**
 * Pauses of the machine itself, as virtual machines have them: seen by a thread that does nothing but
 * wake up and look at the clock. What is late there was not kept waiting by the code under test.
 */

import { Worker } from 'node:worker_threads'

/** Between two looks, ms. */
const EVERY_MS = 10
/** Later than busy cores make a thread that wants next to nothing of them. */
const PAUSE_MS = 100

const WATCH = `
const { parentPort, workerData: { stop, everyMs, pauseMs } } = require('node:worker_threads')
const word = new Int32Array(stop)
const pauses = []
for (let last = performance.now(); Atomics.wait(word, 0, 0, everyMs) === 'timed-out'; ) {
  const now = performance.now()
  const late = now - last - everyMs
  if (late > pauseMs) pauses.push(late)
  last = now
}
parentPort.postMessage(pauses)
`

export class MachinePauses {
  readonly #stop = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker: Worker
  readonly #pauses: Promise<readonly number[]>

  constructor() {
    this.#worker = new Worker(WATCH, {
      eval: true,
      env: {},
      workerData: { stop: this.#stop.buffer, everyMs: EVERY_MS, pauseMs: PAUSE_MS },
    })
    this.#pauses = new Promise((resolve, reject) => {
      this.#worker.once('message', resolve).once('error', reject)
    })
  }

  /** Ends the watch; how long each pause was, ms. Idempotent. */
  async end(): Promise<readonly number[]> {
    Atomics.store(this.#stop, 0, 1)
    Atomics.notify(this.#stop, 0)
    const pauses = await this.#pauses
    await this.#worker.terminate()
    return pauses
  }
}
