/** Resolves `Location` headers without touching a byte of their path and query, which may be signed. */
import type { Asked } from './network-failure.ts';
import { assertMayFollow } from './network-policy.ts';

/** Somewhere to send a request: the URL for rules and messages, the exact text for the request line. */
export interface Place {
  readonly url: URL;
  /** Path and query, byte for byte. */
  readonly target: string;
}

/** An answer, as far as it matters for where it points. */
export interface Located {
  readonly asked: Pick<Asked, 'peer'>;
  readonly place: Place;
}

/** The place of a URL of our own making. */
export function placeOf(url: URL): Place {
  return { url, target: url.pathname + url.search };
}

/**
 * Where an answer points. A server behind a proxy that ends TLS may write `http` for itself: on the same
 * host https is kept.
 * @throws HttpError when the address is refused (see {@link assertMayFollow}) or unreadable.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-location
 */
export function resolveLocation(answer: Located, location: string, what: string): Place {
  const { place: from, asked } = answer;
  const text = withoutFragment(hasOnlyHost(location, from.url) ? `${from.url.protocol}//${location}` : location);
  const url = URL.canParse(text, from.url.href) ? new URL(text, from.url) : new URL('invalid:');
  if (url.protocol === 'http:' && from.url.protocol === 'https:' && url.hostname === from.url.hostname) {
    url.protocol = 'https:';
    if (url.port === '80') url.port = '';
    if (url.port === '') url.port = from.url.port;
  }
  assertMayFollow(asked.peer, from.url, url, what);
  const exact = /^(?:https?:)?\/\/[^/?#]*/i.test(text) ? text.replace(/^(?:https?:)?\/\/[^/?#]*/i, '') : text;
  const usable =
    exact.startsWith('/') && /^[\x21-\x7e]+$/.test(exact) && !/\/\.{1,2}(?:\/|$)/.test(exact.split('?')[0] ?? '');
  return { url, target: usable ? exact : url.pathname + url.search };
}

/** Adds a query parameter after what is there. */
export function withQuery(place: Place, parameter: string): Place {
  const target = `${place.target}${place.target.includes('?') ? '&' : '?'}${parameter}`;
  return { url: place.url, target };
}

/** Whether credentials for `a` may go to `b`: same scheme, host and port. */
export function isSameOrigin(a: URL, b: URL): boolean {
  return a.origin === b.origin;
}

/** Some servers leave the scheme out: `host/v2/…`. */
function hasOnlyHost(location: string, from: URL): boolean {
  return location.startsWith(`${from.host}/`);
}

function withoutFragment(text: string): string {
  const hash = text.indexOf('#');
  return hash < 0 ? text : text.slice(0, hash);
}
