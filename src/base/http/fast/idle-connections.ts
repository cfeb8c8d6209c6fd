/** Keeps idle connections for the next request to the same origin. */
import { isSameOrigin } from '../location.ts';

const MAX_CONNECTIONS = 16;

/** A connection that can serve again. */
export interface Reusable {
  /** Whether another request can be sent on it. */
  readonly isIdle: boolean;
  close(): void;
}

/** Idle connections; the one used last is used next. */
export class IdleConnections<Connection extends Reusable> {
  readonly #maxIdleMs: number;
  readonly #connections: { readonly connection: Connection; readonly url: URL; readonly sinceMs: number }[] = [];

  /** A connection that was idle longer than `maxIdleMs` may have been closed without our noticing. */
  constructor(maxIdleMs: number) {
    this.#maxIdleMs = maxIdleMs;
  }

  /** A live connection to this origin. */
  take(url: URL): Connection | undefined {
    this.#dropDead();
    const index = this.#connections.findLastIndex((idle) => isSameOrigin(idle.url, url));
    return index < 0 ? undefined : this.#connections.splice(index, 1)[0]?.connection;
  }

  /** Keeps the connection if it can be used again. */
  keep(connection: Connection, url: URL): void {
    if (!connection.isIdle || this.#connections.some((idle) => idle.connection === connection)) return;
    this.#dropDead();
    if (this.#connections.length >= MAX_CONNECTIONS) connection.close();
    else this.#connections.push({ connection, url, sinceMs: Date.now() });
  }

  close(): void {
    for (const { connection } of this.#connections.splice(0)) connection.close();
  }

  #dropDead(): void {
    const oldestMs = Date.now() - this.#maxIdleMs;
    const isGood = ({ connection, sinceMs }: { connection: Connection; sinceMs: number }): boolean =>
      connection.isIdle && sinceMs >= oldestMs;
    const dead = this.#connections.filter((idle) => !isGood(idle));
    const live = this.#connections.filter(isGood);
    this.#connections.splice(0, this.#connections.length, ...live);
    for (const { connection } of dead) connection.close();
  }
}
