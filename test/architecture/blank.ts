/**
 * Source text with comments and the contents of strings blanked out, so that plain patterns see
 * code only. Every character keeps its place: an offset found in the blanked text is the offset in
 * the source.
 *
 * TypeScript 7 offers no parser to programs; this scanner knows just the four things that can hide
 * code or look like it: comments, strings, templates (their `${…}` is code) and regular expressions.
 */

/** After one of these a slash begins a regular expression, after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|await|yield|void))\s*$/

export function blank(source: string): string {
  const out = source.replaceAll(/[^\n]/g, ' ').split('')
  const text = source
  /** Brace depth of the code around each open template. */
  const templates: number[] = []
  let depth = 0
  let i = 0
  let lastCode = 0

  const keep = (length = 1): void => {
    for (let n = 0; n < length; n++, i++) out[i] = text.charAt(i)
    lastCode = i
  }

  /** From behind a backquote or a `}` to the end of the template or its next `${`. */
  const template = (): void => {
    while (i < text.length) {
      if (text[i] === '\\') i += 2
      else if (text[i] === '`') return keep()
      else if (text.startsWith('${', i)) {
        keep(2)
        templates.push(depth)
        depth++
        return
      } else i++
    }
  }

  const string = (quote: string): void => {
    keep()
    while (i < text.length && text[i] !== quote && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1
    if (i < text.length) keep()
  }

  const regex = (): void => {
    keep()
    let inClass = false
    while (i < text.length && text[i] !== '\n' && (inClass || text[i] !== '/')) {
      if (text[i] === '[') inClass = true
      if (text[i] === ']') inClass = false
      i += text[i] === '\\' ? 2 : 1
    }
    if (i < text.length) keep()
  }

  while (i < text.length) {
    const character = text.charAt(i)
    if (text.startsWith('//', i)) {
      while (i < text.length && text[i] !== '\n') i++
    } else if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i + 2)
      i = end === -1 ? text.length : end + 2
    } else if (character === "'" || character === '"') string(character)
    else if (character === '`') {
      keep()
      template()
    } else if (character === '/' && BEFORE_REGEX.test(out.slice(lastCode - 12, i).join(''))) regex()
    else if (character === '{') {
      depth++
      keep()
    } else if (character === '}') {
      depth--
      keep()
      if (templates.at(-1) === depth) {
        templates.pop()
        template()
      }
    } else if (/\s/.test(character)) i++
    else keep()
  }
  return out.join('')
}
