/** Reads what `docker save` sends, once, as it comes: every member goes to the spool, under its digest and never under its name. */
import { posix } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { IntegrityError, StoreError } from '../../errors.ts';
import type { Spool, Spooled } from './spool.ts';

/** Members of one archive: a classic one has about four per layer. */
const MAX_MEMBERS = 100_000;
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
  const extract = tar.extract();
  const feeding = pipeline(body, extract as unknown as Writable, { signal }).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    for await (const entry of extract) {
      const { type, linkname } = entry.header;
      const name = memberName(entry.header.name, what);
      if (files.has(name) || links.has(name)) throw malformed(what, `${name} comes twice`);
      if (files.size + links.size >= MAX_MEMBERS) throw malformed(what, `more than ${MAX_MEMBERS} members`);
      if (type === 'file') files.set(name, await spool.add(entry as AsyncIterable<Uint8Array>, signal));
      else if (type === 'symlink') links.set(name, linkTarget(name, linkname ?? '', what));
      else if (type !== 'directory') throw malformed(what, `${name} is a ${type ?? 'member of unknown type'}`);
      // An entry that is not read to its end would hold up the next one.
      if (type !== 'file') entry.resume();
      const claimed = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(name)?.[1];
      const actual = files.get(name)?.digest;
      if (claimed !== undefined && actual !== undefined && actual !== `sha256:${claimed}`) {
        throw new IntegrityError('DIGEST_MISMATCH', `${what}: ${name} has digest ${actual}`);
      }
    }
  } catch (error) {
    body.destroy();
    const broken = await feeding;
    signal?.throwIfAborted();
    // What breaks the stream shows up on both sides; a fault that was found here shows up here alone.
    throw error === broken ? brokenStream(what, error) : error;
  }
  const broken = await feeding;
  signal?.throwIfAborted();
  if (broken !== undefined) throw brokenStream(what, broken);
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

/** Either the connection broke, which has a code, or the bytes that came are no tar archive. */
function brokenStream(what: string, cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  if (!('code' in cause)) return malformed(what, cause.message, cause);
  return new StoreError('STORE_IO', `${what}: the Engine stopped sending: ${cause.message}`, { cause });
}

function malformed(what: string, why: string, cause?: unknown): IntegrityError {
  return new IntegrityError('MALFORMED', `${what}: not a docker save archive: ${why}`, {
    hint: 'nothing of it was kept; the Engine may have been stopped while it was sending',
    cause,
  });
}
