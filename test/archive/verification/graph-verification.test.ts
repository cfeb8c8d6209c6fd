/** A trusted key does not make a lie true: what the inventory says of manifests must be what they say themselves. */
import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { GraphVerifier } from '../../../src/archive/verification/graph-verification.ts';
import { bytesOf } from '../../../src/content/verified.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { MAX_MANIFEST_BYTES } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import { verifyArchive, verifyStream } from '../../../src/archive/verification/verified-archive.ts';
import { platformsOf } from '../../../src/content/graph-platforms.ts';
import type { GraphChild, GraphEvidence, GraphManifest } from '../../../src/content/content-graph.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { makeArtifact, makeImage, makeIndex, makeMultiPlatformImage } from '../../helpers/sample-image.ts';
import { makeLayer } from '../../helpers/sample-layer.ts';
import { readArchive } from '../../helpers/second-reader.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { rejectionOf } from '../failures.ts';
import { contentsOf, fixedKeyPair, forgeArchive, withManifestBytes } from '../forge.ts';
import { makeRelease, type SampleRelease } from '../sample-release.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('builder');
const policy = { keys: [publicKey], threshold: 1 };
let release: SampleRelease;
let contents: Map<Digest, Buffer>;

beforeAll(async () => {
  const base = makeLayer({ 'etc/os-release': 'ID=sample\n' });
  const app = makeMultiPlatformImage({ name: 'app', base, attestations: true });
  release = await makeRelease({
    images: {
      'registry.example/app:1': app,
      'registry.example/nested:1': makeIndex([makeMultiPlatformImage({ name: 'inner', base })]),
      'registry.example/tool:1': makeImage({ platform: 'linux/arm64', layers: [base] }),
      'registry.example/chart:1': makeArtifact('application/x', 'y'),
    },
    files: {},
  });
  contents = contentsOf(release);
});

/** What the product says of the archive of this inventory, as a file and as a stream; the second reader must agree. */
async function judge(
  inventory: Inventory,
  extra: ReadonlyMap<Digest, Buffer> = new Map(),
  byBoth = extra.size === 0,
): Promise<unknown> {
  const bytes = await forgeArchive(inventory, new Map([...contents, ...extra]), createKeySigner(privateKey));
  const path = temp.join('forged.tar');
  await writeFile(path, bytes);
  const outcome = (work: Promise<unknown>): Promise<unknown> => work.then(() => 'accepted', (error: unknown) => error); // prettier-ignore
  const asFile = await outcome(verifyArchive(path, policy));
  const asStream = await outcome(verifyStream(bytesOf(bytes), 'stream', policy));
  expect(asStream).toEqual(asFile);
  const second = ((): string => {
    try {
      readArchive(bytes, [publicKey]);
      return 'accepted';
    } catch (error) {
      return `refused: ${(error as Error).message}`;
    }
  })();
  // It leaves the rules of JSON out, so it may believe more, never less.
  if (asFile === 'accepted') expect(second).toBe('accepted');
  else if (byBoth) expect(second).toMatch(/^refused/);
  return asFile;
}

const LIE = { name: 'IntegrityError', code: 'MALFORMED', message: expect.stringMatching(/^release\.json is wrong about sha256:/) as string }; // prettier-ignore

type Draft = { -readonly [K in keyof Inventory]: Inventory[K] } & { manifests: GraphManifest[] };
function changed(change: (draft: Draft) => void): Inventory {
  const draft = structuredClone(release.inventory) as Draft;
  change(draft);
  return { ...draft, platforms: [...platformsOf(draft)] };
}
const first = (draft: Draft, holds: (manifest: GraphManifest) => boolean): GraphManifest => {
  const found = draft.manifests.find(holds);
  if (found === undefined) throw new Error('no such manifest in the sample');
  return found;
};
const isImage = ({ layers }: GraphManifest): boolean => (layers?.length ?? 0) > 1;
/** A child that an index lists for a platform, or for none. */
const child = (draft: Draft, platform: string | undefined): GraphChild => {
  const isIndex = new Map(draft.manifests.map(({ digest, manifests }) => [digest, manifests !== undefined]));
  const found = draft.manifests
    .flatMap(({ manifests = [] }) => manifests)
    .find((each) => each.platform === platform && isIndex.get(each.digest) === false);
  if (found === undefined) throw new Error('no such child in the sample');
  return found;
};

test('the truth is accepted', async () => {
  expect(await judge(release.inventory)).toBe('accepted');
});

describe('a signed inventory is refused that', () => {
  test.each<[string, (draft: Draft) => void]>([
    ['swaps two layers', (draft) => void first(draft, isImage).layers?.reverse()],
    ['repeats a layer', (draft) => void first(draft, isImage).layers?.push(first(draft, isImage).layers?.[0] as Digest)],
    ['leaves a layer out', (draft) => {
      const [, shared] = first(draft, isImage).layers ?? [];
      for (const manifest of draft.manifests) if (manifest.layers !== undefined) manifest.layers = manifest.layers.filter((layer) => layer !== shared);
      draft.blobs = draft.blobs.filter(({ digest }) => draft.manifests.some(({ config, layers }) => config === digest || layers?.includes(digest)));
    }],
    ['takes the config of another image', (draft) => {
      const [one, other] = draft.manifests.filter(isImage);
      [one!.config, other!.config] = [other!.config, one!.config];
    }],
    ['takes a layer for the config', (draft) => {
      const image = first(draft, isImage);
      const [layer] = image.layers ?? [];
      [image.config, image.layers![0]] = [layer, image.config as Digest];
    }],
    ['gives an index the child of another', (draft) => {
      const [one, other] = draft.manifests.filter(({ manifests }) => (manifests?.length ?? 0) > 1);
      one?.manifests?.push(other?.manifests?.[0] as GraphChild);
    }],
    ['hides a child and calls the index complete', (draft) => {
      const index = first(draft, ({ manifests }) => (manifests?.length ?? 0) > 2);
      const hidden = index.manifests?.pop();
      draft.manifests = draft.manifests.filter(({ digest }) => digest !== hidden?.digest);
      const kept = new Set(draft.manifests.flatMap(({ config, layers = [] }) => [config, ...layers]));
      draft.blobs = draft.blobs.filter(({ digest }) => kept.has(digest));
    }],
    ['gives an image another platform', (draft) => Object.assign(child(draft, 'linux/amd64'), { platform: 'linux/s390x' })],
    ['gives an attestation a platform', (draft) => Object.assign(child(draft, undefined), { platform: 'linux/amd64' })],
    ['takes the platform from an image', (draft) => delete child(draft, 'linux/amd64').platform],
    ['takes the platform from a single image', (draft) => void (draft.images = draft.images.map(({ platform: _, ...image }) => image))],
    ['says Docker’s type of an OCI manifest', (draft) => Object.assign(first(draft, isImage), { mediaType: MediaType.dockerManifest })],
    ['says a media type of a layer that nobody gives it', (draft) => Object.assign(draft.blobs.at(-1) as object, { mediaType: 'application/x' })],
    ['has an index without index mode', (draft) => void (draft.images = draft.images.map(({ reference, digest }) => ({ reference, digest })))],
    ['has a manifest with index mode', (draft) => void (draft.images = draft.images.map((image) => ({ ...image, indexMode: 'sparse' as const })))],
  ])('%s', async (_, change) => {
    expect(await judge(changed(change))).toMatchObject(LIE);
  }); // prettier-ignore
});

describe('a signed manifest is refused that', () => {
  const replaced = async (pick: (manifest: GraphManifest) => boolean, change: (json: Json) => unknown): Promise<unknown> => {
    const { digest } = first(release.inventory, pick);
    const json = JSON.parse(String(contents.get(digest))) as Json;
    const result = change(json);
    const bytes = typeof result === 'string' ? Buffer.from(result) : Buffer.from(JSON.stringify(json));
    return judge(withManifestBytes(release.inventory, digest, bytes), new Map([[sha256(bytes), bytes]]));
  }; // prettier-ignore
  type Json = Record<string, unknown> & { layers: Record<string, unknown>[]; config: Record<string, unknown> };
  /** No index names it, so that nothing else has to follow. */
  const alone = ({ digest }: GraphManifest): boolean => release.inventory.images.some((image) => image.digest === digest && image.platform === 'linux/arm64'); // prettier-ignore

  test.each<[string, (json: Json) => unknown]>([
    ['is an index, too (CVE-2021-41190)', (json) => void (json['manifests'] = [])],
    ['has layers twice', (json) => JSON.stringify(json).replace('"layers":', '"layers":[],"layers":')],
    ['has Layers as well (CVE-2014-8179)', (json) => void (json['Layers'] = [])],
    ['begins with a byte order mark', (json) => `\uFEFF${JSON.stringify(json)}`],
    ['lies about the size of a layer', (json) => void (json.layers[0]!['size'] = 1)],
    ['claims a layer of a terabyte', (json) => void (json.layers[0]!['size'] = 2 ** 40)],
    ['names a layer outside of the archive', (json) => void json.layers.push({ mediaType: 'x', digest: sha256('outside'), size: 1 })],
    ['names a foreign layer with an address (CVE-2020-15157)', (json) => void Object.assign(json.layers[0]!, { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', urls: ['https://attacker.example/'] })],
    ['names a digest that is a path (CVE-2024-3727)', (json) => void (json.layers[0]!['digest'] = 'sha256:../../../etc/passwd')],
    ['names sha512 with the length of sha256', (json) => void (json.layers[0]!['digest'] = `sha512:${'a'.repeat(64)}`)],
    ['says where a layer is to be had', (json) => void (json.layers[0]!['urls'] = ['https://attacker.example/'])],
    ['says where its config is to be had', (json) => void (json.config['urls'] = ['https://attacker.example/'])],
    ['embeds another config', (json) => void (json.config['data'] = Buffer.from('{}').toString('base64'))],
    ['writes a size with a fraction', (json) => JSON.stringify(json).replace(/"size":(\d+)/, '"size":$1.0')],
    ['writes a size with an exponent', (json) => JSON.stringify(json).replace(/"size":(\d+)/, '"size":$1e0')],
    ['writes a version with a fraction', (json) => JSON.stringify(json).replace('"schemaVersion":2', '"schemaVersion":2.0')],
    ['is text', () => 'hello'],
    ['is nearly empty', () => '{"schemaVersion":2}'],
    ['is nested a million deep', () => '['.repeat(1_000_000) + ']'.repeat(1_000_000)],
    ['is of schema 1', () => '{"schemaVersion":1,"fsLayers":[]}'],
  ])('%s', async (_, change) => {
    expect(await replaced(alone, change)).toMatchObject(LIE);
  }); // prettier-ignore

  test('and a harmless change is not what it is refused for', async () => {
    expect(await replaced(alone, (json) => void (json['annotations'] = { a: 'b' }))).toBe('accepted');
  });

  test('says a smaller size of its child', async () => {
    expect(await replaced(({ manifests }) => manifests?.length === 4, (json) => void ((json['manifests'] as { size: number }[])[0]!.size -= 1))).toMatchObject(LIE); // prettier-ignore
  });
});

describe('evidence', () => {
  const referrer = (draft: Draft): Digest => {
    const { digest } = draft.images.find(({ reference }) => reference.includes('/sbom')) ?? { digest: sha256('none') };
    return digest;
  };
  /** One image more that is in truth a referrer of the tool; it is then listed as evidence of the tool. */
  async function withEvidence(
    subjectOf: (draft: Draft) => Digest,
    kind: GraphEvidence['kind'] = 'sbom',
  ): Promise<unknown> {
    const tool = makeMultiPlatformImage({ name: 'tool' });
    const sbom = makeArtifact('application/spdx+json', '{}', { subject: tool });
    const other = await makeRelease({
      images: { 'registry.example/sbom:1': sbom, 'registry.example/tool:1': tool, 'registry.example/x:1': makeImage() },
      files: {},
    });
    const draft = structuredClone(other.inventory) as Draft;
    const evidence = [{ subject: subjectOf(draft), digest: referrer(draft), kind }];
    draft.images = draft.images
      .filter(({ reference }) => !reference.includes('/sbom'))
      .map((image) => (image.reference.includes('/tool') ? { ...image, evidence } : image));
    draft.components[0]!.images.splice(0);
    draft.platforms = [...platformsOf(draft)];
    return judge(draft, contentsOf(other), true);
  }
  const imageOf = (name: string) => (draft: Draft): Digest =>
    draft.images.find(({ reference }) => reference.includes(name))?.digest ?? sha256('none'); // prettier-ignore

  test('for what it refers to is accepted', async () => {
    expect(await withEvidence(imageOf('/tool'))).toBe('accepted');
  });

  test('takes evidence for something else of the image: refused', async () => {
    const childOf = (draft: Draft): Digest => child(draft, 'linux/amd64').digest;
    expect(await withEvidence(childOf)).toMatchObject(LIE);
  });

  test('takes evidence for another image: refused', async () => {
    expect(await withEvidence(imageOf('/x'))).toMatchObject({
      code: 'MALFORMED',
      message: expect.stringContaining('which it does not reach') as string,
    });
  });

  test('calls a bill of materials a signature: refused', async () => {
    expect(await withEvidence(imageOf('/tool'), 'signature')).toMatchObject(LIE);
  });
});

describe('what an image runs on is in a config that is an image’s', () => {
  const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
  const blob = { digest: sha256(config), size: config.length };
  /** What follows from one manifest with this config, under a type, for an inventory that says this platform. */
  function evaluateSingle(mediaType: string, platform: string | undefined): unknown {
    const json = { schemaVersion: 2, mediaType: MediaType.manifest, config: { mediaType, ...blob }, layers: [] };
    const manifest = Buffer.from(JSON.stringify(json));
    const digest = sha256(manifest);
    const proof = new GraphVerifier({
      images: [{ reference: 'registry.example/app:1', digest, ...(platform === undefined ? {} : { platform }) }],
      manifests: [{ digest, size: manifest.length, mediaType: MediaType.manifest, config: blob.digest, layers: [] }],
      blobs: [{ ...blob, mediaType }],
    });
    proof.take(digest, manifest);
    proof.take(blob.digest, config);
    try {
      proof.finish();
      return 'accepted';
    } catch (error) {
      return error;
    }
  }

  test.each([MediaType.config, MediaType.dockerConfig])('%s says its platform', (type) => {
    expect(evaluateSingle(type, 'linux/amd64')).toBe('accepted');
    expect(evaluateSingle(type, 'linux/arm64')).toMatchObject(LIE);
    expect(evaluateSingle(type, undefined)).toMatchObject(LIE);
  });

  test('a config of another type says none, whatever is in it', () => {
    expect(evaluateSingle('application/vnd.example.config.v1+json', undefined)).toBe('accepted');
    expect(evaluateSingle('application/vnd.example.config.v1+json', 'linux/amd64')).toMatchObject(LIE);
  });
});

test('a manifest of more than 32 MiB is refused before it is read', async () => {
  const lie = changed((draft) => void (first(draft, isImage).size = MAX_MANIFEST_BYTES + 1));
  expect(await rejectionOf(() => new GraphVerifier(lie))).toMatchObject(LIE);
});

test('manifests are judged before any layer is hashed', async () => {
  const lie = changed((draft) => void first(draft, isImage).layers?.reverse());
  const bytes = await forgeArchive(lie, contents, createKeySigner(privateKey));
  await writeFile(temp.join('lie.tar'), bytes);
  const seen: number[] = [];
  await expect(
    verifyArchive(temp.join('lie.tar'), policy, { onProgress: (done) => seen.push(done) }),
  ).rejects.toMatchObject(LIE);
  expect(seen).toEqual([]);
});
