/** Patterns for repositories: which images a rule is about, without ever reaching from one host to another. */
import { UsageError } from '../errors.ts';
import type { Reference } from './reference.ts';

const MAX_PATTERN_LENGTH = 512;
const DOCKER_HUB = 'docker.io';
/** Other names of Docker Hub. */
const HUB_ALIASES: readonly string[] = ['index.docker.io', 'registry-1.docker.io'];

const HOST = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[a-f0-9:]+\])(:[0-9]+)?$/;
const REPOSITORY = /^[a-z0-9._*-]+(\/[a-z0-9._*-]+)*$/;
const FORM = 'a pattern is * for all images, or a host and a repository such as ghcr.io/acme/*';

/** A pattern that was read: `*` stands for any characters, but in the host only for whole labels in front. */
export interface ImagePattern {
  /** As it was written. */
  readonly text: string;
  /** `*`, `*.` and a domain, or a host as it is. */
  readonly host: string;
  readonly repository: string;
}

/**
 * Reads a pattern: `*` for every image, or `host/repository`. In the repository `*` stands for any characters, `/`
 * included. The host is literal, `*`, or `*.` and a domain, so that no pattern for `ghcr.io` is one for
 * `ghcr.io.example.com`. Tags and digests are no part of it.
 * @throws UsageError `INVALID_REFERENCE` with the text, the reason and, where there is one, a suggestion.
 */
export function parseImagePattern(text: string): ImagePattern {
  if (text.length > MAX_PATTERN_LENGTH) throw invalid(text, `it is longer than ${MAX_PATTERN_LENGTH} characters`);
  if (text === '*') return { text, host: '*', repository: '*' };
  const slash = text.indexOf('/');
  const first = slash < 0 ? text : text.slice(0, slash);
  const repository = slash < 0 ? '' : text.slice(slash + 1);
  if (/^[a-z]+:\/\//i.test(text)) throw invalid(text, 'a pattern has no scheme');
  if (!isHost(first)) throw invalid(text, 'it begins with no host', suggestHost(text, slash));
  if (first.includes('*') && !/^(\*|\*\.[^*]+)$/.test(first)) {
    throw invalid(text, 'in the host, * may stand alone or before the first dot only, or other hosts would match too');
  }
  if (repository === '') throw invalid(text, 'it names no repository', `${first}/*`);
  const host = canonicalHost(first);
  if (!HOST.test(host.replace(/^\*(\.|$)/, 'any$1')))
    throw invalid(text, `${JSON.stringify(first)} is not a host name`);
  if (/[:@]/.test(repository)) {
    throw invalid(text, 'it names a tag or a digest', `${first}/${repository.replace(/[:@].*$/, '')}`);
  }
  if (!REPOSITORY.test(repository)) {
    const lower = repository.toLowerCase().replace(/\/$/, '/*');
    throw invalid(text, 'it is not a repository', REPOSITORY.test(lower) ? `${first}/${lower}` : undefined);
  }
  if (host === DOCKER_HUB && !repository.includes('/') && repository !== '*') {
    throw invalid(text, 'single names of Docker Hub are below library/', `docker.io/library/${repository}`);
  }
  return { text, host, repository };
}

/** Whether a reference is what the pattern is for. Tag and digest do not matter. */
export function matchesImage({ host, repository }: ImagePattern, reference: Reference): boolean {
  return matchesGlob(host, canonicalHost(reference.registry)) && matchesGlob(repository, reference.repository);
}

/** One spelling of what leads to the same registry: letters' case, the port of https, the names of Docker Hub. */
function canonicalHost(registry: string): string {
  const host = registry.toLowerCase().replace(/:443$/, '');
  return HUB_ALIASES.includes(host) ? DOCKER_HUB : host;
}

/** Whether a text is what a pattern says, with `*` for any characters. Linear in the text, whatever the pattern. */
export function matchesGlob(glob: string, text: string): boolean {
  const [first = '', ...others] = glob.split('*');
  const last = others.pop();
  if (last === undefined) return glob === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function isHost(text: string): boolean {
  return text === '*' || text === 'localhost' || /[.:]/.test(text);
}

function suggestHost(text: string, slash: number): string | undefined {
  if (/^\*+$/.test(text)) return '*';
  if (!/^[a-z0-9._/*-]+$/.test(text)) return undefined;
  return slash < 0 ? `docker.io/library/${text}` : `docker.io/${text}`;
}

function invalid(text: string, reason: string, suggestion?: string): UsageError {
  return new UsageError('INVALID_REFERENCE', `invalid pattern ${JSON.stringify(text.slice(0, 300))}: ${reason}`, {
    hint: suggestion === undefined ? FORM : `did you mean ${suggestion.slice(0, 300)}?`,
  });
}
