/** Opens a competitor by name; only the one asked for is loaded into the process. */

import type { Peer, PeerName, PeerOptions } from './peer.ts'

export async function openPeer(name: PeerName, options: PeerOptions): Promise<Peer> {
  switch (name) {
    case 'piscina':
      return (await import('./piscina.ts')).openPiscina(options)
    case 'raw':
      return (await import('./raw.ts')).openRaw(options)
    case 'floor':
      return (await import('./floor.ts')).openFloor(options)
    case 'headgate':
      return (await import('./headgate.ts')).openHeadgate(options)
  }
}
