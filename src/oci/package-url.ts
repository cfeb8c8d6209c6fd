/** Names an image by a package URL, as bills of materials and provenance do. */
import type { Digest } from './digest.ts';
import type { Reference } from './reference.ts';

/**
 * The package URL of a manifest: `pkg:oci/app@sha256%3A…?arch=arm64&os=linux&repository_url=host/team/app&tag=1.0`.
 * @param platform `os/architecture[/variant]` where the manifest is for one
 * @see https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md
 */
export function toPackageUrl({ registry, repository, tag }: Reference, digest: Digest, platform?: string): string {
  const [os, arch, variant] = platform?.split('/') ?? [];
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  // In this order: the specification sorts qualifiers by name.
  const qualifiers = { arch, os, repository_url: `${registry}/${repository}`, tag, variant };
  const query = Object.entries(qualifiers).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encode(value)}`],
  );
  return `pkg:oci/${encodeURIComponent(name)}@${encodeURIComponent(digest)}?${query.join('&')}`;
}

/** In a qualifier, slashes and colons stand for themselves. */
function encode(value: string): string {
  return encodeURIComponent(value).replaceAll('%2F', '/').replaceAll('%3A', ':');
}
