/** One exchange that turns a connection over to another protocol, or ends with an ordinary answer, whose body is small. */
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';

/** Bytes of the body of a refusal that are kept. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** What came of it: a socket with status 101, else the whole refusal. */
export interface Upgraded {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket?: Duplex | undefined;
  readonly body: Buffer;
}

/**
 * Asks for a connection to be turned over. undici's own call for it throws refusals away; what a server says in them is needed.
 * @throws the network's own error when no answer arrives, and the signal's reason
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-upgrade
 */
export async function upgradeConnection(
  dispatcher: Dispatcher,
  options: Omit<Dispatcher.DispatchOptions, 'upgrade'> & { readonly upgrade: string },
  signal: AbortSignal | undefined,
): Promise<Upgraded> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded>();
  let abort = (): void => undefined;
  let head: Pick<Upgraded, 'status' | 'headers'> = { status: 0, headers: {} };
  const chunks: Buffer[] = [];
  let length = 0;
  dispatcher.dispatch(options, {
    onRequestStart(controller) {
      abort = () => controller.abort(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
      if (signal?.aborted === true) abort();
    },
    onRequestUpgrade(_controller, status, headers, socket) {
      resolve({ status, headers, socket, body: Buffer.alloc(0) });
    },
    onResponseStart(_controller, status, headers) {
      head = { status, headers };
    },
    onResponseData(_controller, chunk) {
      if (length < MAX_REFUSAL_BYTES) chunks.push(Buffer.from(chunk.subarray(0, MAX_REFUSAL_BYTES - length)));
      length += chunk.length;
    },
    onResponseEnd() {
      resolve({ ...head, body: Buffer.concat(chunks) });
    },
    onResponseError(_controller, error) {
      reject(error);
    },
  });
  const onAbort = (): void => abort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
