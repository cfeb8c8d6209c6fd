/**
 * What a URL asks for. Only names, tags and digests that match their grammar come out of here, and only those ever
 * become file names: there is no path to escape with.
 */
import { isRegisteredDigest, type RegisteredDigest } from '../oci/digest.ts';
import { Refusal } from './client-refusal.ts';

const MAX_NAME_LENGTH = 255;
/** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** A manifest is asked for by tag or by digest. */
export type ManifestReference =
  { readonly tag: string; readonly digest?: never } | { readonly tag?: never; readonly digest: RegisteredDigest };

/** The resources of the API. @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints */
export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags'; readonly name: string }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: ManifestReference }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: RegisteredDigest }
  | { readonly kind: 'uploads'; readonly name: string }
  | { readonly kind: 'upload'; readonly name: string; readonly id: string }
  | { readonly kind: 'referrers'; readonly name: string; readonly digest: RegisteredDigest };

/**
 * Reads an undecoded URL path.
 * @throws Refusal `NAME_INVALID`, `DIGEST_INVALID`, `MANIFEST_UNKNOWN`, or 404 when it is no resource of the API.
 */
export function parseRoute(path: string): Route {
  const decoded = decodePath(path);
  if (decoded === '/v2' || decoded === '/v2/') return { kind: 'ping' };
  if (decoded === '/v2/_catalog') return { kind: 'catalog' };
  if (!decoded.startsWith('/v2/')) throw noSuchResource(path);
  const segments = decoded.slice('/v2/'.length).split('/');
  const [third = '', second = '', first = ''] = segments.slice(-3);
  const nameBefore = (count: number): string => parseName(segments.slice(0, -count).join('/'));
  if (second === 'tags' && first === 'list') return { kind: 'tags', name: nameBefore(2) };
  if (second === 'manifests') return { kind: 'manifest', name: nameBefore(2), reference: parseReference(first) };
  if (second === 'referrers') return { kind: 'referrers', name: nameBefore(2), digest: parseDigestOrRefuse(first) };
  if (second === 'blobs' && first === 'uploads') return { kind: 'uploads', name: nameBefore(2) };
  if (second === 'blobs') return { kind: 'blob', name: nameBefore(2), digest: parseDigestOrRefuse(first) };
  if (third === 'blobs' && second === 'uploads') {
    return first === '' ? { kind: 'uploads', name: nameBefore(3) } : { kind: 'upload', name: nameBefore(3), id: first };
  }
  throw noSuchResource(path);
}

/** Whether the text is a repository name. */
export function isRepositoryName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && text.split('/').every((component) => COMPONENT.test(component));
}

/** Whether the text is a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * Reads a digest out of a URL.
 * @throws Refusal `DIGEST_INVALID`
 */
export function parseDigestOrRefuse(text: string): RegisteredDigest {
  if (isRegisteredDigest(text)) return text;
  throw new Refusal('DIGEST_INVALID', 'a digest is sha256: and 64, or sha512: and 128 lower-case hexadecimal digits', {
    detail: { digest: text.slice(0, 200) },
  });
}

function parseName(text: string): string {
  if (isRepositoryName(text)) return text;
  throw new Refusal('NAME_INVALID', 'invalid repository name', { detail: { name: text.slice(0, MAX_NAME_LENGTH) } });
}

function parseReference(text: string): ManifestReference {
  if (text.includes(':')) return { digest: parseDigestOrRefuse(text) };
  if (isTag(text)) return { tag: text };
  throw new Refusal('MANIFEST_UNKNOWN', 'not a tag: at most 128 letters, digits, ".", "_" and "-"', {
    detail: { tag: text.slice(0, 200) },
  });
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Refusal('NAME_INVALID', 'the path is not valid percent-encoding');
  }
}

function noSuchResource(path: string): Refusal {
  return new Refusal('UNSUPPORTED', 'no such resource in the distribution API', {
    status: 404,
    detail: { path: path.slice(0, 200) },
  });
}
