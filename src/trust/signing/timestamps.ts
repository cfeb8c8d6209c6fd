/** Gets RFC 3161 timestamps from an authority over HTTP. */
import { checkTimestampAnswer, createTimestampRequest } from './timestamp-request.ts';
import type { Timestamper } from './bundling.ts';
import { askService, type ServiceOptions } from './signing-service.ts';

const HEADERS = { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' };

/**
 * Asks the authority at this URL.
 * @throws from the call: StoreError `STORE_IO` when it is not reached, refuses, or answers something else.
 * @see https://www.rfc-editor.org/rfc/rfc3161#section-3.4
 */
export function createTimestamper(url: URL, options: ServiceOptions): Timestamper {
  return async (signature) => {
    const request = createTimestampRequest(signature);
    const what = 'the timestamp authority';
    const answer = await askService({ what, url, headers: HEADERS, body: request.query }, options);
    checkTimestampAnswer(answer, signature, request, `${what} ${url.origin}${url.pathname}`);
    return answer;
  };
}
