/** Tells a registry that is not there from one that is away for a moment. */
import { RegistryError } from '../../errors.ts';

/** How long a host that has never answered may refuse connections: enough for one that is just being started. */
const PATIENCE_MS = 3_000;

/** What one client has seen of the hosts it talks to. */
export class Reachability {
  readonly #answered = new Set<string>();
  readonly #refusedSinceMs = new Map<string, number>();

  /** Told of any answer, whatever its status. */
  answered({ host }: URL): void {
    this.#answered.add(host);
    this.#refusedSinceMs.delete(host);
  }

  /**
   * The same failure, or one that says that nobody has ever answered there, and that is not worth another try once every
   * connection was refused for some seconds. A host that has answered is waited for as long as the tries of each
   * transfer last.
   */
  judge({ host }: URL, error: Error): Error {
    if (!(error instanceof RegistryError) || !error.failure.retryable || this.#answered.has(host)) return error;
    if (!isRefused(error)) return error;
    const sinceMs = this.#refusedSinceMs.get(host) ?? Date.now();
    this.#refusedSinceMs.set(host, sinceMs);
    return new RegistryError(
      error.message,
      { ...error.failure, retryable: Date.now() - sinceMs < PATIENCE_MS },
      {
        cause: error.cause,
        hint: 'nothing has ever answered there: check the address and the port, any proxy, and that the registry runs',
      },
    );
  }
}

function isRefused(error: Error): boolean {
  for (let at: unknown = error.cause, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code === 'ECONNREFUSED';
  }
  return false;
}
