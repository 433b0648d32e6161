/** Piscina as its README shows it: `pool.run`, one task per worker. */

import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { Peer, PeerOptions } from './peer.ts'

export async function openPiscina(options: PeerOptions): Promise<Peer> {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./handlers.ts', import.meta.url)),
    minThreads: options.threads,
    maxThreads: options.threads,
  })
  return {
    call: (kind, input) => pool.run(input, { name: kind }),
    close: () => pool.destroy(),
  }
}
