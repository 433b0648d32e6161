/**
 * The header Content-Digest (RFC 9530), of which sha-256 is spoken here.
 */

export const CONTENT_DIGEST_HEADER = 'content-digest'

/** 32 bytes in base64, between the colons of a structured field. */
const SHA_256 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?=,|;|$)/

/** Hexadecimal, lower case; null: it names no sha-256. */
export function parseContentDigest(value: string): string | null {
  const base64 = SHA_256.exec(value)?.[1]
  if (base64 === undefined) return null
  return Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join(
    '',
  )
}

export function contentDigest(sha256: ArrayBuffer): string {
  return `sha-256=:${btoa(String.fromCharCode(...new Uint8Array(sha256)))}:`
}
