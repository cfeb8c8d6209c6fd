/** Why each image is there: from the lock into the archive, and read there again. */
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import {
  createImageEvidence,
  MAX_EVIDENCE_BYTES,
  parseImageEvidence,
} from '../../../src/archive/inventory/image-evidence.ts';
import type { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';
import { describeImageEvidence } from '../../../src/report/image-evidence-lines.ts';

const app = 'quay.io/a/app:1';
const proxy = 'quay.io/a/proxy:2';
const LOCK: ReleaseLock = {
  lockVersion: 1,
  name: 'demo',
  version: '1.0.0',
  channel: 'stable',
  created: '2026-01-31T12:00:00Z',
  platforms: 'all',
  specDigest: sha256('spec'),
  components: [
    { name: 'a', images: [{ reference: app, foundIn: ['release.yaml:9:7'] }], files: [] },
    {
      name: 'b',
      images: [
        { reference: app, foundIn: ['charts/b b/templates/p.yaml Pod spec.containers[0].image'] },
        {
          reference: proxy,
          foundIn: ['m.yaml:3 Pod/x (argument)'],
          accepted: { by: 'quay.io/a/*', reason: 'started' },
        },
      ],
      files: [],
    },
  ],
  files: [],
  rendering: { renderer: { name: 'helm', version: '4.3.1' }, charts: [], findings: sha256('found') },
  dismissed: [{ reference: 'quay.io/a/test:1', by: 'quay.io/a/test', reason: 'only tests', foundIn: ['m.yaml:9'] }],
  suspects: [{ reference: 'quay.io/a/open:1', foundIn: ['m.yaml:10'] }],
  signedImages: [
    {
      reference: app,
      digest: sha256('app'),
      match: '*',
      signatures: [{ key: 'keys/a.pub', keyId: 'ab'.repeat(32), evidence: sha256('e'), content: sha256('c') }],
    },
  ],
  images: [
    { reference: app, digest: sha256('app') },
    { reference: proxy, digest: sha256('proxy') },
  ],
  manifests: [],
  blobs: [],
};

test('all places of all components, decisions and signers survive, and are told line by line', () => {
  const { path, bytes } = createImageEvidence(LOCK);
  expect(path).toBe('sbom/demo-1.0.0.images.json');
  expect(createImageEvidence(LOCK).bytes.equals(bytes)).toBe(true);
  expect(describeImageEvidence(parseImageEvidence(bytes, path))).toEqual([
    expect.stringMatching(/^quay\.io\/a\/app:1 sha256:/),
    '  in charts/b b/templates/p.yaml Pod spec.containers[0].image',
    '  in release.yaml:9:7',
    `  signed by keys/a.pub (sha256:${'ab'.repeat(32)}), as the release demands`,
    expect.stringMatching(/^quay\.io\/a\/proxy:2 sha256:/),
    '  in m.yaml:3 Pod/x (argument)',
    '  accepted by quay.io/a/*: started',
    'NOT CARRIED quay.io/a/test:1: dismissed by quay.io/a/test: only tests',
    '  in m.yaml:9',
    'NOT CARRIED quay.io/a/open:1: may be pulled, and nothing was decided about it',
    '  in m.yaml:10',
    '2 images, 1 dismissed, 1 not decided; charts rendered by helm 4.3.1',
  ]);
});

test('a decision without a reason is told as it is, and so is a chart that nothing rendered', () => {
  const [first, second] = LOCK.components;
  const images = (second?.images ?? []).map((image) => ({
    ...image,
    ...(image.accepted && { accepted: { by: '*' } }),
  }));
  const components = [first!, { ...second!, images }];
  const { rendering: _none, dismissed: _no, ...rest } = LOCK;
  const { path, bytes } = createImageEvidence({ ...rest, components, unrendered: ['chart web'] });
  const lines = describeImageEvidence(parseImageEvidence(bytes, path));
  expect(lines).toContain('  accepted by *');
  expect(lines.slice(-2)).toEqual([
    'chart web was not rendered: what its templates name is not known',
    '2 images, 0 dismissed, 1 not decided',
  ]);
});

test.each(['', '{}', '[]', '{"kind":"image-evidence","schemaVersion":2}'])('%j is refused', (text) => {
  expect(() => parseImageEvidence(Buffer.from(text), 'sbom/x.images.json')).toThrow(
    /^sbom\/x\.images\.json does not say/,
  );
});

test('a file is read up to 16 MiB', () => {
  const padded = (length: number): Buffer => {
    const { bytes } = createImageEvidence(LOCK);
    return Buffer.concat([bytes, Buffer.alloc(length - bytes.length, ' ')]);
  };
  expect(MAX_EVIDENCE_BYTES).toBe(16 * 1024 * 1024);
  expect(parseImageEvidence(padded(MAX_EVIDENCE_BYTES), 'x.json').images).toHaveLength(LOCK.images.length);
  expect(() => parseImageEvidence(padded(MAX_EVIDENCE_BYTES + 1), 'x.json')).toThrow(
    expect.objectContaining({ code: 'MALFORMED', cause: expect.objectContaining({ message: 'is longer than 16777216 bytes' }) as unknown }) as unknown, // prettier-ignore
  );
});
