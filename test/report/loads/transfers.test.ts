/** What is said of images that were brought, of evidence that was lost, and of repositories that have to be made. */
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { imageContent } from '../../../src/report/loads/audit-content.ts';
import {
  assertEvidenceKept,
  describeImages,
  describeMoves,
  describeNewRepositories,
  describePending,
  evidenceShortfall,
  type ImageOutcome,
} from '../../../src/report/loads/transfers.ts';

const digest = sha256('image');
const [signature, sbom] = [
  { subject: digest, digest: sha256('1'), kind: 'signature' as const },
  { subject: digest, digest: sha256('2'), kind: 'sbom' as const },
];
const image: ImageOutcome = { original: 'a.example/app:1', internal: 'r.example/app:1', digest, result: 'loaded' };

/** The words of each line, without what only lines them up. */
function linesOf(images: readonly ImageOutcome[], skipped: readonly string[] = []): readonly string[] {
  return describeImages(images, skipped).lines.map((line) => line.trim().replace(/ {2,}/g, ' | ').replace(/ (?=from)/, ' ')); // prettier-ignore
}

test('an image is told with its evidence, or with what no longer verifies', () => {
  const said = (more: Partial<ImageOutcome>): string => linesOf([{ ...image, ...more }])[0] ?? '';
  expect(said({})).toMatch(/^loaded \| r\.example\/app:1 \| from a\.example\/app:1 \| \S+$/);
  expect(said({ original: image.internal })).not.toContain('from');
  expect(said({ evidence: [signature, sbom] })).toMatch(/ \| with 1 signature, 1 sbom$/);
  expect(said({ evidence: [] })).not.toContain('with');
  expect(said({ evidence: [signature], lostEvidence: [signature] })).toMatch(
    / \| NO LONGER VERIFIES: 1 signature of the original index$/,
  );
  expect(said({ evidence: [signature], lostEvidence: [signature] })).not.toContain('with');
  expect(said({ evidence: [signature, sbom], lostEvidence: [signature] })).toContain('with 1 sbom | NO LONGER');
  const pushedDigest = sha256('rebuilt');
  expect(said({ result: 'rebuilt', pushedDigest })).toContain(`${digest} became ${pushedDigest}`);
  expect(linesOf([], ['b.example/app:1'])).toEqual(['skipped, for none of the platforms: b.example/app:1']);
});

test('lost evidence is an error that names each image, once all is done', () => {
  expect(evidenceShortfall([image])).toBeUndefined();
  expect(() => assertEvidenceKept([image])).not.toThrow();
  const lost = { ...image, evidence: [signature], lostEvidence: [signature] };
  expect(() => assertEvidenceKept([image, lost])).toThrow(
    expect.objectContaining({ code: 'EVIDENCE_LOST', items: ['r.example/app:1: 1 signature'] }),
  );
});

test('a tag that moves is told, and that it moves back', () => {
  const move = { name: 'r.example/app:1', digest, previous: sha256('before'), isDowngrade: false };
  type Moves = Parameters<typeof describeMoves>[0];
  const said = (moves: readonly object[], isDone: boolean): string =>
    describeMoves(moves as Moves, isDone).lines[0] ?? '';
  expect(said([move], true)).toBe(`  tag r.example/app:1 changed: ${move.previous} became ${digest}`);
  expect(said([move], false)).toBe(`  tag r.example/app:1 would change: ${move.previous} becomes ${digest}`);
  const back = { ...move, isDowngrade: true, created: '2026-01-01', previousCreated: '2027-01-01' };
  expect(said([back], true)).toContain(', A DOWNGRADE: made 2026-01-01, after one made 2027-01-01');
});

test('repositories that are not there yet are counted, and none is not mentioned', () => {
  expect(describeNewRepositories([]).lines).toEqual([]);
  expect(describeNewRepositories(['a']).lines[0]).toMatch(/^1 repository does not exist yet/);
  expect(describeNewRepositories(['a', 'b']).lines[0]).toMatch(/^2 repositories do not exist yet/);
  expect(describeNewRepositories(['a', 'b']).document).toEqual({ newRepositories: ['a', 'b'] });
});

test('nothing that is pending is not a number of requests', () => {
  const nothing = { blobs: [], manifests: [], tags: [], substituted: [] };
  type Pending = Parameters<typeof describePending>[0];
  expect(describePending(nothing as unknown as Pending).lines).toEqual([
    'nothing would move: the target holds everything already',
  ]);
});

test('the audit log has charts where there are some', () => {
  expect(Object.keys(imageContent([image], []))).toEqual(['images']);
});
