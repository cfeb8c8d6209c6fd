/** What happens during long work, as lines of text. */
import type { CopyEvent } from '../../content/copy.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatBytes, formatDuration, shortDigest } from '../../report/format.ts';

/** An image is pinned, as one of so many. */
export function resolvedLine(reference: string, done: number, total: number): string {
  return `resolved ${done}/${total}  ${reference}`;
}

/** A piece of content by its name, or by the beginning of its digest where it has none. */
export function contentName(digest: Digest, names: ReadonlyMap<Digest, string>): string {
  return names.get(digest) ?? shortDigest(digest);
}

/** One event in words; undefined for those that are too many for words. */
export function describeEvent(event: CopyEvent, names: ReadonlyMap<Digest, string>): string | undefined {
  const { descriptor, target } = event;
  const what = `${contentName(descriptor.digest, names)} (${formatBytes(descriptor.size)})`;
  switch (event.type) {
    case 'copied':
      return `copied  ${what} ${shortDigest(descriptor.digest)} to ${target}`;
    case 'mounted':
      return `mounted ${what} ${shortDigest(descriptor.digest)} in ${target}`;
    case 'tagged':
      return `tagged  ${target}:${event.tag}`;
    case 'resumed':
      return `resumed ${what} after ${formatBytes(event.bytes)}`;
    case 'retrying': {
      const why = event.error instanceof Error ? event.error.message : String(event.error);
      return `trying again in ${formatDuration(event.delayMs)}: ${what}: ${why}`;
    }
    case 'substituted':
      return `rebuilt ${shortDigest(event.original)} as ${shortDigest(descriptor.digest)} for ${target}`;
    case 'started':
    case 'progress':
      return undefined;
  }
}
