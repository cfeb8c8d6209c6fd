/** Reads lists that come in pages, linked by `Link: <…>; rel="next"`. */
import { StoreError } from '../../../errors.ts';
import { protocolFailure } from '../../../base/http/network-failure.ts';
import { isSameOrigin, resolveLocation, type Place } from '../../../base/http/location.ts';
import type { Answer } from '../../../base/http/answer.ts';

/** Pages of one list. */
export const MAX_PAGES = 1000;
/** A link with `next` among its relations. */
const NEXT = /<([^>]*)>\s*;[^,]*\brel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=\s*(?:[;,]|$)))/i;

/**
 * The next page, or undefined at the end.
 * @throws RegistryError when it would be at another host: credentials must not go there, and the list is not complete.
 * @see https://www.rfc-editor.org/rfc/rfc8288
 */
export function nextPage(answer: Answer): Place | undefined {
  const link = NEXT.exec(answer.headers['link'] ?? '')?.[1];
  if (link === undefined) return undefined;
  const next = resolveLocation(answer, link, 'the next page');
  if (isSameOrigin(answer.place.url, next.url)) return next;
  throw protocolFailure(answer.asked, answer.status, `the list goes on at another host, ${next.url.host}`);
}

/** The error for a list that does not end; what was read of it is not an answer. */
export function tooLong(where: string, what: string): StoreError {
  return new StoreError('UNSUPPORTED', `${where} has too many ${what} to list`, {
    hint: `the list ends after ${MAX_PAGES} pages; a registry that never ends it is faulty`,
  });
}
