/** Image references: the whole grammar and normalisation of distribution/reference, with messages that help. */
import { UsageError } from '../errors.ts';
import type { Digest } from './digest.ts';

/** Characters of a repository path, the host not counted. */
const MAX_REPOSITORY_LENGTH = 255;
/** Characters of a whole reference; nothing legal comes near. */
const MAX_REFERENCE_LENGTH = 1024;
/** Hex digits of the digest algorithms that exist; only sha256 content can be checked here. */
const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128, blake3: 64 };

const DEFAULT_REGISTRY = 'docker.io';
const LEGACY_DEFAULT_REGISTRY = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';

const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const BARE_HEX = /^[a-f0-9]{64}$/;

/**
 * Names a manifest: normalised, so that two references to one thing are equal field by field.
 * @see https://github.com/distribution/reference/blob/main/reference.go
 */
export interface Reference {
  /** Host and optional port; `docker.io` for Docker Hub. */
  readonly registry: string;
  /** Path of the repository in its registry. */
  readonly repository: string;
  /** Absent where only the digest names it. */
  readonly tag?: string | undefined;
  /** Absent where only the tag names it. */
  readonly digest?: Digest | undefined;
}

/**
 * Reads a reference as Docker's tools do: `nginx` is `docker.io/library/nginx`. No tag is added (see
 * {@link withDefaultTag}); a tag beside a digest is kept.
 * @throws UsageError `INVALID_REFERENCE` with the text, the reason and, where there is one, a suggestion.
 */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid(text, 'it is empty');
  if (text.length > MAX_REFERENCE_LENGTH) throw invalid(text, `it is longer than ${MAX_REFERENCE_LENGTH} characters`);
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) throw invalid(text, 'a reference has no scheme', text.slice(scheme.length));
  if (/\s/.test(text)) throw invalid(text, 'it contains white space', text.replaceAll(/\s+/g, ''));

  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const { registry, remainder, explicit } = splitDomain(named);
  const colon = remainder.lastIndexOf(':');
  const path = colon < 0 ? remainder : remainder.slice(0, colon);
  const tag = colon < 0 ? undefined : remainder.slice(colon + 1);

  if (!isDomain(registry)) throw invalid(text, `${JSON.stringify(registry)} is not a host name`);
  if (at < 0 && tag === undefined && !explicit && BARE_HEX.test(named)) {
    throw invalid(text, 'it looks like an image ID, not a name', `<repository>@sha256:${named}`);
  }
  const repository =
    registry === DEFAULT_REGISTRY && !path.includes('/') && path !== '' ? `${OFFICIAL_PREFIX}${path}` : path;
  checkRepository(text, repository, path);
  if (tag !== undefined && !TAG.test(tag)) throw invalidTag(text, tag);
  const digest = at < 0 ? undefined : checkDigest(text, text.slice(at + 1));
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Canonical text: `host/repository[:tag][@digest]`, always with its host. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`;
}

/** Adds `:latest` when there is neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
}

/** The short form people type: Docker Hub's host, and `library/` where nothing is nested under it, are left out. */
export function familiarName(reference: Reference): string {
  if (reference.registry !== DEFAULT_REGISTRY) return formatReference(reference);
  const official = reference.repository.startsWith(OFFICIAL_PREFIX)
    ? reference.repository.slice(OFFICIAL_PREFIX.length)
    : reference.repository;
  const nested = official.includes('/');
  return `${nested ? reference.repository : official}${suffix(reference)}`;
}

/** Whether the text is a legal tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function splitDomain(named: string): { registry: string; remainder: string; explicit: boolean } {
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash);
  const explicit = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
  const host = explicit ? first : DEFAULT_REGISTRY;
  return {
    registry: host === LEGACY_DEFAULT_REGISTRY ? DEFAULT_REGISTRY : host,
    remainder: explicit ? named.slice(slash + 1) : named,
    explicit,
  };
}

function isDomain(registry: string): boolean {
  return DOMAIN.test(registry);
}

function checkRepository(text: string, repository: string, path: string): void {
  if (repository === '') throw invalid(text, 'the repository name is missing');
  if (repository.length > MAX_REPOSITORY_LENGTH) {
    throw invalid(text, `the repository name is longer than ${MAX_REPOSITORY_LENGTH} characters`);
  }
  if (repository.split('/').every((component) => COMPONENT.test(component))) return;
  if (repository !== repository.toLowerCase()) {
    throw invalid(text, 'a repository name is lower case', text.replace(path, path.toLowerCase()));
  }
  throw invalid(
    text,
    `repository name ${JSON.stringify(repository)} may hold only a-z, 0-9 and single separators (. _ __ -) between them`,
  );
}

function checkDigest(text: string, digest: string): Digest {
  if (!DIGEST.test(digest)) throw invalid(text, 'what follows @ is not a digest', 'name@sha256:<64 hex digits>');
  const [algorithm = '', hex = ''] = digest.split(':');
  const length = HEX_LENGTH[algorithm];
  if (length === undefined) throw invalid(text, `digest algorithm ${JSON.stringify(algorithm)} is unknown`);
  if (hex !== hex.toLowerCase()) throw invalid(text, 'a digest is lower case', text.replace(hex, hex.toLowerCase()));
  if (hex.length !== length) throw invalid(text, `a ${algorithm} digest has ${length} hex digits, not ${hex.length}`);
  if (algorithm !== 'sha256') throw invalid(text, `content of a ${algorithm} digest cannot be checked, only sha256`);
  return `sha256:${hex}`;
}

function invalidTag(text: string, tag: string): UsageError {
  const why = tag === '' ? 'the tag after : is missing' : `${JSON.stringify(tag.slice(0, 140))} is not a tag`;
  const cleaned = tag.replaceAll(/[^\w.-]/g, '-').slice(0, 128);
  const suggestion = TAG.test(cleaned) && cleaned !== tag ? text.replace(`:${tag}`, `:${cleaned}`) : undefined;
  return invalid(text, why, suggestion);
}

function invalid(text: string, reason: string, suggestion?: string): UsageError {
  return new UsageError('INVALID_REFERENCE', `invalid reference ${JSON.stringify(text.slice(0, 300))}: ${reason}`, {
    hint:
      suggestion === undefined
        ? 'a reference is written [host[:port]/]repository[:tag][@sha256:digest]'
        : `did you mean ${suggestion.slice(0, 300)}?`,
  });
}
