/** Section 4.4 of docs/format.md, written from that page alone. What a document may look like: second-reader-json.ts. */
import type { Insist, Naming, Release } from './second-reader.ts';
import { readDocument, readConfig, type Descriptor, type Document } from './second-reader-json.ts';

const IMAGE_CONFIG = /^application\/vnd\.(oci\.image\.config|docker\.container\.image)\.v1\+json$/;
const MAX = 32 * 1024 * 1024;

/** Throws when the inventory says of a manifest what it does not say itself. */
export function compareGraph(release: Release, contents: ReadonlyMap<string, Buffer>, insist: Insist): void {
  const sizes = new Map([...release.manifests, ...release.blobs].map(({ digest, size }) => [digest, size]));
  const documents = new Map<string, Document>();
  for (const { digest, mediaType, size } of release.manifests) {
    insist(size <= MAX && size > 0, `graph: size of ${digest}`);
    const document = readDocument(contents.get(digest) ?? Buffer.alloc(0), mediaType, insist);
    documents.set(digest, document);
  }
  const children = (digest: string): readonly Naming[] =>
    release.manifests.find((each) => each.digest === digest)?.manifests ?? [];
  const isIndex = (digest: string): boolean => documents.get(digest)?.manifests !== undefined;
  const reached = new Set(release.images.map(({ digest }) => digest));
  for (const digest of reached) for (const child of children(digest)) reached.add(child.digest);

  const platformOf = (digest: string, said: Descriptor['platform']): string => {
    const { config } = documents.get(digest) ?? {};
    if (config === undefined || !IMAGE_CONFIG.test(config.mediaType)) return '';
    if (said !== undefined) return platformText(said.os, said.architecture, said.variant);
    const bytes = (sizes.get(config.digest) ?? 0) <= MAX ? contents.get(config.digest) : undefined;
    const { os = '', architecture = '', variant = '' } = readConfig(bytes ?? Buffer.alloc(0));
    return platformText(os, architecture, variant);
  };
  const types = new Set<string>();
  for (const claim of release.manifests) {
    const what = `graph of ${claim.digest}`;
    const { manifests, config, layers = [], subject } = documents.get(claim.digest) as Document;
    for (const { digest, mediaType, size } of manifests ?? []) {
      const carried = release.manifests.find((each) => each.digest === digest);
      if (carried === undefined) continue;
      insist(
        /\+json$/.test(mediaType) && kindOf(mediaType) === kindOf(carried.mediaType) && size === carried.size,
        what,
      );
    }
    for (const { digest, subject: named, kind, tag } of release.images.flatMap(({ evidence = [] }) => evidence)) {
      if (digest !== claim.digest || tag !== undefined) continue;
      insist(
        subject?.digest === named && kind === referrerKind(documents.get(digest) as Document),
        `${what}: evidence`,
      );
    }
    if (manifests !== undefined) {
      const isOwn = reached.has(claim.digest);
      const said = manifests.map(({ digest, platform }) => `${digest} ${isOwn ? platformOf(digest, platform) : ''}`);
      const claimed = children(claim.digest).map(({ digest, platform = '' }) => `${digest} ${platform}`);
      insist(claimed.every((each) => said.includes(each)), `${what}: children`); // prettier-ignore
      insist(isSparse(release, claim.digest) || said.every((each) => claimed.includes(each)), `${what}: complete`);
    } else if (config !== undefined) {
      const named = [config, ...layers];
      insist(named.map(({ digest }) => digest).join() === [claim.config, ...(claim.layers ?? [])].join(), what);
      for (const { digest, size, mediaType } of named) {
        insist(sizes.get(digest) === size && !/\.(foreign|nondistributable)\./.test(mediaType), what);
        types.add(`${digest} ${mediaType}`);
      }
    }
  }
  insist(
    release.blobs.every(({ digest, mediaType }) => types.has(`${digest} ${mediaType}`)),
    'graph: types of blobs',
  );
  for (const { digest, platform = '', indexMode } of release.images) {
    insist((indexMode !== undefined) === isIndex(digest), `graph: index mode of ${digest}`);
    insist(platform === (isIndex(digest) ? '' : platformOf(digest, undefined)), `graph: platform of ${digest}`);
  }
}

/** Only the root of images that all say so may lack children. */
function isSparse({ images, manifests }: Release, index: string): boolean {
  const isInner = manifests.some((each) => (each.manifests ?? []).some(({ digest }) => digest === index));
  const isEvidence = images.some(({ evidence = [] }) => evidence.some(({ digest }) => digest === index));
  const own = images.filter(({ digest }) => digest === index);
  return !isInner && !isEvidence && own.length > 0 && own.every(({ indexMode }) => indexMode === 'sparse');
}

function kindOf(mediaType: string): string {
  if (/^application\/vnd\.(oci\.image\.index\.v1|docker\.distribution\.manifest\.list\.v2)\+json$/.test(mediaType)) {
    return 'index';
  }
  return /^application\/vnd\.(oci\.image\.manifest\.v1|docker\.distribution\.manifest\.v2)\+json$/.test(mediaType)
    ? 'manifest'
    : 'other';
}

function platformText(os: string, architecture: string, variant = ''): string {
  const isPlain = variant === '' || { arm64: 'v8', amd64: 'v1' }[architecture] === variant;
  const text = `${os}/${architecture}${isPlain ? '' : `/${variant}`}`;
  const isWritable = /^[a-z0-9]+\/[a-z0-9]+(\/v[0-9]{1,2})?$/.test(text) && text !== 'multi/platform';
  return isWritable && os !== 'unknown' && architecture !== 'unknown' ? text : '';
}

/** The table of 4.4, row by row. */
function referrerKind({ artifactType, config, annotations = {} }: Document): string {
  const type = artifactType ?? config?.mediaType ?? '';
  const has = (...texts: readonly string[]): boolean => texts.some((text) => type.includes(text));
  if (type.startsWith('application/vnd.dev.sigstore.bundle')) {
    const predicate = annotations['dev.sigstore.bundle.predicateType'];
    return predicate === undefined || predicate === 'https://sigstore.dev/cosign/sign/v1' ? 'signature' : 'attestation';
  }
  if (has('cosign.artifact.sig', 'notary.signature', 'simplesigning')) return 'signature';
  if (has('spdx', 'cyclonedx', 'syft', 'cosign.artifact.sbom')) return 'sbom';
  return has('in-toto', 'slsa', 'cosign.artifact.att') ? 'attestation' : 'artifact';
}
