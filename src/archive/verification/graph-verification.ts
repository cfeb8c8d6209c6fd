/**
 * Holds what the inventory says of manifests against the manifests themselves. Digests verify that bytes are those that
 * were signed for; this verifies that the signed graph is the one that registries and engines will read out of them.
 */
import { childKey, createReach } from '../../content/graph-walk.ts';
import { AirgapError, IntegrityError } from '../../errors.ts';
import { descriptorFault, type Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { kindOfReferrer } from '../../oci/evidence-names.ts';
import { isIndex, MAX_MANIFEST_BYTES, parseManifest, type Index, type Manifest } from '../../oci/manifest.ts';
import { isForeignLayerType, isImageConfigType, isIndexType, isManifestType } from '../../oci/media-types.ts';
import { parseConfigPlatform, toPlatformText, type Platform } from '../../oci/platform.ts';
import type { GraphBlob, GraphEvidence, GraphManifest } from '../../content/content-graph.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';

/** One descriptor of an index: the child, and the platform it gives it; without one, the child's config has it. */
interface Listed {
  readonly child: Digest;
  readonly platform: Platform | undefined;
}

/** Is handed the content it needs, in any order and each piece once, and refuses the first that disagrees. */
export class GraphVerifier {
  readonly #manifests: ReadonlyMap<Digest, GraphManifest>;
  readonly #blobs: ReadonlyMap<Digest, GraphBlob>;
  readonly #images: Inventory['images'];
  /** Evidence that names its subject itself. */
  readonly #referrers: ReadonlyMap<Digest, readonly GraphEvidence[]>;
  /** Manifests that images are made of; in what only evidence reaches, nothing has a platform. */
  readonly #own: ReadonlySet<Digest>;
  /** Indexes of which not all children need be carried. */
  readonly #sparse: ReadonlySet<Digest>;
  readonly #pending: Set<Digest>;
  readonly #listed = new Map<Digest, readonly Listed[]>();
  readonly #configPlatforms = new Map<Digest, string | undefined>();
  /** Blobs whose media type no manifest has given yet. Several manifests may give one blob different types. */
  readonly #untyped: Set<Digest>;
  readonly #withoutPlatform = new Set<Digest>();

  /** @throws IntegrityError `MALFORMED` when a manifest is too large to be one. */
  constructor({ images, manifests, blobs }: Pick<Inventory, 'images' | 'manifests' | 'blobs'>) {
    this.#images = images;
    this.#manifests = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
    this.#blobs = new Map(blobs.map((blob) => [blob.digest, blob]));
    this.#untyped = new Set(this.#blobs.keys());
    this.#pending = new Set(this.#manifests.keys());
    for (const { digest, size, config } of manifests) {
      if (size > MAX_MANIFEST_BYTES) throw disagreement(digest, `has ${size} bytes, which no manifest has`);
      const blob = config === undefined ? undefined : this.#blobs.get(config);
      if (blob !== undefined && blob.size <= MAX_MANIFEST_BYTES) this.#pending.add(blob.digest);
    }
    const evidence = images.flatMap((image) => image.evidence ?? []);
    this.#referrers = Map.groupBy(
      evidence.filter(({ tag }) => tag === undefined),
      ({ digest }) => digest,
    );
    const roots = images.map(({ digest }) => digest);
    const own = createReach({ manifests, blobs: [] })(roots).manifests;
    this.#own = new Set(own.map(({ digest }) => digest));
    const whole = new Set([
      ...images.filter(({ indexMode }) => indexMode !== 'sparse').map(({ digest }) => digest),
      ...evidence.map(({ digest }) => digest),
      ...manifests.flatMap((manifest) => manifest.manifests ?? []).map(({ digest }) => digest),
    ]);
    this.#sparse = new Set(roots.filter((digest) => !whole.has(digest)));
  }

  /** Whether this content is a manifest or a config that was not handed over yet; it has 32 MiB at most. */
  needs(digest: Digest): boolean {
    return this.#pending.has(digest);
  }

  /**
   * Takes content whose digest was verified.
   * @throws IntegrityError `MALFORMED` when the inventory describes a manifest otherwise than it is.
   */
  take(digest: Digest, bytes: Uint8Array): void {
    this.#pending.delete(digest);
    const claimed = this.#manifests.get(digest);
    if (claimed === undefined) this.#configPlatforms.set(digest, platformIn(bytes));
    else this.#compare(claimed, bytes);
  }

  /** @throws IntegrityError `MALFORMED` when a platform, a media type or an index mode follows from no manifest. */
  finish(): void {
    for (const manifest of this.#manifests.values()) {
      if (this.#pending.has(manifest.digest)) throw disagreement(manifest.digest, 'is empty');
      if (manifest.manifests !== undefined) this.#compareChildren(manifest);
    }
    const [untyped] = this.#untyped;
    if (untyped !== undefined) throw disagreement(untyped, 'has a media type that no manifest gives it');
    for (const { reference, digest, platform, indexMode } of this.#images) {
      const isSingle = this.#manifests.get(digest)?.manifests === undefined;
      if ((indexMode === undefined) !== isSingle) {
        throw disagreement(digest, 'has an index mode and is not an index, or is an index without one');
      }
      const own = isSingle ? this.#platformOf({ child: digest, platform: undefined }) : undefined;
      if (own === platform) continue;
      throw disagreement(digest, `is ${reference} for ${nameOf(platform)} and says ${nameOf(own)}`);
    }
  }

  #compare(claimed: GraphManifest, bytes: Uint8Array): void {
    const parsed = parseOrRefuse(claimed, bytes);
    if (parsed.mediaType !== claimed.mediaType) throw disagreement(claimed.digest, `says it is ${parsed.mediaType}`);
    for (const { digest, subject, kind } of this.#referrers.get(claimed.digest) ?? []) {
      if (parsed.subject?.digest !== subject) throw disagreement(digest, `does not refer to ${subject}`);
      if (kindOfReferrer(parsed) !== kind) throw disagreement(digest, `is no ${kind}, but a ${kindOfReferrer(parsed)}`);
    }
    const listed = isIndex(parsed) ? parsed.manifests : [parsed.config, ...parsed.layers];
    for (const descriptor of parsed.subject === undefined ? listed : [...listed, parsed.subject]) {
      const fault = descriptorFault(descriptor);
      if (fault !== undefined) throw disagreement(claimed.digest, fault);
    }
    if (isIndex(parsed)) this.#compareIndex(claimed, parsed);
    else this.#compareManifest(claimed, parsed);
  }

  #compareIndex({ digest }: GraphManifest, index: Index): void {
    for (const { digest: child, mediaType, size } of index.manifests) {
      const carried = this.#manifests.get(child);
      if (carried === undefined) continue;
      const isSameKind = isManifestType(mediaType) && isIndexType(mediaType) === isIndexType(carried.mediaType);
      if (!isSameKind || size !== carried.size) throw disagreement(digest, `describes ${child} otherwise`);
    }
    this.#listed.set(
      digest,
      index.manifests.map(({ digest: child, platform }) => ({ child, platform })),
    );
  }

  /** Each child under the platform that the index, or its own config, gives it; and all of them, unless it may be sparse. */
  #compareChildren({ digest, manifests = [] }: GraphManifest): void {
    const isOwn = this.#own.has(digest);
    const said = new Set<string>();
    for (const entry of this.#listed.get(digest) ?? []) {
      const platform = isOwn ? this.#platformOf(entry) : undefined;
      said.add(childKey({ digest: entry.child, platform }));
    }
    const claimed = new Set(manifests.map(childKey));
    const wrong = manifests.find((child) => !said.has(childKey(child)));
    if (wrong !== undefined) {
      throw disagreement(digest, `does not list ${wrong.digest} for ${nameOf(wrong.platform)}`);
    }
    if (claimed.size !== said.size && !this.#sparse.has(digest)) throw disagreement(digest, 'is not complete');
  }

  #compareManifest({ digest, config, layers = [] }: GraphManifest, { config: own, layers: ownLayers }: Manifest): void {
    const isSame = own.digest === config && ownLayers.map((layer) => layer.digest).join() === layers.join();
    if (!isSame) throw disagreement(digest, 'names other content');
    for (const descriptor of [own, ...ownLayers]) this.#compareBlob(digest, descriptor);
    if (!isImageConfigType(own.mediaType)) this.#withoutPlatform.add(digest);
  }

  #compareBlob(digest: Digest, { mediaType, digest: blob, size }: Descriptor): void {
    const carried = this.#blobs.get(blob);
    if (carried?.size !== size) throw disagreement(digest, `gives ${blob} another size`);
    if (carried.mediaType === mediaType) this.#untyped.delete(blob);
    if (isForeignLayerType(mediaType)) throw disagreement(digest, `names a layer to be had elsewhere (${mediaType})`);
  }

  /** What an index says of a child that is an image, or else the child's config. Indexes and artifacts run nowhere. */
  #platformOf({ child, platform }: Listed): string | undefined {
    const config = this.#manifests.get(child)?.config;
    if (config === undefined || this.#withoutPlatform.has(child)) return undefined;
    return platform === undefined ? this.#configPlatforms.get(config) : toPlatformText(platform);
  }
}

function nameOf(platform: string | undefined): string {
  return platform ?? 'no platform';
}

function parseOrRefuse({ digest, mediaType }: GraphManifest, bytes: Uint8Array): Manifest | Index {
  try {
    return parseManifest(bytes, mediaType, digest);
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    throw disagreement(digest, 'is not a manifest of its type', error);
  }
}

/** A config that is not JSON of one meaning is an artifact's, or the image runs nowhere. */
function platformIn(config: Uint8Array): string | undefined {
  try {
    return parseConfigPlatform(config);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function disagreement(digest: Digest, why: string, cause?: unknown): IntegrityError {
  return new IntegrityError('MALFORMED', `release.json is wrong about ${digest}: it ${why}`, {
    hint: 'the archive was not made by this product or was changed; do not load it',
    details: { member: 'release.json', digest },
    cause,
  });
}
