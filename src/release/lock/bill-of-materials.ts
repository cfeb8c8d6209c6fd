/** The bill of materials of a release in CycloneDX 1.6: images with digests and platforms, charts and files. */
import { ComponentType, ExternalReferenceType, HashAlgorithm } from '@cyclonedx/cyclonedx-library/Enums';
import {
  Bom,
  Component,
  ComponentRepository,
  ExternalReference,
  Property,
  Tools,
} from '@cyclonedx/cyclonedx-library/Models';
import { JSON as CycloneDxJson, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import { createReach, type GraphPart } from '../../content/graph-walk.ts';
import { platformsOfImage } from '../../content/graph-platforms.ts';
import { hexOf, sha256, type Digest } from '../../oci/digest.ts';
import { toPackageUrl } from '../../oci/package-url.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';
import type { GraphImage, GraphManifest } from '../../content/content-graph.ts';
import type { LockFile, ReleaseLock } from './lock-schema.ts';
import { formatLock } from './lock.ts';

/** What BuildKit's provenance and SBOMs are made of, beside the platforms of an index. */
const STATEMENT_LAYER = 'application/vnd.in-toto+json';
/** Namespace of our properties. */
const NAMESPACE = 'hexabase:airgap';
const EVIDENCE_TYPES = {
  signature: ExternalReferenceType.DigitalSignature,
  attestation: ExternalReferenceType.Attestation,
  sbom: ExternalReferenceType.BOM,
  artifact: ExternalReferenceType.Other,
} as const;

/** Names of the release's components that name an image (by reference) or a file (by path). */
type Owners = ReadonlyMap<string, readonly string[]>;

/**
 * The bill of materials as a file of the archive. The same lock and version of the product give the same bytes; the
 * files of `install/` are not of the release and not in it.
 * @see https://cyclonedx.org/docs/1.6/json/
 */
export function createBillOfMaterials(lock: ReleaseLock, toolVersion: string): { path: string; bytes: Buffer } {
  const { name, version, created } = lock;
  const owners = ownersOf(lock);
  const reach = createReach(lock);
  const parts = [
    ...lock.images.map((image) => toImageComponent(lock, image, owners, reach)),
    ...lock.files.map((file) => toFileComponent(file, owners)),
  ];
  const release = new Component(ComponentType.Application, name, { bomRef: 'release', version });
  release.properties.add(new Property(`${NAMESPACE}:channel`, lock.channel));
  const tool = new Component(ComponentType.Application, 'hexabase-airgap', { bomRef: 'tool', version: toolVersion });
  const bom = new Bom({ serialNumber: serialNumberOf(lock) });
  bom.metadata.timestamp = new Date(created);
  bom.metadata.component = release;
  bom.metadata.tools = new Tools({ components: new ComponentRepository([tool]) });
  for (const part of parts) {
    bom.components.add(part);
    release.dependencies.add(part.bomRef);
  }
  // Everything was added in order. The library would sort by the language of the machine.
  const text = new JsonSerializer(new CycloneDxJson.Normalize.Factory(Spec1dot6)).serialize(bom, {
    sortLists: false,
    space: 1,
  });
  return { path: `sbom/${name}-${version}.cdx.json`, bytes: Buffer.from(`${text}\n`) };
}

/** The image, with a part for each platform it is carried for. */
function toImageComponent(
  lock: ReleaseLock,
  image: GraphImage,
  owners: Owners,
  reach: (roots: readonly Digest[]) => GraphPart,
): Component {
  const { digest, indexMode } = image;
  const reference = parseReference(image.reference);
  const name = `${reference.registry}/${reference.repository}`;
  const component = new Component(ComponentType.Container, name, {
    bomRef: image.reference,
    version: reference.tag ?? digest,
    purl: toPackageUrl(reference, digest),
  });
  component.hashes.set(HashAlgorithm['SHA-256'], hexOf(digest));
  addOwners(component, owners.get(image.reference));
  if (indexMode !== undefined) component.properties.add(new Property(`${NAMESPACE}:index`, indexMode));
  const { manifests, blobs } = reach([digest]);
  const mediaTypes = new Map(blobs.map((blob) => [blob.digest, blob.mediaType]));
  for (const platform of platformsOfImage(image, manifests)) {
    component.properties.add(new Property(`${NAMESPACE}:platform`, platform));
  }
  const children = Map.groupBy(
    manifests.flatMap((manifest) => manifest.manifests ?? []),
    (child) => child.digest,
  );
  for (const manifest of manifests) {
    const platforms = (children.get(manifest.digest) ?? []).flatMap(({ platform }) => platform ?? []);
    if (platforms.length > 0) {
      const part = new Component(ComponentType.Container, name, {
        bomRef: `${image.reference}#${manifest.digest}`,
        version: manifest.digest,
        purl: toPackageUrl(reference, manifest.digest, platforms.length === 1 ? platforms[0] : undefined),
      });
      part.hashes.set(HashAlgorithm['SHA-256'], hexOf(manifest.digest));
      for (const platform of platforms) part.properties.add(new Property(`${NAMESPACE}:platform`, platform));
      component.components.add(part);
    } else if (isStatement(manifest, mediaTypes)) {
      addEvidence(component, reference, manifest.digest, 'attestation');
    }
  }
  for (const each of image.evidence ?? []) addEvidence(component, reference, each.digest, each.kind);
  const signed = lock.signedImages?.find((entry) => entry.reference === image.reference);
  for (const signature of signed?.signatures ?? []) {
    const by = 'key' in signature ? `sha256:${signature.keyId}` : `${signature.subject} (${signature.issuer})`;
    component.properties.add(new Property(`${NAMESPACE}:signedBy`, by));
  }
  return component;
}

/** What the image came with, by reference: the archive carries it, in the repository of the image. */
function addEvidence(
  component: Component,
  { registry, repository }: Reference,
  digest: Digest,
  kind: keyof typeof EVIDENCE_TYPES,
): void {
  const url = toPackageUrl({ registry, repository }, digest);
  const reference = new ExternalReference(url, EVIDENCE_TYPES[kind]);
  reference.hashes.set(HashAlgorithm['SHA-256'], hexOf(digest));
  component.externalReferences.add(reference);
}

function toFileComponent({ path, kind, size, digest }: LockFile, owners: Owners): Component {
  const type = kind === 'chart' ? ComponentType.Application : ComponentType.File;
  const component = new Component(type, path, { bomRef: `file:${path}` });
  component.hashes.set(HashAlgorithm['SHA-256'], hexOf(digest));
  addOwners(component, owners.get(path));
  component.properties.add(new Property(`${NAMESPACE}:kind`, kind));
  component.properties.add(new Property(`${NAMESPACE}:size`, String(size)));
  return component;
}

/** No reference is a path: the one has a host in front, the other a directory without a dot. */
function ownersOf({ components }: ReleaseLock): Owners {
  const owners = new Map<string, string[]>();
  for (const { name, images, files } of components) {
    for (const part of [...images.map(({ reference }) => reference), ...files]) {
      owners.set(part, [...(owners.get(part) ?? []), name]);
    }
  }
  return owners;
}

function addOwners(component: Component, owners: readonly string[] = []): void {
  for (const owner of owners) component.properties.add(new Property(`${NAMESPACE}:component`, owner));
}

function isStatement({ layers }: GraphManifest, mediaTypes: ReadonlyMap<Digest, string>): boolean {
  return (
    layers !== undefined && layers.length > 0 && layers.every((layer) => mediaTypes.get(layer) === STATEMENT_LAYER)
  );
}

/** A UUID of version 8 (a meaning of our own): the first bits of the lock's digest. */
function serialNumberOf(lock: ReleaseLock): string {
  const hex = hexOf(sha256(formatLock(lock)));
  const variant = ((parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20)];
  return `urn:uuid:${[...parts, hex.slice(20, 32)].join('-')}`;
}
