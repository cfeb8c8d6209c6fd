/** Repositories that a target would have to make: some registries want them made first, and say so one by one. */
import { forEachConcurrently } from '../../base/limit.ts';
import type { PendingCopy } from '../../content/plan.ts';
import { canListTags, type CallOptions, type Target } from '../../content/store.ts';
import { HttpError, NotFoundError } from '../../errors.ts';

const CONCURRENCY = 8;

/** Names of those that a copy would write to and that are not there yet, sorted. What cannot be asked is left out. */
export async function findNewRepositories(pending: PendingCopy, options: CallOptions = {}): Promise<readonly string[]> {
  const lacking = [...pending.blobs, ...pending.manifests].flatMap(({ missing }) => missing);
  const targets = [...new Set<Target>([...lacking, ...pending.tags.map(({ assignment }) => assignment.target)])];
  const found: string[] = [];
  await forEachConcurrently(
    targets,
    CONCURRENCY,
    async (target, signal) => {
      if (!canListTags(target)) return;
      try {
        await target.listTags({ maxPages: 1, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof NotFoundError) found.push(target.name);
      }
    },
    options.signal,
  );
  return found.sort();
}

/**
 * The error to give for a copy that failed: where a target did not know a repository, all that it does not know.
 * @returns the same error where it is about something else
 */
export async function nameNewRepositories(
  error: unknown,
  pending: PendingCopy,
  options: CallOptions,
): Promise<unknown> {
  const isUnknown = error instanceof HttpError && error.failure.status === 404 && options.signal?.aborted !== true;
  const names = isUnknown ? await findNewRepositories(pending, options) : [];
  if (names.length === 0) return error;
  return new NotFoundError(
    'NOT_FOUND',
    `the target does not make repositories by itself; ${names.length} are missing:`,
    {
      items: names,
      hint: 'create them, then run the same command again; --plan names them too',
      cause: error,
    },
  );
}
