/** What a site remembers, on disk: one file, replaced in one step, written by one process at a time. */
import { join } from 'node:path';
import { acquireFileLock, type FileLock } from '../base/files/file-lock.ts';
import { makeDirectory } from '../base/files/make-directory.ts';
import { placeFile } from '../base/files/place-file.ts';
import { readIfThere } from '../base/files/read-file.ts';
import { onDisk, type SystemHints } from '../base/files/system-errors.ts';
import { IntegrityError, StoreError } from '../errors.ts';
import { SiteState } from '../trust/rollback/site-state-schema.ts';
import { parseCanonically, serializeCanonically } from '../base/json/canonical-json.ts';
import { parseTrust } from '../trust/documents/trust-document.ts';
import { sha256 } from '../oci/digest.ts';

/** Bytes of the file: room for the trust of many lines. */
const MAX_STATE_BYTES = 64 * 1024 * 1024;
const STATE_FILE = 'state.json';
const LOCK_FILE = 'state.lock';
const HINTS: SystemHints = {
  otherwise: 'give a directory of the local disk that this user may write to, and no links in the place of its files',
};

const RESTORE =
  'restore it from a backup; deleting it makes this site forget what it loaded, so that older releases pass again';

const NOTHING_SEEN: SiteState = { stateVersion: 1, lines: [], exceptions: [] };

/**
 * Reads a state without taking its lock: it is replaced in one step, so that what is read was true at one moment.
 * A directory without one has seen nothing.
 * @throws StoreError `STORE_IO`, also when it was changed by hand or damaged: the archive is not at fault.
 */
export async function readSiteState(directory: string): Promise<SiteState> {
  const path = join(directory, STATE_FILE);
  const bytes = await readIfThere(path, {
    what: 'the state',
    limit: MAX_STATE_BYTES,
    links: 'refuse',
    refuse: (fault) =>
      new StoreError('STORE_IO', `the state cannot be kept in ${path}: it ${fault}`, { hint: HINTS.otherwise }),
  });
  if (bytes === undefined) return NOTHING_SEEN;
  try {
    const state = parseCanonically(SiteState, bytes, path, MAX_STATE_BYTES);
    checkState(state, path);
    return state;
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    throw new StoreError('STORE_IO', error.message, { hint: RESTORE, cause: error });
  }
}

/** The state of a site, held until disposed: no other process writes it, or loads under it, in the meantime. */
export class Site implements AsyncDisposable {
  readonly directory: string;
  readonly #lock: FileLock;
  #state: SiteState;

  constructor(directory: string, state: SiteState, lock: FileLock) {
    this.directory = directory;
    this.#state = state;
    this.#lock = lock;
  }

  /** As last read or written. */
  get state(): SiteState {
    return this.#state;
  }

  /**
   * Replaces the state. When this returns, it has reached the disk; a crash before leaves the old one.
   * @throws StoreError `STORE_IO`, `NO_SPACE`
   */
  async write(state: SiteState): Promise<void> {
    const path = join(this.directory, STATE_FILE);
    await placeFile(path, serializeCanonically(SiteState.parse(state)), { hints: HINTS });
    this.#state = state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock[Symbol.asyncDispose]();
  }
}

/**
 * Takes the state of a site, making its directory.
 * @throws StoreError `LOCKED` when another process has it. @throws whatever {@link readSiteState} throws.
 */
export async function openSite(directory: string): Promise<Site> {
  await onDisk(`the state cannot be kept in ${directory}`, () => makeDirectory(directory), HINTS);
  const lock = await acquireFileLock(join(directory, LOCK_FILE), `the state in ${directory}`);
  try {
    return new Site(directory, await readSiteState(directory), lock);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** What the schema cannot say: one line for each product and channel, and pinned documents that are what they were. */
function checkState(state: SiteState, path: string): void {
  const keys = state.lines.map(({ product, channel }) => `${product} ${channel}`);
  if (new Set(keys).size !== keys.length) throw new IntegrityError('MALFORMED', `${path} has two entries for one line`);
  for (const { product, channel, trust } of state.lines) {
    if (trust === undefined) continue;
    const bytes = serializeCanonically(trust.document);
    const document = parseTrust(bytes, path);
    const isWhole = sha256(bytes) === trust.digest && trust.history.at(-1)?.digest === trust.digest;
    if (!isWhole || document.product !== product || document.channel !== channel) {
      throw new IntegrityError('MALFORMED', `${path} holds a trust document that is not the one that was pinned`);
    }
  }
}
