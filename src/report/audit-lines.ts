/** Where something went on record, for people and for machines. */
import type { Digest } from '../oci/digest.ts';
import type { AuditRecord } from '../site/audit/log.ts';

/** For reports. */
export function recordDocument({ path, head }: AuditRecord): {
  readonly log: string;
  readonly sequence: number;
  readonly hash: Digest;
} {
  return { log: path, ...head };
}

/** For people. */
export function recordLine({ path, head }: AuditRecord): string {
  return `on record as entry ${head.sequence} of ${path} (${head.hash})`;
}
