/** The one spelling of a moment: RFC 3339 in UTC and whole seconds, `2026-01-31T12:00:00Z`. */

/** Spells a moment; parts of a second are dropped. @throws RangeError for an invalid date. */
export function formatUtcSeconds(time: Date): string {
  return time.toISOString().replace(/\.[0-9]{3}Z$/, 'Z');
}

/**
 * Whether the text is a real moment in this spelling: no 31st of February, no leap second, no other zone.
 * @see https://www.rfc-editor.org/rfc/rfc3339#section-5.6
 */
export function isUtcSeconds(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text.replace('Z', '.000Z');
}
