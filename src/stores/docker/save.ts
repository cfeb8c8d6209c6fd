/** Reads what `docker save` sends, once, as it comes: every member goes to the spool, under its digest and never under its name. */
import { posix } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { readTar } from '../../base/tar/tar-reader.ts';
import { IntegrityError, StoreError } from '../../errors.ts';
import type { Spool, Spooled } from './spool.ts';

const MAX_NAME_BYTES = 1024;
/** Links followed from one to the next. */
const MAX_LINKS = 8;

/** The members of an archive; they exist as names only. */
export interface Members {
  /** The regular file of this name, links between members followed. */
  find(name: string): Spooled | undefined;
}

/**
 * Reads an archive into the spool.
 * @throws IntegrityError `MALFORMED` for anything but regular files, directories and links within the archive, for a name
 *   that comes twice or leads out, and for what is no archive; `DIGEST_MISMATCH` for a blob that is not what its name says.
 * @throws StoreError `STORE_IO` when the connection breaks.
 */
export async function readSave(body: Readable, spool: Spool, what: string, signal?: AbortSignal): Promise<Members> {
  const files = new Map<string, Spooled>();
  const links = new Map<string, string>();
  if (signal !== undefined) addAbortSignal(signal, body);
  try {
    for await (const { name: rawName, kind, linkName, content } of readTar(sent(body, what))) {
      const name = memberName(rawName, what);
      if (files.has(name) || links.has(name)) throw malformed(what, `${name} appears twice`);
      if (kind === 'file') files.set(name, await spool.add(content, signal));
      else if (kind === 'symbolic link') links.set(name, linkTarget(name, linkName, what));
      else if (kind !== 'directory') throw malformed(what, `${name} is a ${kind}`);
      const claimed = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(name)?.[1];
      const actual = files.get(name)?.digest;
      if (claimed !== undefined && actual !== undefined && actual !== `sha256:${claimed}`) {
        throw new IntegrityError('DIGEST_MISMATCH', `${what}: ${name} has digest ${actual}`);
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof RangeError || error instanceof TypeError) throw malformed(what, error.message, error);
    throw error;
  } finally {
    body.destroy();
  }
  signal?.throwIfAborted();
  return { find: (name) => files.get(follow(name, links)) };
}

function follow(name: string, links: ReadonlyMap<string, string>): string {
  let target = name;
  for (let hops = 0; hops < MAX_LINKS; hops += 1) target = links.get(target) ?? target;
  return target;
}

/** The name without `./`; a directory's trailing slash is dropped too. */
function memberName(name: string, what: string): string {
  const clean = posix.normalize(name).replace(/\/$/, '');
  const leadsOut = name.startsWith('/') || clean === '..' || clean.startsWith('../');
  if (leadsOut || name.includes('\0') || Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw malformed(what, `the name ${JSON.stringify(name.slice(0, 100))} is not acceptable`);
  }
  return clean;
}

function linkTarget(name: string, target: string, what: string): string {
  return memberName(target.startsWith('/') ? target : posix.join(posix.dirname(name), target), what);
}

/** What the Engine sends, with its own words for a connection that breaks. */
async function* sent(body: Readable, what: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body as AsyncIterable<Uint8Array>;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError('STORE_IO', `${what}: the Engine stopped sending: ${why}`, { cause });
  }
}

function malformed(what: string, why: string, cause?: unknown): IntegrityError {
  return new IntegrityError('MALFORMED', `${what}: not a docker save archive: ${why}`, {
    hint: 'nothing of it was kept; the Engine may have been stopped while it was sending',
    cause,
  });
}
