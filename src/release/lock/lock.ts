/** Reads and writes `release.lock.json`. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { UsageError } from '../../errors.ts';
import { parseStrictJson } from '../../base/json/strict-json.ts';
import { ReleaseLock } from './lock-schema.ts';

/** Bytes of a lock; room for a hundred thousand blobs. */
const MAX_LOCK_BYTES = 64 * 1024 * 1024;

/** The file's text: one form, so that a lock under version control changes only where the release does. */
export function formatLock(lock: ReleaseLock): string {
  return `${JSON.stringify(ReleaseLock.parse(lock), null, 2)}\n`;
}

/**
 * Reads a lock.
 * @throws UsageError `INVALID_SPEC` naming the file and the place.
 */
export function parseLock(text: string, fileName: string): ReleaseLock {
  let json: unknown;
  try {
    json = parseStrictJson(Buffer.from(text));
  } catch (error) {
    throw invalid(fileName, 'is not JSON', error);
  }
  const parsed = ReleaseLock.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(fileName, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`, parsed.error);
}

/** The lock at `path`, or undefined when there is none. */
export async function readLock(path: string): Promise<ReleaseLock | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new UsageError('USAGE', `cannot read ${path}`, { cause: error });
  }
  if (text.length > MAX_LOCK_BYTES) throw invalid(path, 'is too large for a lock', undefined);
  return parseLock(text, path);
}

/** Replaces the lock at `path` in one step. */
export async function writeLock(path: string, lock: ReleaseLock): Promise<void> {
  const aside = `${path}.${process.pid}.new`;
  await writeFile(aside, formatLock(lock));
  await rename(aside, path);
}

function invalid(fileName: string, why: string, cause: unknown): UsageError {
  return new UsageError('INVALID_SPEC', `${fileName} ${why}`, {
    cause,
    hint: 'delete the lock and run `airgap resolve` again',
  });
}
