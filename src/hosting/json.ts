/** JSON as it was before the package's code, which may replace it in its thread. */

export const { parse, stringify } = JSON
