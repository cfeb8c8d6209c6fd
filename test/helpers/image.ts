/** Small images made in code: layers of given bytes, a config, a manifest, an index. */
import { bytesOf } from '../../src/content/verified.ts';
import type { Target } from '../../src/content/store.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';

/** Content with its descriptor. */
export interface Made {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

export function madeBlob(bytes: Buffer | string, mediaType: string = MediaType.layerGzip): Made {
  const content = Buffer.from(bytes);
  return { descriptor: { mediaType, digest: sha256(content), size: content.length }, bytes: content };
}

/** An image manifest over these layers with a config of its own. */
export function madeImage(
  layers: readonly Made[],
  extra: object = {},
): { readonly manifest: Made; readonly blobs: readonly Made[] } {
  const config = madeBlob(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.descriptor.digest) },
    }),
    MediaType.config,
  );
  const manifest = madeBlob(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
      ...extra,
    }),
    MediaType.manifest,
  );
  return { manifest, blobs: [config, ...layers] };
}

/** Pushes made content into a target, in the given order. */
export async function pushAll(target: Target, made: readonly Made[]): Promise<void> {
  for (const { descriptor, bytes } of made) await target.push(descriptor, bytesOf(bytes));
}
