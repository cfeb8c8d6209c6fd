/** Media types of the content the product moves. */

/** @see https://github.com/opencontainers/image-spec/blob/main/media-types.md */
export const MediaType = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  empty: 'application/vnd.oci.empty.v1+json',
  /** @see https://distribution.github.io/distribution/spec/manifest-v2-2/ */
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  /** @see https://helm.sh/docs/topics/registries/ */
  helmConfig: 'application/vnd.cncf.helm.config.v1+json',
  helmChart: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
  helmProvenance: 'application/vnd.cncf.helm.chart.provenance.v1.prov',
} as const;

/** Whether descriptors of this type name an index (several manifests). */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MediaType.index || mediaType === MediaType.dockerIndex;
}

/** Whether descriptors of this type name a manifest or an index, which registries keep apart from blobs. */
export function isManifestType(mediaType: string): boolean {
  return isIndexType(mediaType) || mediaType === MediaType.manifest || mediaType === MediaType.dockerManifest;
}

/** Whether the config is an image's, so that it names an operating system and an architecture. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === MediaType.config || mediaType === MediaType.dockerConfig;
}

/** Layers whose content a registry may be forbidden to store. */
export function isForeignLayerType(mediaType: string): boolean {
  return mediaType.includes('.foreign.') || mediaType.includes('.nondistributable.');
}
