/** Descriptors: what a piece of content is, how long it is, and the digest that proves it. */
import type { Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/** @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
  readonly artifactType?: string | undefined;
  readonly platform?: Platform | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly urls?: readonly string[] | undefined;
  /** base64 */
  readonly data?: string | undefined;
}

/** Annotation keys the product reads or writes. */
export const Annotation = {
  /** @see https://github.com/opencontainers/image-spec/blob/main/annotations.md */
  refName: 'org.opencontainers.image.ref.name',
  /** containerd's own key for the full name on import. */
  containerdImageName: 'io.containerd.image.name',
  /** BuildKit's mark on attestation manifests inside an index. */
  dockerReferenceType: 'vnd.docker.reference.type',
  dockerReferenceDigest: 'vnd.docker.reference.digest',
} as const;
