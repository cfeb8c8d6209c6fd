/** Descriptors: what a piece of content is, how long it is, and the digest that verifies it. */
import { sha256, type Digest, type RegisteredDigest } from './digest.ts';
import type { Platform } from './platform.ts';

/** @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor<D extends RegisteredDigest = Digest> {
  /** Media type of the content. */
  readonly mediaType: string;
  /** Of the bytes. */
  readonly digest: D;
  /** bytes */
  readonly size: number;
  /** Of an artifact, where the manifest says it. */
  readonly artifactType?: string | undefined;
  /** Of an image in an index. */
  readonly platform?: Platform | undefined;
  /** Free-form facts. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Other places for the content. */
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

/**
 * Why a descriptor would have content come from elsewhere than from where its digest leads: `urls` are fetched by some
 * runtimes, `data` is taken for the content by some clients.
 * @returns what to say after the name of the document; undefined when it does not, or when `data` is the very content
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#embedded-content
 */
export function descriptorFault({ digest, urls, data }: Descriptor): string | undefined {
  if (urls !== undefined && urls.length > 0) return `says that ${digest} is to be had elsewhere (urls)`;
  return data === undefined || embeddedContent({ digest, data }) !== undefined
    ? undefined
    : `embeds other content than ${digest} (data)`;
}

/** The content that a descriptor embeds, where it is what its digest says, in canonical base64. */
export function embeddedContent({ digest, data }: Pick<Descriptor, 'digest' | 'data'>): Buffer | undefined {
  if (data === undefined) return undefined;
  const bytes = Buffer.from(data, 'base64');
  return bytes.toString('base64') === data && sha256(bytes) === digest ? bytes : undefined;
}
