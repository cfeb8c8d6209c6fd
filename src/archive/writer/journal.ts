/**
 * Remembers, beside a half-built archive, how much of each blob is in place. A line is `<digest> <bytes>`; the first
 * line names the inventory. What it claims is proved again on resume, so its writes need no ordering against the data.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isDigest, type Digest } from '../../oci/digest.ts';

/** Bytes of a blob between two lines of the journal. */
export const CHECKPOINT_BYTES: number = 32 * 1024 * 1024;

/** The claims of a journal. */
export interface JournalClaims {
  readonly inventory: Digest;
  /** Bytes in place, by digest. */
  readonly held: ReadonlyMap<Digest, number>;
}

/** An append-only journal. */
export class Journal {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Starts a journal anew, dropping what stood there. */
  static create(path: string, inventory: Digest): Journal {
    const journal = new Journal(openSync(path, 'w', 0o644));
    writeSync(journal.#fd, `inventory ${inventory}\n`);
    return journal;
  }

  /** Goes on with an existing journal, whose last line may be torn. */
  static append(path: string): Journal {
    const journal = new Journal(openSync(path, 'a'));
    writeSync(journal.#fd, '\n');
    return journal;
  }

  /** Claims that the first `bytes` of the content are in place. */
  record(digest: Digest, bytes: number): void {
    writeSync(this.#fd, `${digest} ${bytes}\n`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Reads a journal; undefined when there is none or it is not one. A torn last line is passed over. */
export async function readJournal(path: string): Promise<JournalClaims | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const [first = '', ...lines] = text.split('\n').slice(0, -1);
  const inventory = first.replace(/^inventory /, '');
  if (!isDigest(inventory)) return undefined;
  const held = new Map<Digest, number>();
  for (const line of lines) {
    const [digest, bytes = ''] = line.split(' ');
    if (isDigest(digest) && /^[0-9]{1,15}$/.test(bytes)) held.set(digest, Number(bytes));
  }
  return { inventory, held };
}
