/** Sections 4.1 to 4.3 of docs/format.md, written from that page alone: which `release.json` is one. */
import type { Insist, Naming, Release } from './second-reader.ts';

type Json = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const MAX = Number.MAX_SAFE_INTEGER;
const DIGEST = /^sha256:[a-f0-9]{64}$/;
const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const INDEX = /^application\/vnd\.(oci\.image\.index\.v1|docker\.distribution\.manifest\.list\.v2)\+json$/;
const MANIFEST = /^application\/vnd\.(oci\.image\.manifest\.v1|docker\.distribution\.manifest\.v2)\+json$/;

const text =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === 'string' && [...value].length >= least && [...value].length <= most;
const like =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const whole =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
const list =
  (each: Check, most = 100_000, least = 0): Check =>
  (value) =>
    Array.isArray(value) && value.length >= least && value.length <= most && value.every(each);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const time: Check = (value) => {
  if (!like(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/)(value)) return false;
  const date = new Date(String(value));
  return !Number.isNaN(date.getTime()) && date.toISOString() === String(value).replace('Z', '.000Z') && date.getTime() >= 0 && date.getTime() <= 8_589_934_591_000; // prettier-ignore
};
/** The table of an object: its keys in this order, and no others. */
const table =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const keys = Object.keys(checks).filter((key) => Object.hasOwn(value, key));
    return (
      Object.keys(value).join() === keys.join() &&
      Object.entries(checks).every(([key, check]) =>
        check(Object.hasOwn(value, key) ? (value as Json)[key] : undefined),
      )
    );
  };

const name = like(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
const digest = like(DIGEST);
const size = whole(0, MAX);
const platform: Check = (value) => {
  if (!like(/^[a-z0-9]+\/[a-z0-9]+(\/v[0-9]{1,2})?$/)(value)) return false;
  const [os, architecture, variant] = String(value).split('/');
  const isPlain = (architecture === 'arm64' && variant === 'v8') || (architecture === 'amd64' && variant === 'v1');
  return os !== 'unknown' && architecture !== 'unknown' && !isPlain && value !== 'multi/platform';
};
const INVENTORY = table({
  formatVersion: (value) => value === 1,
  name,
  version: like(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/),
  channel: name,
  sequence: optional(whole(1, MAX)),
  created: time,
  expires: optional(time),
  checksums: optional((value) => value === 'files'),
  platforms: list(platform, 64),
  components: list(
    table({
      name: text(1, 512),
      description: optional(text(0, 4096)),
      images: list(text(1, 512)),
      files: list(text(1, 255)),
    }),
    10_000,
  ),
  files: list(table({ path: portable, size, digest })),
  slots: list(
    table({
      path: like(/^(signatures|attestations)\/[1-9][0-9]?\.sigstore\.json$/),
      size: whole(512, 1_048_576),
    }),
    16,
    1,
  ),
  images: list(
    table({
      reference: text(1, 512),
      digest,
      platform: optional(platform),
      indexMode: optional(like(/^(complete|sparse)$/)),
      evidence: optional(
        list(
          table({
            subject: digest,
            digest,
            kind: like(/^(signature|attestation|sbom|artifact)$/),
            tag: optional(text(0, 128)),
          }),
        ),
      ),
    }),
  ),
  manifests: list(
    table({
      digest,
      mediaType: text(1, 255),
      size,
      manifests: optional(list(table({ digest, platform: optional(platform) }))),
      config: optional(digest),
      layers: optional(list(digest)),
    }),
  ),
  blobs: list(table({ digest, mediaType: text(1, 255), size })),
});

/** Section 8, the front: from header to header, each with a size of its own, to the bytes of `release.json`. */
export function findInventory(file: Buffer, insist: Insist): Buffer {
  for (let offset = 0, first = true; ; first = false) {
    const name = file.toString('latin1', offset, offset + 100).replace(/\0[^]*/, '');
    const field = file.toString('latin1', offset + 124, offset + 136);
    const size = Number.parseInt(field, 8);
    insist(/^[0-7]{11}\0$/.test(field) && first === (name === 'checksums.txt'), 'front');
    if (name === 'release.json') {
      insist(size >= 1 && size <= 32 * 1024 * 1024, 'size of release.json');
      return file.subarray(offset + 512, offset + 512 + size);
    }
    insist(
      /^(checksums\.txt|(signatures|attestations)\/[0-9]+\.sigstore\.json|trust\/[0-9]+\.trust\.json)$/.test(name),
      'front',
    );
    offset += 512 + Math.ceil(size / 512) * 512;
  }
}

/** Reads the bytes of `release.json`, and insists on every rule that is about it alone. */
export function readInventory(bytes: Buffer, insist: Insist): Release {
  const outside = bytes.toString('latin1').replace(/"(?:[^"\\]|\\[^])*"/g, '');
  insist((outside.match(/[,[{]/g)?.length ?? 0) <= 1_000_000, 'values of the inventory');
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    insist(false, 'JSON of the inventory');
  }
  insist(bytes.equals(Buffer.from(`${JSON.stringify(json, null, 1)}\n`)), 'canonical inventory');
  insist(INVENTORY(json), 'tables of the inventory');
  const release = json as Release;
  // Section 8, the age.
  const { expires } = json as { readonly expires?: string };
  insist(expires === undefined || Date.now() < Date.parse(expires), 'age');
  checkNames(release, insist);
  checkGraph(release, insist);
  return release;
}

/** Names, order and references of 4.2 and 4.3. */
function checkNames({ images, files, slots, manifests, blobs, components }: Release, insist: Insist): void {
  const ascending = (keys: readonly string[]): boolean =>
    keys.every((key, at) => at === 0 || (keys[at - 1] ?? '') < key);
  const slotKeys = slots.map(
    ({ path }) => `${path.startsWith('s') ? 1 : 2}${(/\d+/.exec(path)?.[0] ?? '').padStart(2, '0')}`,
  );
  const lists = [images.map(({ reference }) => reference), files.map(({ path }) => path), slotKeys, manifests.map((each) => each.digest), blobs.map((each) => each.digest)]; // prettier-ignore
  insist(lists.every(ascending), 'sorted lists');
  const folded = files.map(({ path }) => path.toLowerCase());
  const reserved = /^(release\.json|checksums\.txt|image-list\.txt|signatures|attestations|images)(\/|$)/;
  insist(new Set(folded).size === folded.length && !folded.some((path) => reserved.test(path)), 'paths');
  const parents = new Set(folded.flatMap((path) => [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index))));
  insist(!folded.some((path) => parents.has(path)), 'a file that is a directory');
  const known = new Set([...images.map(({ reference }) => reference), ...files.map(({ path }) => path)]);
  insist(new Set(components.map((each) => each.name)).size === components.length, 'names of components');
  for (const each of components) {
    insist(ascending(each.images) && ascending(each.files), 'sorted components');
    insist([...each.images, ...each.files].every((key) => known.has(key)), 'what components name'); // prettier-ignore
  }
  const tags = new Map<string, string>();
  for (const { reference, digest: own, evidence = [] } of images) {
    const parsed = parseReference(reference);
    insist(parsed !== undefined && (parsed.digest ?? own) === own, `reference ${reference}`);
    const claims = [{ tag: parsed?.tag, digest: own }, ...evidence];
    for (const { tag, digest: claimed } of claims) {
      if (tag === undefined) continue;
      const key = `${parsed?.repository ?? ''}:${tag}`;
      insist((tags.get(key) ?? claimed) === claimed, `one tag of two: ${key}`);
      tags.set(key, claimed);
    }
    insist(ascending(evidence.map((each) => `${each.subject} ${each.digest} ${each.tag ?? ''}`)), 'sorted evidence');
  }
  const trust = files.filter(({ path }) => /^trust\/[1-9][0-9]{0,6}\.trust\.json$/.test(path));
  insist(trust.length <= 1_000 && trust.every((each) => each.size > 0), 'trust documents');
  insist(trust.reduce((sum, each) => sum + each.size, 0) <= 8_388_608, 'bytes of trust documents');
}

/** What the graph of 4.2 and 4.3 says of itself. */
function checkGraph({ images, files, manifests, blobs, platforms }: Release, insist: Insist): void {
  const all = new Map(manifests.map((each) => [each.digest, each]));
  const sizes = new Map(blobs.map((each) => [each.digest, each.size]));
  for (const { digest: own, mediaType, manifests: children, config, layers } of manifests) {
    const isIndex = children !== undefined;
    insist(isIndex ? INDEX.test(mediaType) : MANIFEST.test(mediaType), `type of ${own}`);
    insist(isIndex === (config === undefined) && isIndex === (layers === undefined), `kind of ${own}`);
    insist(
      [config, ...(layers ?? [])].every((each) => each === undefined || sizes.has(each)),
      `blobs of ${own}`,
    );
    const keys = (children ?? []).map((child) => `${child.digest} ${child.platform ?? ''}`);
    insist(new Set(keys).size === keys.length, `children of ${own}`);
  }
  const evidence = images.flatMap((image) => image.evidence ?? []);
  const namings: readonly Naming[] = [...images, ...evidence.map((each) => ({ digest: each.digest })), ...manifests.flatMap((each) => each.manifests ?? [])]; // prettier-ignore
  for (const { digest: own, platform: given } of namings) {
    insist(all.has(own) && (given === undefined || all.get(own)?.manifests === undefined), `naming of ${own}`);
  }
  const found = [...new Set(namings.flatMap((each) => each.platform ?? []))].sort();
  insist(found.join() === platforms.join(), 'platforms');
  insist(found.length + (namings.some((each) => each.platform === undefined) ? 1 : 0) <= 64, 'number of platforms');
  const below = (roots: readonly string[]): ReadonlySet<string> => {
    const reached = new Set(roots);
    for (const each of reached) for (const child of all.get(each)?.manifests ?? []) reached.add(child.digest);
    return reached;
  };
  const reached = below(namings.map((each) => each.digest).filter((each) => images.some((image) => image.digest === each || (image.evidence ?? []).some((one) => one.digest === each)))); // prettier-ignore
  const named = new Set([...reached].flatMap((each) => [all.get(each)?.config, ...(all.get(each)?.layers ?? [])]));
  insist(manifests.every((each) => reached.has(each.digest)), 'manifests that are reached'); // prettier-ignore
  insist(
    blobs.every((each) => named.has(each.digest) && !all.has(each.digest)),
    'blobs that are reached',
  );
  const said = new Map<string, number>();
  for (const each of [...manifests, ...blobs, ...files]) {
    insist((said.get(each.digest) ?? each.size) === each.size, `one size of ${each.digest}`);
    insist((each.size === 0) === (each.digest === EMPTY), `size of ${each.digest}`);
    said.set(each.digest, each.size);
  }
  const suffixes: Readonly<Record<string, string>> = { signature: 'sig', attestation: 'att', sbom: 'sbom' };
  const subjects = new Map<string, string>();
  for (const image of images) {
    const own = below([image.digest, ...(image.evidence ?? []).map((each) => each.digest)]);
    for (const { subject, digest: each, kind, tag } of image.evidence ?? []) {
      insist(own.has(subject), `subject of ${each}`);
      const expected = `${subject.replace(':', '-')}.${suffixes[kind] ?? ''}`;
      insist(tag === undefined || (tag === expected && kind !== 'artifact'), `tag of ${each}`);
      if (tag !== undefined) continue;
      insist((subjects.get(each) ?? subject) === subject, `two subjects of ${each}`);
      subjects.set(each, subject);
    }
  }
  const depth = (each: string, path: readonly string[]): void => {
    insist(!path.includes(each) && path.length <= 16, 'nesting');
    const inner = [...(all.get(each)?.manifests ?? []).map((child) => child.digest), subjects.get(each)];
    for (const child of new Set(inner)) if (child !== undefined) depth(child, [...path, each]);
  };
  for (const each of all.keys()) depth(each, []);
  let total = files.reduce((sum, each) => sum + BigInt(each.size), 0n);
  for (const key of new Set(namings.map((each) => `${each.digest} ${each.platform ?? ''}`))) {
    const { size: own = 0, config = '', layers = [] } = all.get(key.split(' ')[0] ?? '') ?? {};
    for (const each of [own, sizes.get(config) ?? 0, ...layers.map((layer) => sizes.get(layer) ?? 0)])
      total += BigInt(each);
  }
  insist(total <= 9_006_099_743_113_216n, 'bytes of everything');
}

function portable(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 255) return false;
  const isPlain = value.split('/').every((segment) => {
    const stem = segment.split('.')[0] ?? '';
    return /^[A-Za-z0-9_+][A-Za-z0-9._+-]*$/.test(segment) && !segment.endsWith('.') && !/^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/i.test(stem); // prettier-ignore
  });
  if (value.length <= 100) return isPlain;
  const cut = value.lastIndexOf('/', 155);
  return isPlain && cut > 0 && value.length - cut - 1 <= 100;
}

function parseReference(reference: string): { repository: string; tag?: string; digest?: string } | undefined {
  const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
  const host = `(?:${label}(?:\\.${label})*|\\[[A-Fa-f0-9:]+\\])(?::[0-9]+)?`;
  const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
  const pattern = new RegExp(
    `^(${host})/(${part}(?:/${part})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[a-f0-9]{64}))?$`,
  );
  const [, registry = '', repository = '', tag, own] = pattern.exec(reference) ?? [];
  const isHost = registry === 'localhost' || /[.:A-Z]/.test(registry);
  const isOfHub = registry !== 'docker.io' || repository.includes('/');
  if (!isHost || !isOfHub || registry === 'index.docker.io' || repository.length > 255) return undefined;
  if (tag === undefined && own === undefined) return undefined;
  return { repository: `${registry}/${repository}`, ...(tag === undefined ? {} : { tag }), ...(own === undefined ? {} : { digest: own }) }; // prettier-ignore
}
