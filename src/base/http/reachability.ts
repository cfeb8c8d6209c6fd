/** Tells a server that is not there from one that is away for a moment. */
import { HttpError, nodeCode } from '../../errors.ts';
import type { Peer } from './network-failure.ts';

/** How long a host that has never answered may refuse connections: enough for one that is just being started. */
const PATIENCE_MS = 3_000;

/** What one client has seen of the hosts it talks to. */
export class Reachability {
  readonly #peer: Peer;
  readonly #nowMs: () => number;
  readonly #answered = new Set<string>();
  readonly #refusedSinceMs = new Map<string, number>();

  constructor(peer: Peer, nowMs: () => number = Date.now) {
    this.#peer = peer;
    this.#nowMs = nowMs;
  }

  /** Told of any answer, whatever its status. */
  answered({ host }: URL): void {
    this.#answered.add(host);
    this.#refusedSinceMs.delete(host);
  }

  /**
   * The same failure, or one that says that nothing has ever answered there, and that is not worth another try once every
   * connection was refused for some seconds. A host that has answered is waited for as long as the tries of each
   * transfer last.
   */
  explain({ host }: URL, error: Error): Error {
    if (!(error instanceof HttpError) || !error.failure.retryable || this.#answered.has(host)) return error;
    if (!isRefused(error)) return error;
    const sinceMs = this.#refusedSinceMs.get(host) ?? this.#nowMs();
    this.#refusedSinceMs.set(host, sinceMs);
    return this.#peer.failure(
      error.message,
      { ...error.failure, retryable: this.#nowMs() - sinceMs < PATIENCE_MS },
      {
        cause: error.cause,
        hint: `nothing has ever answered there: check the address and the port, any proxy, and that ${this.#peer.name} runs`,
      },
    );
  }
}

function isRefused(error: Error): boolean {
  for (let at: unknown = error.cause, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = nodeCode(at);
    if (code !== undefined) return code === 'ECONNREFUSED';
  }
  return false;
}
