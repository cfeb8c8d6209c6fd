/** Reads and writes `release.lock.json`. */
import { placeFile } from '../../base/files/place-file.ts';
import { readIfThere } from '../../base/files/read-file.ts';
import { UsageError } from '../../errors.ts';
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { ReleaseLock } from './lock-schema.ts';

/** Bytes of a lock; room for a hundred thousand blobs. */
const MAX_LOCK_BYTES = 64 * 1024 * 1024;
/** Before the umask: it goes into version control with the rest. */
const LOCK_MODE = 0o666;

/** The file's text: one form, so that a lock under version control changes only where the release does. */
export function formatLock(lock: ReleaseLock): string {
  return `${JSON.stringify(ReleaseLock.parse(lock), null, 2)}\n`;
}

/**
 * Reads a lock.
 * @throws UsageError `INVALID_SPEC` naming the file and the place.
 */
export function parseLock(text: string | Uint8Array, fileName: string): ReleaseLock {
  let json: unknown;
  try {
    json = parseJson(text, { maxBytes: MAX_LOCK_BYTES });
  } catch (error) {
    throw invalid(fileName, jsonFaultOf(error), error);
  }
  const parsed = ReleaseLock.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(fileName, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`, parsed.error);
}

/** The lock at `path`, or undefined when there is none. */
export async function readLock(path: string): Promise<ReleaseLock | undefined> {
  const bytes = await readIfThere(path, { what: 'a lock', limit: MAX_LOCK_BYTES });
  return bytes && parseLock(bytes, path);
}

/** Replaces the lock at `path` in one step. @throws StoreError `NO_SPACE`, `STORE_IO`, `LOCKED` */
export async function writeLock(path: string, lock: ReleaseLock): Promise<void> {
  await placeFile(path, formatLock(lock), { mode: LOCK_MODE });
}

function invalid(fileName: string, why: string, cause: unknown): UsageError {
  return new UsageError('INVALID_SPEC', `${fileName} ${why}`, {
    cause,
    hint: 'delete the lock and run `airgap resolve` again',
  });
}
