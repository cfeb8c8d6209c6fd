/** Reads lists that come in pages, linked by `Link: <…>; rel="next"`. */
import { isSameOrigin, resolveLocation, type Place } from './location.ts';
import type { Answer } from './transport.ts';

/** Pages of one list. */
export const MAX_PAGES = 1000;

/**
 * The next page, or undefined at the end. A link to another host ends the list: credentials must not go there.
 * @see https://www.rfc-editor.org/rfc/rfc8288
 */
export function nextPage(answer: Answer): Place | undefined {
  const link = /<([^>]*)>\s*;[^,]*\brel\s*=\s*"?next"?/i.exec(answer.headers['link'] ?? '')?.[1];
  if (link === undefined) return undefined;
  const next = resolveLocation(answer.place, link, 'the next page');
  return isSameOrigin(answer.place.url, next.url) ? next : undefined;
}
