/**
 * Holds what the inventory says of manifests against the manifests themselves. Digests prove that bytes are those that
 * were signed for; this proves that the signed graph is the one that registries and engines will read out of them.
 */
import { reachableFrom } from '../../content/graph-walk.ts';
import { AirgapError, IntegrityError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { isIndex, MAX_MANIFEST_BYTES, parseManifest, type Index, type Manifest } from '../../oci/manifest.ts';
import { isForeignLayerType, isImageConfigType, isIndexType, isManifestType } from '../../oci/media-types.ts';
import { parseConfigPlatform, toPlatformText } from '../../oci/platform.ts';
import type { GraphBlob, GraphEvidence, GraphManifest } from '../../content/content-graph.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';

/**
 * Where a manifest's platform may stand: in the index that names it, or else in its own config. Evidence and what it
 * consists of has none.
 */
type Claim = { readonly text: string | undefined } | 'config';

/** Is handed the content it needs, in any order and each piece once, and refuses the first that disagrees. */
export class GraphProof {
  readonly #manifests: ReadonlyMap<Digest, GraphManifest>;
  readonly #blobs: ReadonlyMap<Digest, GraphBlob>;
  readonly #images: Inventory['images'];
  /** Evidence that names its subject itself. */
  readonly #referrers: ReadonlyMap<Digest, readonly GraphEvidence[]>;
  readonly #pending: Set<Digest>;
  readonly #claims = new Map<Digest, Claim[]>();
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
    for (const { digest } of images) this.#claim(digest, 'config');
    const evidence = images.flatMap((image) => image.evidence ?? []);
    this.#referrers = Map.groupBy(
      evidence.filter(({ tag }) => tag === undefined),
      ({ digest }) => digest,
    );
    const vouching = reachableFrom(
      { manifests, blobs },
      evidence.map(({ digest }) => digest),
    );
    for (const { digest } of vouching.manifests) this.#claim(digest, { text: undefined });
  }

  /** Whether this content is a manifest or a config that was not handed over yet; it has 32 MiB at most. */
  needs(digest: Digest): boolean {
    return this.#pending.has(digest);
  }

  /**
   * Takes content whose digest was proved.
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
      if (manifest.manifests !== undefined) continue;
      const platforms = new Set(this.#withoutPlatform.has(manifest.digest) ? [undefined] : this.#platformsOf(manifest));
      if (platforms.has(manifest.platform)) continue;
      const said = [...platforms].map((platform) => platform ?? 'no platform').join(', ');
      throw disagreement(manifest.digest, `is listed for ${manifest.platform ?? 'no platform'} and says ${said}`);
    }
    const [untyped] = this.#untyped;
    if (untyped !== undefined) throw disagreement(untyped, 'has a media type that no manifest gives it');
    for (const { digest, indexMode } of this.#images) {
      if ((indexMode === undefined) === (this.#manifests.get(digest)?.manifests === undefined)) continue;
      throw disagreement(digest, 'has an index mode and is no index, or the other way round');
    }
  }

  #compare(claimed: GraphManifest, bytes: Uint8Array): void {
    const parsed = parseOrRefuse(claimed, bytes);
    if (parsed.mediaType !== claimed.mediaType) throw disagreement(claimed.digest, `says it is ${parsed.mediaType}`);
    for (const { digest, subject } of this.#referrers.get(claimed.digest) ?? []) {
      if (parsed.subject?.digest !== subject) throw disagreement(digest, `does not refer to ${subject}`);
    }
    if (isIndex(parsed)) this.#compareIndex(claimed, parsed);
    else this.#compareManifest(claimed, parsed);
  }

  #compareIndex({ digest, manifests = [] }: GraphManifest, index: Index): void {
    const listed = Map.groupBy(index.manifests, (child) => child.digest);
    for (const child of manifests) {
      const descriptors = listed.get(child);
      const carried = this.#manifests.get(child);
      if (descriptors === undefined || carried === undefined) throw disagreement(digest, `does not list ${child}`);
      for (const { mediaType, size, platform } of descriptors) {
        const isSameKind = isManifestType(mediaType) && isIndexType(mediaType) === isIndexType(carried.mediaType);
        if (!isSameKind || size !== carried.size) throw disagreement(digest, `describes ${child} otherwise`);
        this.#claim(child, platform === undefined ? 'config' : { text: toPlatformText(platform) });
      }
    }
    const isComplete = this.#images.some((image) => image.digest === digest && image.indexMode === 'complete');
    if (isComplete && listed.size !== manifests.length) throw disagreement(digest, 'is not complete');
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

  #claim(digest: Digest, claim: Claim): void {
    const claims = this.#claims.get(digest);
    if (claims === undefined) this.#claims.set(digest, [claim]);
    else claims.push(claim);
  }

  #platformsOf({ digest, config }: GraphManifest): readonly (string | undefined)[] {
    const own = config === undefined ? undefined : this.#configPlatforms.get(config);
    return (this.#claims.get(digest) ?? []).map((claim) => (claim === 'config' ? own : claim.text));
  }
}

function parseOrRefuse({ digest, mediaType }: GraphManifest, bytes: Uint8Array): Manifest | Index {
  try {
    return parseManifest(bytes, mediaType, digest);
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    throw disagreement(digest, 'is no manifest of its type', error);
  }
}

/** A config that is not JSON is an artifact's, or the image runs nowhere. */
function platformIn(config: Uint8Array): string | undefined {
  try {
    return parseConfigPlatform(config);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
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
