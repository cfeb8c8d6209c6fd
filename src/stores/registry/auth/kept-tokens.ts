/** The tokens of one registry host, by the needs they were asked for. */
import { formatScope, type RepositoryScope } from './scope.ts';
import type { Token } from './token.ts';

/** Tokens kept at once. */
const MAX_TOKENS = 1000;

/** A token with what it was asked for. */
export interface KeptToken extends Token {
  readonly scopes: readonly string[];
}

/** Tokens by needs; the oldest goes first when there are too many. */
export class KeptTokens {
  readonly #maxTokens: number;
  readonly #tokens = new Map<string, KeptToken>();

  constructor(maxTokens: number = MAX_TOKENS) {
    this.#maxTokens = maxTokens;
  }

  /** The token last got for exactly these needs, however old it is. */
  get(own: readonly RepositoryScope[]): KeptToken | undefined {
    return this.#tokens.get(keyOf(own));
  }

  /** A token for these needs that need not be renewed yet; one for writing to a repository serves its readers too. */
  usable(own: readonly RepositoryScope[], nowMs: number): KeptToken | undefined {
    const [first] = own;
    const isAlone = own.length === 1 && first !== undefined;
    const writing = isAlone ? [{ repository: first.repository, actions: ['pull', 'push'] as const }] : own;
    return [own, writing]
      .map((needs) => this.get(needs))
      .find((token) => token !== undefined && nowMs < token.renewAtMs);
  }

  keep(own: readonly RepositoryScope[], token: KeptToken): void {
    this.forget(own);
    this.#tokens.set(keyOf(own), token);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > this.#maxTokens && oldest !== undefined) this.#tokens.delete(oldest);
  }

  forget(own: readonly RepositoryScope[]): void {
    this.#tokens.delete(keyOf(own));
  }
}

/** Needs as one word. */
export function keyOf(own: readonly RepositoryScope[]): string {
  return own.map(formatScope).join(' ');
}
