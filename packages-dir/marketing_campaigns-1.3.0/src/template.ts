/** Text with merge fields: `{{first_name}}`. */

import { TerminalError } from 'headgate/sdk'

/** Throws TEMPLATE_FIELD_UNKNOWN: a message with a hole must not be sent. */
export function render(
  template: string,
  fields: Readonly<Record<string, string | number>>,
): string {
  return template.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, field: string) => {
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined
    if (value === undefined) {
      throw new TerminalError('TEMPLATE_FIELD_UNKNOWN', `the template has no value for ${field}`, {
        field,
        known: Object.keys(fields),
      })
    }
    return String(value)
  })
}
