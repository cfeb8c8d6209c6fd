/** Where something went on record, for people and for machines. */
import type { Digest } from '../oci/digest.ts';
import type { SiteRecord } from '../site/admitted-release.ts';

/** What reports say of a record. */
export interface RecordDocument {
  readonly log: string;
  readonly sequence: number;
  readonly hash: Digest;
  readonly receipt?: { readonly path: string; readonly signedBy: string | null };
}

/** For reports: to be spread into one; nothing where nothing is on record. */
export function recordDocument({ entry, receipt }: SiteRecord): { readonly audit?: RecordDocument } {
  if (entry === undefined) return {};
  const { path, head } = entry;
  const written = receipt && { path: receipt.path, signedBy: receipt.signedBy ?? null };
  return { audit: { log: path, ...head, ...(written === undefined ? {} : { receipt: written }) } };
}

/** For people. */
export function recordLines({ entry, receipt }: SiteRecord): readonly string[] {
  if (entry === undefined) return [];
  const { path, head } = entry;
  return [
    `on record as entry ${head.sequence} of ${path} (${head.hash})`,
    ...(receipt === undefined
      ? []
      : [
          `receipt ${receipt.path}, ${receipt.signedBy === undefined ? 'NOT SIGNED' : `signed by ${receipt.signedBy}`}`,
        ]),
  ];
}
