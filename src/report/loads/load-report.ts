/** What a load did or would do, whatever kind of target it goes to: one model, for people and for machines. */
import type { TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import type { SiteRecord } from '../../site/admitted-release.ts';
import { nameSigner } from '../../trust/signatures/identity.ts';
import { recordDocument, recordLines } from '../audit-lines.ts';
import { provenanceDocument } from '../provenance-lines.ts';
import { toTrustDocument, trustLines } from '../trust-lines.ts';

/** Something in both forms. */
export interface Described {
  readonly document: object;
  readonly lines: readonly string[];
}

/** One after the other. */
export function joinDescribed(...parts: readonly Described[]): Described {
  return {
    document: Object.assign({}, ...parts.map(({ document }) => document)) as object,
    lines: parts.flatMap(({ lines }) => lines),
  };
}

/** What is loaded, and where to. */
export interface LoadSubject {
  readonly archive: TrustedArchive;
  /** As messages name it. */
  readonly target: string;
}

/** What a load would do. @param items Each image or tarball. @param amount What would move, in all. */
export function describeLoadPlan(subject: LoadSubject, items: Described, amount: Described): Described {
  return {
    document: { kind: 'load-plan', ...subjectDocument(subject), ...items.document, ...amount.document },
    lines: [
      `plan for ${subject.target}`,
      ...items.lines,
      ...trustLines(subject.archive.release),
      ...amount.lines,
      'nothing was changed',
    ],
  };
}

/** What a load did. @param items Each image or tarball. @param amount What moved, in all. */
export function describeLoad(
  subject: LoadSubject,
  items: Described,
  amount: LoadedAmount,
  record: SiteRecord,
): Described {
  const { name, version } = subject.archive.release.inventory;
  const { payload, document, line } = amount;
  return {
    document: {
      kind: 'load',
      ...subjectDocument(subject),
      ...items.document,
      ...document,
      payload,
      ...recordDocument(record),
    },
    lines: [
      `loaded ${name} ${version} into ${subject.target}`,
      ...items.lines,
      ...trustLines(subject.archive.release),
      payload === 'not read'
        ? 'nothing had to move: the target holds everything already, and the payload was not read'
        : `${line}; every byte of the archive was verified first`,
      ...recordLines(record),
    ],
  };
}

/** What moved. */
export interface LoadedAmount {
  readonly payload: 'verified' | 'not read';
  readonly document: object;
  /** `moved 12 MB` */
  readonly line: string;
}

/** Which release, whose signatures, and where it goes. */
export function subjectDocument({ archive, target }: LoadSubject): object {
  const { inventory, digest, signers, provenance } = archive.release;
  return {
    archive: archive.path,
    release: { name: inventory.name, version: inventory.version },
    digest,
    signers: signers.map(nameSigner),
    trust: toTrustDocument(archive.release),
    provenance: provenance.accepted.map(provenanceDocument),
    target,
  };
}
