/** The bill of materials: valid CycloneDX 1.6, complete, and the same for the same lock. */
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { createBillOfMaterials } from '../../../src/release/lock/bill-of-materials.ts';
import type { ReleaseLock } from '../../../src/release/lock/lock-schema.ts';

const digest = (text: string): ReturnType<typeof sha256> => sha256(text);
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const APP = 'registry.example:5000/team/app:1.0';
const TOOL = `docker.io/library/tool@${digest('tool')}`;

/** An index with a platform and statements about it, an image of a digest alone, a signature, a chart and a document. */
function makeLock(): ReleaseLock {
  const manifest = (name: string): ReleaseLock['manifests'][number] => ({
    digest: digest(name),
    mediaType: MANIFEST,
    size: 10,
    config: digest(`${name} config`),
    layers: [digest(`${name} layer`)],
  });
  const manifests = [
    {
      digest: digest('app'),
      mediaType: INDEX,
      size: 10,
      manifests: [{ digest: digest('app amd64'), platform: 'linux/amd64' }, { digest: digest('app statements') }],
    },
    manifest('app amd64'),
    manifest('app statements'),
    manifest('app signature'),
    manifest('tool'),
  ];
  const blobs = manifests.flatMap(({ config, layers = [] }) =>
    [config, ...layers].flatMap((each) =>
      each === undefined
        ? []
        : [
            {
              digest: each,
              size: 5,
              mediaType:
                each === digest('app statements layer') ? 'application/vnd.in-toto+json' : 'application/octet-stream',
            },
          ],
    ),
  );
  const byDigest = <T extends { digest: string }>(list: T[]): T[] =>
    list.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return {
    lockVersion: 1,
    name: 'demo',
    version: '1.0.0+build.7',
    channel: 'stable',
    created: '2026-01-31T12:00:00Z',
    platforms: 'all',
    specDigest: digest('spec'),
    components: [
      { name: 'core', images: [{ reference: APP, foundIn: [] }], files: ['charts/app-1.0.0.tgz', 'docs/läs mig.md'] },
      { name: 'tools', images: [APP, TOOL].map((reference) => ({ reference, foundIn: [] })), files: [] },
    ],
    files: [
      { path: 'charts/app-1.0.0.tgz', from: 'charts/app', kind: 'chart', size: 3, digest: digest('chart') },
      { path: 'docs/läs mig.md', from: 'docs', kind: 'doc', size: 4, digest: digest('doc') },
    ],
    images: [
      { reference: TOOL, digest: digest('tool'), platform: 'linux/arm/v7' },
      {
        reference: APP,
        digest: digest('app'),
        indexMode: 'sparse',
        evidence: [{ subject: digest('app'), digest: digest('app signature'), kind: 'signature', tag: 'sha256-x.sig' }],
      },
    ],
    manifests: byDigest(manifests),
    blobs: byDigest(blobs),
  };
}

interface Part {
  type: string;
  name: string;
  'bom-ref': string;
  purl?: string;
  hashes?: { alg: string; content: string }[];
  properties?: { name: string; value: string }[];
  components?: Part[];
  externalReferences?: { type: string; url: string; hashes: unknown[] }[];
}

const text = (lock = makeLock()): string => createBillOfMaterials(lock, '9.9.9').bytes.toString();
const read = (): {
  serialNumber: string;
  metadata: { timestamp: string };
  components: Part[];
  dependencies: { ref: string; dependsOn?: string[] }[];
} => JSON.parse(text()) as never;

describe('a bill of materials', () => {
  it('is valid CycloneDX 1.6', async () => {
    expect(await new JsonStrictValidator(Version.v1dot6).validate(text())).toBeNull();
    const broken = text().replace('"container"', '"ship"');
    expect(await new JsonStrictValidator(Version.v1dot6).validate(broken)).not.toBeNull();
  });

  it('names every image with its digest, its platforms, its owners and what vouches for it', () => {
    const app = read().components.find((part) => part['bom-ref'] === APP);
    const purl = `pkg:oci/app@${encodeURIComponent(digest('app'))}?repository_url=registry.example:5000/team/app&tag=1.0`;
    expect(app).toMatchObject({ type: 'container', name: 'registry.example:5000/team/app', version: '1.0', purl });
    expect(app?.hashes).toEqual([{ alg: 'SHA-256', content: digest('app').slice(7) }]);
    expect(app?.properties?.map(({ name, value }) => [name.replace('hexabase:airgap:', ''), value])).toEqual([
      ['component', 'core'],
      ['component', 'tools'],
      ['index', 'sparse'],
      ['platform', 'linux/amd64'],
    ]);
    expect(app?.components?.map((part) => part.purl)).toEqual([
      `pkg:oci/app@${encodeURIComponent(digest('app amd64'))}?arch=amd64&os=linux&repository_url=registry.example:5000/team/app&tag=1.0`,
    ]);
    expect(app?.externalReferences).toMatchObject([
      { type: 'attestation', url: expect.stringContaining(encodeURIComponent(digest('app statements'))) as string },
      {
        type: 'digital-signature',
        url: expect.stringContaining(encodeURIComponent(digest('app signature'))) as string,
      },
    ]);
    const tool = read().components.find((part) => part['bom-ref'] === TOOL);
    expect(tool).toMatchObject({
      version: digest('tool'),
      properties: [{ value: 'tools' }, { value: 'linux/arm/v7' }],
    });
  });

  it('names charts and files, and the release depends on all of it', () => {
    const { components, dependencies, metadata } = read();
    expect(components.map((part) => [part.type, part.name])).toEqual([
      ['container', 'docker.io/library/tool'],
      ['container', 'registry.example:5000/team/app'],
      ['application', 'charts/app-1.0.0.tgz'],
      ['file', 'docs/läs mig.md'],
    ]);
    const own = dependencies.find(({ ref }) => ref === 'release');
    expect(own?.dependsOn).toEqual(components.map((part) => part['bom-ref']));
    expect(metadata.timestamp).toBe('2026-01-31T12:00:00.000Z');
  });

  it('is the same for the same lock, under any language, and has another number for another lock', () => {
    expect(text()).toBe(text());
    const other = makeLock();
    other.files.pop();
    other.components[0]?.files.pop();
    const serial = (each: string): string => (JSON.parse(each) as { serialNumber: string }).serialNumber;
    expect(serial(text())).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(serial(text(other))).not.toBe(serial(text()));
    expect(createBillOfMaterials(makeLock(), '9.9.9').path).toBe('sbom/demo-1.0.0+build.7.cdx.json');
  });
});
