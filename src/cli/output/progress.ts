/** What a display of long work is told. */
import type { CopyEvent } from '../../content/copy.ts';
import type { Digest } from '../../oci/digest.ts';

/** The kinds of work that have a total of their own. */
export type Work = 'copy' | 'verification';

/** Told what happens, for as long as it is open. */
export interface Progress extends Disposable {
  /** Says what pieces of content are called, before any of them moves. */
  name(names: ReadonlyMap<Digest, string>): void;
  /** Announces work before it begins; `doneBytes` of it are there already. */
  begin(work: Work, title: string, totalBytes: number, doneBytes?: number): void;
  /** For `onEvent` of copies. */
  readonly onCopy: (event: CopyEvent) => void;
  /** For `onVerified` of loads and `onProgress` of verification: bytes so far, and in all. */
  readonly onVerified: (done: number, total: number) => void;
  /** An image is pinned, as one of so many. */
  readonly onImage: (reference: string, done: number, total: number) => void;
}
