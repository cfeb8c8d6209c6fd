/**
 * Remembers, beside a half-built archive, how much of each blob is in place. A line is `<digest> <bytes>`; the first
 * line names the inventory. What it claims is verified again on resume, so its writes need no ordering against the data.
 */
import { closeSync, constants, writeSync } from 'node:fs';
import { openOwnSync } from '../../base/files/open-file.ts';
import { readIfThere } from '../../base/files/read-file.ts';
import { isDigest, type Digest } from '../../oci/digest.ts';

/** Bytes of a blob between two lines of the journal. */
export const CHECKPOINT_BYTES: number = 32 * 1024 * 1024;

/** A line for each blob, and one for every checkpoint of it. */
const MAX_JOURNAL_BYTES = 256 * 1024 * 1024;
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;

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
    const journal = new Journal(openOwnSync(path, CREATE));
    writeSync(journal.#fd, `inventory ${inventory}\n`);
    return journal;
  }

  /** Goes on with an existing journal, whose last line may be torn. */
  static append(path: string): Journal {
    const journal = new Journal(openOwnSync(path, APPEND));
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
  const bytes = await readIfThere(path, { what: 'a journal', limit: MAX_JOURNAL_BYTES, links: 'refuse' });
  if (bytes === undefined) return undefined;
  const [first = '', ...lines] = bytes.toString('utf8').split('\n').slice(0, -1);
  const inventory = first.replace(/^inventory /, '');
  if (!isDigest(inventory)) return undefined;
  const held = new Map<Digest, number>();
  for (const line of lines) {
    const [digest, bytes = ''] = line.split(' ');
    if (isDigest(digest) && /^[0-9]{1,15}$/.test(bytes)) held.set(digest, Number(bytes));
  }
  return { inventory, held };
}
