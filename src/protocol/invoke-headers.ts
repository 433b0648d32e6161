/** Answer headers that say what an invoke ran on. No schema library, for pages. */

export const VERSION_HEADER = 'headgate-version'
export const GENERATION_HEADER = 'headgate-generation'
export const EPOCH_HEADER = 'headgate-epoch'
