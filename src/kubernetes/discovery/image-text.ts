/** Tells images from other text: what may be one, what never is, and the registries whose names alone say so. */
import { AirgapError } from '../../errors.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';

/** Characters of one text that can be an image. */
const MAX_LENGTH = 512;
/** Transports that tools write in front of an image. */
const TRANSPORT = /^(docker|oci):\/\//;
/** Filled in by something else: templates, variables, formats. */
const PLACEHOLDER = /^auto$|\{\{|\$[({]|[<>%]/;
/** Effects of taints, which are written as `key:Effect` with a domain in the key. */
const TAINT_EFFECT = /^(NoSchedule|PreferNoSchedule|NoExecute)$/;
/** Domains of labels and of source code, which no image comes from. */
const NO_REGISTRY = /^((.+\.)?kubernetes\.io|k8s\.io|(.+\.)?x-k8s\.io|github\.com|gitlab\.com|bitbucket\.org)$/;
/** Services of a cluster, written with their ports. */
const SERVICE = /\.(svc|local)(:[0-9]+)?$|\.svc\./;

/** Public registries, and the first labels by which others call theirs. */
const REGISTRY =
  /^(docker\.io|index\.docker\.io|registry-1\.docker\.io|quay\.io|ghcr\.io|([a-z-]+\.)?gcr\.io|([a-z-]+\.)?icr\.io|mcr\.microsoft\.com|public\.ecr\.aws|nvcr\.io|cgr\.dev|lscr\.io|xpkg\.upbound\.io|docker\.elastic\.co|[a-z0-9-]+-docker\.pkg\.dev|[a-z0-9]+\.azurecr\.io|[0-9]+\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com|(registry|docker|images|harbor|container-registry|cr)\.[a-z0-9.-]+\.[a-z]+|registry\.k8s\.io)(:[0-9]+)?$/;

/** Runs of characters that images are made of, with a path; what stands before decides whether it begins there. */
const TOKEN =
  /(?<![\w./@:{}$%-])(?:(?:docker|oci):\/\/)?[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+(?::\w[\w.-]*\w|:\w)?(?:@sha256:[0-9a-f]{64})?(?![\w/{$@]|[.-]+[\w{$])/g;

/** How sure the place of a text is that it holds an image. */
export type Naming =
  /** The place says so: a field called `image`. Docker Hub's short names count, with a tag. */
  | 'image'
  /** The place may hold anything: a host is required. */
  | 'any';

/** The image that a whole text is, if it names host (see {@link Naming}), repository, and tag or digest. */
export function readImage(text: string, naming: Naming): Reference | undefined {
  const trimmed = text.trim().replace(TRANSPORT, '');
  if (trimmed.length > MAX_LENGTH || !/[:@]/.test(trimmed) || /\s/.test(trimmed) || isPlaceholder(trimmed)) {
    return undefined;
  }
  const host = hostIn(trimmed);
  if (host === undefined && naming !== 'image') return undefined;
  if (host !== undefined && (NO_REGISTRY.test(host) || SERVICE.test(host))) return undefined;
  try {
    const reference = parseReference(trimmed);
    const { tag, digest } = reference;
    if (tag === undefined && digest === undefined) return undefined;
    return tag !== undefined && TAINT_EFFECT.test(tag) ? undefined : reference;
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}

/** Whether something else fills the text in. */
export function isPlaceholder(text: string): boolean {
  return PLACEHOLDER.test(text);
}

/** Every image within a text that names a registry which is known as one. */
export function scanText(text: string, hosts: ReadonlySet<string>): readonly Reference[] {
  return [...text.matchAll(TOKEN)].flatMap(([token]) => {
    const reference = readImage(token, 'any');
    return reference !== undefined && isKnownHost(reference.registry, hosts) ? [reference] : [];
  });
}

/** Whether a host is a registry: one of those that are widely used, or one that certain images come from. */
export function isKnownHost(host: string, hosts: ReadonlySet<string>): boolean {
  return hosts.has(host) || REGISTRY.test(host);
}

/** Whether a name is one of a field that holds an image: `image`, `proxyImage`, `RELATED_IMAGE_PROXY`. */
export function namesImage(name: string): boolean {
  return /(^|[^A-Za-z])image|Image|IMAGE/.test(name) && !/pull|secret|policy/i.test(name);
}

function hostIn(text: string): string | undefined {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  return /[.:]/.test(first) || first === 'localhost' ? first : undefined;
}
