/**
 * Small, real, deterministic images for tests: manifests and indexes with everything they reach, in memory, and as an OCI
 * layout directory. Same arguments, same bytes, same digests.
 *
 * @example
 * const base = makeLayer({ 'etc/os-release': 'ID=sample\n' });
 * const app = makeMultiPlatformImage({ name: 'app', base, attestations: true });
 * await pushSample(registry.url, 'team/app', app, ['1.0']);
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Annotation } from '../../src/oci/descriptor.ts';
import { hexOf, sha256, type Digest } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { makeBlob, makeLayer, type SampleBlob, type SampleLayer } from './sample-layer.ts';

/** One manifest under another platform, as an index may list it. */
export function listedFor(node: SampleNode, os: string, architecture: string, variant?: string): SampleNode {
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return { ...node, descriptor: { ...node.descriptor, platform } };
}

/** A manifest or an index with all it reaches. */
export interface SampleNode extends SampleBlob {
  /** Config first, then layers; empty for an index. */
  readonly blobs: readonly SampleBlob[];
  /** The manifests of an index; empty for a manifest. */
  readonly children: readonly SampleNode[];
}

/** What manifests of every kind may carry. */
interface Extras {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: SampleNode;
  readonly artifactType?: string;
}

/** Options of {@link makeImage}. */
export interface SampleImageOptions extends Extras {
  /** `os/architecture[/variant]`. @defaultValue 'linux/amd64' */
  readonly platform?: string;
  /** @defaultValue one layer with one small file */
  readonly layers?: readonly SampleLayer[];
  /** @defaultValue 'oci' */
  readonly format?: 'oci' | 'docker';
  readonly labels?: Readonly<Record<string, string>>;
}

/** An image for one platform: config with `rootfs.diff_ids` and the layers. */
export function makeImage(options: SampleImageOptions = {}): SampleNode {
  const { format = 'oci', labels = {}, platform: platformText = 'linux/amd64', ...extras } = options;
  const layers = options.layers ?? [makeLayer({ hello: `${platformText}\n` }, { format })];
  const platform = parsePlatform(platformText);
  const config = toJsonBlob(format === 'docker' ? MediaType.dockerConfig : MediaType.config, {
    created: '1970-01-01T00:00:00Z',
    ...platform,
    config: { Cmd: ['/bin/hello'], Labels: labels },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'sample' })),
  });
  const mediaType = format === 'docker' ? MediaType.dockerManifest : MediaType.manifest;
  const node = makeManifest(mediaType, config, layers, extras);
  return { ...node, descriptor: { ...node.descriptor, platform } };
}

/** Options of {@link makeIndex}. */
export interface SampleIndexOptions extends Extras {
  /** @defaultValue 'oci' */
  readonly format?: 'oci' | 'docker';
}

/** An index over manifests, in the order given, with the platforms (and annotations) of their descriptors. */
export function makeIndex(children: readonly SampleNode[], options: SampleIndexOptions = {}): SampleNode {
  const mediaType = options.format === 'docker' ? MediaType.dockerIndex : MediaType.index;
  const manifests = children.map((child) => child.descriptor);
  return {
    ...toJsonBlob(mediaType, { ...head(mediaType, options), manifests, ...tail(options) }),
    blobs: [],
    children,
  };
}

/** BuildKit's attestation manifest for one image: an index child with platform `unknown/unknown`. */
export function makeAttestation(of: SampleNode): SampleNode {
  const statement = toJsonBlob('application/vnd.in-toto+json', {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://slsa.dev/provenance/v0.2',
    subject: [{ name: 'sample', digest: { sha256: hexOf(of.descriptor.digest) } }],
    predicate: { builder: { id: '' } },
  });
  const config = toJsonBlob(MediaType.config, {
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: [statement.descriptor.digest] },
  });
  const node = makeManifest(MediaType.manifest, config, [statement], {});
  const annotations = {
    [Annotation.dockerReferenceType]: 'attestation-manifest',
    [Annotation.dockerReferenceDigest]: of.descriptor.digest,
  };
  const platform = { architecture: 'unknown', os: 'unknown' };
  return { ...node, descriptor: { ...node.descriptor, annotations, platform } };
}

/** An artifact, such as a signature or a bill of materials, with an empty config; with `subject` it is a referrer. */
export function makeArtifact(
  artifactType: string,
  payload: string,
  extras: Omit<Extras, 'artifactType'> = {},
): SampleNode {
  const empty = makeBlob(MediaType.empty, Buffer.from('{}'));
  const layer = makeBlob('application/octet-stream', Buffer.from(payload));
  return makeManifest(MediaType.manifest, empty, [layer], { ...extras, artifactType });
}

/** Options of {@link makeMultiPlatformImage}. */
export interface SampleMultiPlatformOptions {
  /** Goes into the application layer, so that images with different names differ. */
  readonly name: string;
  /** @defaultValue ['linux/amd64', 'linux/arm64'] */
  readonly platforms?: readonly string[];
  /** The first layer of every platform: give several images the same one and they share it. */
  readonly base?: SampleLayer;
  /** Adds an attestation child per platform. @defaultValue false */
  readonly attestations?: boolean;
  /** @defaultValue 'oci' */
  readonly format?: 'oci' | 'docker';
}

/** An index of images that each have the base layer, a layer of their own and, if wanted, an attestation. */
export function makeMultiPlatformImage(options: SampleMultiPlatformOptions): SampleNode {
  const { name, platforms = ['linux/amd64', 'linux/arm64'], attestations = false, format = 'oci' } = options;
  const base = options.base ?? makeLayer({ 'etc/os-release': 'ID=sample\n' }, { format });
  const images = platforms.map((platform) => {
    const own = makeLayer({ [`bin/${name}`]: `#!/bin/sh\necho ${name} on ${platform}\n` }, { format });
    return makeImage({ platform, layers: [base, own], format });
  });
  return makeIndex(attestations ? [...images, ...images.map(makeAttestation)] : images, { format });
}

/** Everything a node reaches and the node itself, children before parents, each once. */
export function contentOf(node: SampleNode): Map<Digest, SampleBlob> {
  const found = new Map<Digest, SampleBlob>();
  for (const child of node.children) for (const [digest, blob] of contentOf(child)) found.set(digest, blob);
  for (const blob of node.blobs) found.set(blob.descriptor.digest, blob);
  return found.set(node.descriptor.digest, node);
}

/** Writes an OCI layout directory with the node under a name (`org.opencontainers.image.ref.name`). */
export async function writeOciLayout(directory: string, node: SampleNode, refName: string): Promise<void> {
  const blobs = join(directory, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  for (const [digest, { bytes }] of contentOf(node)) await writeFile(join(blobs, hexOf(digest)), bytes);
  const root = { ...node.descriptor, annotations: { [Annotation.refName]: refName } };
  const index = { schemaVersion: 2, mediaType: MediaType.index, manifests: [root] };
  await writeFile(join(directory, 'index.json'), JSON.stringify(index));
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}

function makeManifest(
  mediaType: string,
  config: SampleBlob,
  layers: readonly SampleBlob[],
  extras: Extras,
): SampleNode {
  const described = { config: config.descriptor, layers: layers.map((layer) => layer.descriptor) };
  const blob = toJsonBlob(mediaType, { ...head(mediaType, extras), ...described, ...tail(extras) });
  return { ...blob, blobs: [config, ...layers], children: [] };
}

function head(mediaType: string, { artifactType }: Extras): object {
  return { schemaVersion: 2, mediaType, ...(artifactType === undefined ? {} : { artifactType }) };
}

function tail({ subject, annotations }: Extras): object {
  if (subject === undefined) return annotations === undefined ? {} : { annotations };
  const { mediaType, digest, size } = subject.descriptor;
  return { subject: { mediaType, digest, size }, ...(annotations === undefined ? {} : { annotations }) };
}

function toJsonBlob(mediaType: string, value: unknown): SampleBlob {
  return makeBlob(mediaType, Buffer.from(JSON.stringify(value)));
}

/** The digest of a name that nothing has. */
export function unknownDigest(seed = 'nothing has this digest'): Digest {
  return sha256(seed);
}
