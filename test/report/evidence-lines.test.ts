/** What is said of who built, who signed, and why an image is there. */
import { expect, test } from 'vitest';
import { formatEvidence, formatSigners } from '../../src/report/evidence-lines.ts';
import { describeImageEvidence } from '../../src/report/image-evidence-lines.ts';
import { describeBuild, provenanceDocument } from '../../src/report/provenance-lines.ts';
import { describeSigner, signerDocument } from '../../src/report/signer-lines.ts';
import { sha256 } from '../../src/oci/digest.ts';

const digest = sha256('a');
const build = {
  keyId: 'k',
  builderId: 'https://ci.example/runner',
  source: undefined,
  toolVersion: '1.0.0',
  specDigest: digest,
  lockDigest: digest,
  invocation: undefined,
};
const invocation = { invocationId: 'run 7', startedOn: '2027-01-01T00:00:00Z', finishedOn: '2027-01-01T00:01:00Z' };
type Source = NonNullable<Parameters<typeof describeBuild>[0]['source']>;
const [repository, commit] = ['https://git.example/a', 'c0ffee'];

test.each([
  [undefined, undefined, 'https://ci.example/runner'],
  [{ repository }, undefined, `https://ci.example/runner from ${repository}`],
  [{ repository, commit }, undefined, `https://ci.example/runner from ${repository} at c0ffee`],
  [{ repository, commit }, invocation, `https://ci.example/runner from ${repository} at c0ffee (run 7)`],
])('a build from %j in the run %j', (source, run, words) => {
  const given = { ...build, source: source as Source | undefined, invocation: run };
  expect(describeBuild(given)).toBe(words);
  expect(provenanceDocument(given)).toEqual({
    keyId: 'k',
    builderId: 'https://ci.example/runner',
    toolVersion: '1.0.0',
    specDigest: digest,
    lockDigest: digest,
    ...(source === undefined ? {} : { sourceRepository: repository }),
    ...(source !== undefined && 'commit' in source ? { sourceCommit: commit } : {}),
    ...run,
  });
});

test('why images are there, what is not carried, and what rendered the charts', () => {
  const evidence = {
    kind: 'image-evidence' as const,
    schemaVersion: 1 as const,
    renderer: { name: 'helm', version: '4.0.0' },
    images: [
      { reference: 'a:1', digest, foundIn: ['x:1'], signedBy: ['key'] },
      { reference: 'b:1', digest, foundIn: [], accepted: { by: 'release.yaml:3', reason: 'needed' } },
      { reference: 'c:1', digest, foundIn: [], accepted: { by: 'release.yaml:4', reason: '' } },
      { reference: 'd:1', digest, foundIn: [], accepted: { by: 'release.yaml:5' } },
    ],
    dismissed: [{ reference: 'e:1', by: 'release.yaml:6', reason: 'docs', foundIn: ['y:2'] }],
    suspects: [{ reference: 'f:1', foundIn: ['z:3'] }],
    unrendered: ['charts/g'],
  };
  const lines = describeImageEvidence(evidence);
  const rest = lines.filter((line) => !/^[a-d]:1 /.test(line));
  expect(lines).toHaveLength(rest.length + 4);
  expect(rest).toEqual([
    '  in x:1',
    '  signed by key, as the release demands',
    '  accepted by release.yaml:3: needed',
    '  accepted by release.yaml:4',
    '  accepted by release.yaml:5',
    'NOT CARRIED e:1: dismissed by release.yaml:6: docs',
    '  in y:2',
    'NOT CARRIED f:1: may be pulled, and nothing was decided about it',
    '  in z:3',
    'charts/g was not rendered: what its templates name is not known',
    '4 images, 1 dismissed, 1 not decided; charts rendered by helm 4.0.0',
  ]);
  const { renderer: _, ...unrendered } = evidence;
  expect(describeImageEvidence(unrendered).at(-1)).toBe('4 images, 1 dismissed, 1 not decided');
  expect(describeImageEvidence(undefined)).toEqual(['this archive does not say why its images are there']);
});

test('evidence is counted by kind, and none is not the same as not looked for', () => {
  expect(formatEvidence(undefined)).toBe('evidence not collected');
  expect(formatEvidence([])).toBe('no evidence');
  expect(formatEvidence([{ kind: 'sbom' }, { kind: 'signature' }, { kind: 'signature' }])).toBe('2 signatures, 1 sbom');
});

test('an image without signatures under a policy may be unsigned', () => {
  expect(formatSigners(undefined)).toBe('may be unsigned');
  const signatures = [{ key: 'keys/a.pub' }, { subject: 'a@b.example', issuer: 'https://i.example' }];
  expect(formatSigners(signatures as unknown as Parameters<typeof formatSigners>[0])).toBe(
    'signed by keys/a.pub, a@b.example',
  );
});

test('a signer is a key with its algorithm, or an identity, and when', () => {
  const signedAt = new Date('2027-01-01T00:00:00Z');
  type Signer = Parameters<typeof describeSigner>[0];
  const key: Signer = { keyId: 'k', algorithm: 'ed25519' };
  const identity: Signer = { subject: 's', issuer: 'https://i.example', signedAt };
  expect(describeSigner(key)).toBe('k (ed25519)');
  expect(describeSigner({ ...key, signedAt })).toBe('k (ed25519), at 2027-01-01T00:00:00Z');
  expect(describeSigner(identity)).toBe('s (https://i.example), at 2027-01-01T00:00:00Z');
  expect(signerDocument(key)).toEqual({ keyId: 'k', algorithm: 'ed25519' });
  expect(signerDocument({ ...key, signedAt })).toEqual({
    keyId: 'k',
    algorithm: 'ed25519',
    signedAt: '2027-01-01T00:00:00Z',
  });
  expect(signerDocument(identity)).toMatchObject({ signedAt: '2027-01-01T00:00:00Z' });
});
