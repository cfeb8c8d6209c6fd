/** A chart from a registry: found by its tag, pinned by the digest of its package, and carried byte for byte. */
import { collect, readVerified, verified } from '../../../content/verified.ts';
import { canFetchManifest, type CallOptions, type Source } from '../../../content/store.ts';
import { UsageError } from '../../../errors.ts';
import { MAX_PACKAGE_BYTES } from '../../../kubernetes/charts/chart-package.ts';
import { MAX_PROVENANCE_BYTES } from '../../../kubernetes/charts/provenance-file.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { parseManifest } from '../../../oci/manifest.ts';
import { isManifestType, MediaType } from '../../../oci/media-types.ts';
import type { Reference } from '../../../oci/reference.ts';

/** What a registry has of a chart. */
export interface RegistryChart {
  readonly bytes: Buffer;
  /** Its provenance file, where `helm push` found one beside the package. */
  readonly provenance?: Buffer | undefined;
}

/**
 * The package behind a tag or a digest, with its provenance file.
 * @throws UsageError `INVALID_SPEC` when what is there is no chart, or larger than charts are read.
 * @throws NotFoundError `NOT_FOUND`, IntegrityError when its bytes are not what their digests say.
 * @see https://helm.sh/docs/topics/registries/#helm-chart-manifest
 */
export async function fetchChart(
  source: Source,
  { tag, digest }: Reference,
  shownAs: string,
  options: CallOptions = {},
): Promise<RegistryChart> {
  const manifest = await readManifest(source, digest ?? tag ?? '', options);
  const layers = 'layers' in manifest ? manifest.layers : [];
  const config = 'config' in manifest ? manifest.config : undefined;
  const [layer, ...others] = layers.filter(({ mediaType }) => mediaType === MediaType.helmChart);
  if (config?.mediaType !== MediaType.helmConfig || layer === undefined || others.length > 0) {
    throw new UsageError('INVALID_SPEC', `${shownAs} is no Helm chart but ${config?.mediaType ?? 'an index'}`, {
      hint: 'name a chart that `helm push` put there; images go under images',
    });
  }
  const bytes = await fetchLayer(source, layer, MAX_PACKAGE_BYTES, shownAs, options);
  const signed = layers.find(({ mediaType }) => mediaType === MediaType.helmProvenance);
  if (signed === undefined) return { bytes };
  const provenance = await fetchLayer(source, signed, MAX_PROVENANCE_BYTES, `${shownAs}: its provenance file`, options);
  return { bytes, provenance };
}

/** The same file again, by its digest alone: the tag may name another one by now. */
export async function fetchPinnedLayer(
  source: Source,
  { digest, size, mediaType }: Pick<Descriptor, 'digest' | 'size' | 'mediaType'>,
  shownAs: string,
  options: CallOptions = {},
): Promise<Buffer> {
  return fetchLayer(source, { mediaType, digest, size }, MAX_PACKAGE_BYTES, shownAs, options);
}

async function readManifest(
  source: Source,
  name: string,
  options: CallOptions,
): Promise<ReturnType<typeof parseManifest>> {
  if (canFetchManifest(source)) {
    const { descriptor, bytes } = await source.fetchManifest(name, options);
    return parseManifest(bytes, descriptor.mediaType, source.name);
  }
  const descriptor = await source.resolve(name, options);
  if (!isManifestType(descriptor.mediaType)) {
    throw new UsageError('INVALID_SPEC', `${source.name}: ${name} is no manifest but ${descriptor.mediaType}`);
  }
  return parseManifest(await readVerified(source, descriptor, options), descriptor.mediaType, source.name);
}

async function fetchLayer(
  source: Source,
  descriptor: Descriptor,
  limit: number,
  shownAs: string,
  options: CallOptions,
): Promise<Buffer> {
  if (descriptor.size > limit) {
    throw new UsageError('INVALID_SPEC', `${shownAs}: is ${descriptor.size} bytes; at most ${limit} are read`);
  }
  return collect(verified(source.fetch(descriptor, options), descriptor, source.name));
}
