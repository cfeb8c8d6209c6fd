/** What a client of registries tells those who want to know everything it does. */
import type { RequestEvent } from '../../base/http/answer.ts';

/** Told while the client works; nothing it does waits for the listener. */
export interface RegistryListener {
  /** Every exchange on the wire, when it is over. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
  /** A request that failed is sent again after `delayMs`; the error says which, and why. */
  readonly onRetry?: ((error: unknown, delayMs: number) => void) | undefined;
  /** The client takes another way than usual: which one and why, as one line. */
  readonly onDecision?: ((line: string) => void) | undefined;
}
