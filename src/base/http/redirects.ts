/** Follows redirects by hand: credentials stay with the host they are for, bodies are replayed or not sent at all. */
import { protocolFailure } from './failure.ts';
import { isSameOrigin, resolveLocation, type Place } from './location.ts';
import type { Answer, Exchange, Transport } from './transport.ts';

/** Hops of one request. */
export const MAX_REDIRECTS = 5;

/**
 * Sends the request and follows what points elsewhere. An answer that cannot be followed (a stream as body, a method a
 * redirect would change) is returned as it is.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx
 */
export async function exchangeFollowing(transport: Transport, first: Exchange): Promise<Answer> {
  let exchange = first;
  for (let hops = 0; ; hops++) {
    const answer = await transport.exchange(exchange);
    const next = redirectOf(answer, exchange);
    if (next === undefined) return answer;
    await answer.discard();
    if (hops >= MAX_REDIRECTS) throw protocolFailure(answer.asked, answer.status, 'redirects too often');
    exchange = { ...exchange, place: next, headers: headersFor(next.url, exchange) };
  }
}

/** Whether the status sends a GET or HEAD elsewhere. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function redirectOf(answer: Answer, { method, body, place }: Exchange): Place | undefined {
  const location = answer.headers['location'];
  if (!isRedirect(answer.status) || location === undefined) return undefined;
  const reads = method === 'GET' || method === 'HEAD';
  const keepsMethod = answer.status === 307 || answer.status === 308;
  const replayable = body === undefined || body instanceof Uint8Array;
  return reads || (keepsMethod && replayable) ? resolveLocation(place, location, 'a redirect') : undefined;
}

/** Authorization only for the very same origin: object stores refuse a second one, others must not see it. */
function headersFor(next: URL, { place, headers }: Exchange): Readonly<Record<string, string>> {
  if (isSameOrigin(place.url, next)) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'));
}
