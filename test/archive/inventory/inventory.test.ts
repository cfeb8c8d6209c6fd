/** `release.json`: one canonical form, and every rule that makes an inventory consistent. */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  checkInventory,
  MAX_INVENTORY_BYTES,
  parseInventory,
  serializeInventory,
} from '../../../src/archive/inventory/inventory.ts';
import { layoutArchive } from '../../../src/archive/layout/archive-layout.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import type { GraphChild, GraphEvidence, GraphManifest } from '../../../src/content/content-graph.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import { rejectionOf } from '../failures.ts';
import type { SampleNode } from '../../helpers/sample-image.ts';
import { makeRelease, sampleEvidence, sampleImages } from '../sample-release.ts';

const malformed = { name: 'IntegrityError', code: 'MALFORMED' };
let inventory: Inventory;
let text: string;

beforeAll(async () => {
  ({ inventory } = await makeRelease());
  text = serializeInventory(inventory).toString();
});

test('canonical bytes come back as the inventory they were', () => {
  expect(parseInventory(Buffer.from(text))).toEqual(inventory);
  expect(serializeInventory(parseInventory(Buffer.from(text))).toString()).toBe(text);
});

test('keys are written in one order, whatever order they come in', () => {
  const reversed = Object.fromEntries(Object.entries(inventory).reverse()) as Inventory;
  expect(serializeInventory(reversed).toString()).toBe(text);
});

describe('bytes that mean the same or nearly so are refused:', () => {
  const name = '"name": "sample"';
  test.each<[string, (canonical: string) => string]>([
    ['a duplicate key', (json) => json.replace(name, `"name": "other",\n ${name}`)],
    ['a duplicate key in escapes', (json) => json.replace(name, `"n\\u0061me": "other",\n ${name}`)],
    ['an escaped value', (json) => json.replace(name, '"name": "s\\u0061mple"')],
    ['__proto__', (json) => json.replace(name, `"__proto__": {"version": "2"},\n ${name}`)],
    ['constructor', (json) => json.replace(name, `"constructor": {},\n ${name}`)],
    ['an unknown key', (json) => json.replace(name, `"extra": 1,\n ${name}`)],
    ['an unknown key inside', (json) => json.replace('"size": ', '"extra": 1, "size": ')],
    ['a key in another case', (json) => json.replace('"name"', '"Name"')],
    ['a missing key', (json) => json.replace(` ${name},\n`, '')],
    ['keys in another order', (json) => json.replace(/( "name": .*\n)( "version": .*\n)/, '$2$1')],
    ['other white space', (json) => json.replace('": ', '" : ')],
    ['compact', (json) => `${JSON.stringify(JSON.parse(json))}\n`],
    ['no line feed at the end', (json) => json.trimEnd()],
    ['another line feed', (json) => `${json}\n`],
    ['CRLF', (json) => json.replaceAll('\n', '\r\n')],
    ['a byte order mark', (json) => `\uFEFF${json}`],
    ['text after the end', (json) => `${json}{}`],
    ['a NUL after the end', (json) => `${json}\0`],
    ['a trailing comma', (json) => json.replace(/\n\}\n$/, ',\n}\n')],
    ['a comment', (json) => `// hello\n${json}`],
    ['an unsafe integer', (json) => json.replace(/"size": \d+/, '"size": 9007199254740993')],
    ['a number with a fraction', (json) => json.replace(/"size": (\d+)/, '"size": $1.0')],
    ['a number with an exponent', (json) => json.replace(/"size": \d+/, '"size": 1e3')],
    ['a negative size', (json) => json.replace(/"size": \d+/, '"size": -1')],
    ['minus zero', (json) => json.replace(/"size": 0/, '"size": -0')],
    ['a size in a text', (json) => json.replace(/"size": (\d+)/, '"size": "$1"')],
    ['another version of the format', (json) => json.replace('"formatVersion": 1', '"formatVersion": 2')],
    ['a digest in upper case', (json) => json.replace(/"sha256:[^"]+"/, (digest) => digest.toUpperCase())],
    ['another algorithm', (json) => json.replace(/"sha256:/, '"sha512:')],
    ['nothing', () => ''],
    ['null', () => 'null\n'],
    ['a list', () => '[]\n'],
    ['deep nesting', () => '['.repeat(1_000_000)],
  ])('%s', async (_, change) => {
    const changed = change(text);
    expect(changed).not.toBe(text);
    expect(await rejectionOf(() => parseInventory(Buffer.from(changed)))).toMatchObject(malformed);
  });

  test('bytes that are not UTF-8', async () => {
    const changed = Buffer.from(text.replace('"name": "Sample"', '"name": "Sampl?"'));
    changed[changed.indexOf('Sampl?') + 5] = 0xff;
    expect(await rejectionOf(() => parseInventory(changed))).toMatchObject(malformed);
  });
});

/** The inventory with one list changed, keeping the order that lists must have. */
function withImage(change: (draft: Draft) => void): Inventory {
  const draft = structuredClone(inventory) as Draft;
  change(draft);
  return draft;
}

type Draft = { -readonly [K in keyof Inventory]: Inventory[K] } & {
  images: {
    reference: string;
    digest: Digest;
    platform?: string;
    indexMode?: 'complete' | 'sparse';
    evidence?: GraphEvidence[];
  }[];
  manifests: GraphManifest[];
};

/** A release with evidence by tag and by reference. */
async function makeSigned(): ReturnType<typeof makeRelease> {
  const images = sampleImages();
  const signed = await makeRelease({
    images,
    evidence: sampleEvidence(images['registry.example/team/app:1.0'] as SampleNode),
  });
  checkInventory(signed.inventory);
  return signed;
}

const tagged = (found: readonly GraphEvidence[]): GraphEvidence =>
  found.find(({ tag }) => tag !== undefined) as GraphEvidence;
const referrer = (found: readonly GraphEvidence[]): GraphEvidence =>
  found.find(({ tag }) => tag === undefined) as GraphEvidence;
/** As written by somebody who does not check. */
const canonical = (draft: Draft): Buffer => Buffer.from(`${JSON.stringify(draft, null, 1)}\n`);

function indexOf(draft: Draft): GraphManifest {
  return draft.manifests.find((manifest) => manifest.manifests !== undefined) as GraphManifest;
}

function imageManifestOf(draft: Draft): GraphManifest {
  const { digest } = childOf(draft);
  return draft.manifests.find((manifest) => manifest.digest === digest) as GraphManifest;
}

/** A child that an index gives a platform. */
function childOf(draft: Draft): GraphChild {
  const children = draft.manifests.flatMap(({ manifests = [] }) => manifests);
  return children.find(({ platform }) => platform !== undefined) as GraphChild;
}

/** Calls one platform otherwise, wherever it is named. */
function rename(draft: Draft, platform: string): void {
  const from = childOf(draft).platform as string;
  for (const each of [...draft.images, ...draft.manifests.flatMap(({ manifests = [] }) => manifests)]) {
    if (each.platform === from) each.platform = platform;
  }
  draft.platforms = draft.platforms.map((each) => (each === from ? platform : each)).sort();
}

function file(path: string): Inventory['files'][number] {
  return { path, size: 1, digest: sha256('x') };
}

describe('an inventory is inconsistent with', () => {
  test.each<[string, (draft: Draft) => void]>([
    ['unsorted images', ({ images }) => images.reverse()],
    ['unsorted manifests', ({ manifests }) => manifests.reverse()],
    ['unsorted blobs', ({ blobs }) => blobs.reverse()],
    ['unsorted files', ({ files }) => files.reverse()],
    ['unsorted slots', ({ slots }) => slots.reverse()],
    ['a repeated image', (draft) => draft.images.splice(0, 0, draft.images[0] as Draft['images'][number])],
    ['a repeated manifest', ({ manifests }) => manifests.splice(0, 0, manifests[0] as GraphManifest)],
    ['a repeated blob', ({ blobs }) => blobs.splice(0, 0, blobs[0] as Inventory['blobs'][number])],
    ['a repeated file', ({ files }) => files.splice(0, 0, files[0] as Inventory['files'][number])],
    ['a repeated slot', ({ slots }) => slots.splice(0, 0, slots[0] as Inventory['slots'][number])],
    ['a missing blob', ({ blobs }) => blobs.splice(0, 1)],
    ['a missing child', (draft) => draft.manifests.splice(draft.manifests.indexOf(imageManifestOf(draft)), 1)],
    ['a missing root', ({ images }) => ((images[0] as { digest: Digest }).digest = sha256('nowhere'))],
    ['a blob nobody names', ({ blobs }) => blobs.push({ digest: `sha256:${'f'.repeat(64)}`, mediaType: 'x', size: 1 })],
    ['a manifest nobody names', (draft) => draft.manifests.push({ ...imageManifestOf(draft), digest: `sha256:${'f'.repeat(64)}` })],
    ['an image nobody carries', ({ images }) => images.splice(0, 1)],
    ['a manifest that is also a blob', (draft) => {
      const { digest, size } = imageManifestOf(draft);
      draft.blobs = [...draft.blobs, { digest, size, mediaType: 'x' }].sort((a, b) => (a.digest < b.digest ? -1 : 1));
      (indexOf(draft).manifests ?? []).splice(0, 0);
      imageManifestOf(draft).layers?.push(digest);
    }],
    ['a manifest without layers', (draft) => delete imageManifestOf(draft).layers],
    ['a manifest without config', (draft) => delete imageManifestOf(draft).config],
    ['a manifest that is an index too', (draft) => Object.assign(imageManifestOf(draft), { manifests: [] })],
    ['an index for one platform', ({ images, manifests }) => {
      const { digest } = manifests.find((manifest) => manifest.manifests !== undefined) as GraphManifest;
      Object.assign(images.find((image) => image.digest === digest) as object, { platform: 'linux/amd64' });
    }],
    ['an inner index for one platform', (draft) => {
      const [one, other] = draft.manifests.filter((manifest) => manifest.manifests !== undefined);
      one?.manifests?.push({ digest: other?.digest as Digest, platform: 'linux/amd64' });
    }],
    ['no platforms', (draft) => (draft.platforms = [])],
    ['the platforms of others', (draft) => (draft.platforms = ['windows/amd64'])],
    ['one platform too few', (draft) => draft.platforms.pop()],
    ['one platform too many', (draft) => draft.platforms.push('linux/s390x')],
    ['platforms in another order', (draft) => draft.platforms.reverse()],
    ['a platform said twice', (draft) => draft.platforms.push(draft.platforms.at(-1) as string)],
    ['one tag of two digests', (draft) => {
      const [one, other] = [...new Map(draft.images.map((image) => [image.digest, image])).values()];
      draft.images.push({ ...(other as Draft['images'][number]), reference: `${String(one?.reference)}@${String(other?.digest)}` });
      draft.images.sort((a, b) => (a.reference < b.reference ? -1 : 1));
    }],
    ['a reference with the digest of something else', ({ images }) => {
      const image = images.at(-1) as Draft['images'][number];
      image.reference += `@${sha256('other')}`;
    }],
    ['two components of one name', ({ components }) => components.push(structuredClone(components[0]) as never)],
    ['a component that names an image twice', ({ components }) => components[0]?.images.push(components[0].images.at(-1) as string)],
    ['a component whose files are not sorted', ({ components }) => components[0]?.files.reverse()],
    ['an index with the type of a manifest', (draft) => Object.assign(indexOf(draft), { mediaType: MediaType.manifest })],
    ['a manifest with the type of an index', (draft) => Object.assign(imageManifestOf(draft), { mediaType: MediaType.index })],
    ['a manifest of another type', (draft) => Object.assign(imageManifestOf(draft), { mediaType: 'text/html' })],
    ['an index that repeats a child', (draft) => indexOf(draft).manifests?.push(indexOf(draft).manifests?.[0] as GraphChild)],
    ['an index within itself', (draft) => indexOf(draft).manifests?.push({ digest: indexOf(draft).digest })],
    ['indexes within each other', (draft) => {
      const [one, other] = draft.manifests.filter((manifest) => manifest.manifests !== undefined);
      one?.manifests?.push({ digest: other?.digest as Digest });
      other?.manifests?.push({ digest: one?.digest as Digest });
    }],
    ['an unknown image in a component', ({ components }) => components[0]?.images.push('registry.example/other:1')],
    ['an unknown file in a component', ({ components }) => components[0]?.files.push('docs/other.txt')],
    ['a reference that is none', ({ images }) => ((images.at(-1) as { reference: string }).reference = 'zzz:UPPER:1')],
    ['a reference that is not canonical', ({ images }) => ((images.at(-1) as { reference: string }).reference = 'zzz:1')],
    ['a reference without tag and digest', ({ images }) => ((images.at(-1) as { reference: string }).reference = 'zzz.example/a')],
    ['a platform that leaves the directory', (draft) => rename(draft, '../../etc/x')],
    ['a platform that is unknown', (draft) => rename(draft, 'unknown/amd64')],
    ['a platform in upper case', (draft) => rename(draft, 'Linux/AMD64')],
    ['a platform that is not canonical', (draft) => rename(draft, 'linux/arm64/v8')],
    ['a platform with the name of the last tarball', (draft) => rename(draft, 'multi/platform')],
    ['content without bytes that has another digest', ({ files }) => Object.assign(files[1] as object, { size: 0 })],
    ['content with bytes that has the digest of none', ({ files }) => Object.assign(files[1] as object, { digest: sha256('') })],
    ['one digest with two sizes', (draft) => {
      const blob = draft.blobs[0] as Inventory['blobs'][number];
      draft.files.push({ path: 'zzz', digest: blob.digest, size: blob.size + 1 });
    }],
    ['a day that does not exist', (draft) => (draft.created = '2023-02-29T00:00:00Z')],
    ['an hour that does not exist', (draft) => (draft.created = '2023-02-28T24:00:00Z')],
    ['a time before 1970', (draft) => (draft.created = '1969-12-31T23:59:59Z')],
    ['a time that no header can carry', (draft) => (draft.created = '2300-01-01T00:00:00Z')],
  ])('%s', async (_, change) => {
    expect(await rejectionOf(() => checkInventory(withImage(change)))).toMatchObject(malformed);
  }); // prettier-ignore

  test.each<[string, (found: GraphEvidence[], draft: Draft) => unknown]>([
    ['that is not sorted', (found) => found.reverse()],
    ['that is said twice', (found) => found.push(found.at(-1) as GraphEvidence)],
    ['that is not carried', (found) => Object.assign(found[0] as object, { digest: sha256('nowhere') })],
    ['for what is not carried', (found) => Object.assign(found.at(-1) as object, { subject: `sha256:${'f'.repeat(64)}` })],
    ['under the tag of something else', (found) => Object.assign(tagged(found), { tag: `sha256-${'0'.repeat(64)}.sig` })],
    ['under a tag of the image', (found) => Object.assign(tagged(found), { tag: '1.0' })],
    ['under a tag of another kind', (found) => Object.assign(tagged(found), { kind: 'sbom' })],
    ['of an unknown kind', (found) => Object.assign(tagged(found), { kind: 'rumour' })],
    ['that refers to itself', (found) => Object.assign(referrer(found), { subject: referrer(found).digest })],
    ['that nobody names any more', (found) => found.splice(0)],
    ['that two images give two subjects', (_, draft) => {
      const other = draft.images.find(({ evidence = [] }) => evidence.length === 0);
      const all = draft.images.flatMap(({ evidence = [] }) => evidence);
      Object.assign(other as object, { evidence: [{ ...referrer(all), subject: tagged(all).digest }] });
    }],
  ])('evidence %s', async (_, change) => {
    const { inventory: signed } = await makeSigned();
    const draft = structuredClone(signed) as Draft;
    const found = draft.images.flatMap(({ evidence = [] }) => (evidence.length > 0 ? [evidence] : []));
    for (const evidence of found) change(evidence, draft);
    expect(await rejectionOf(() => parseInventory(canonical(draft)))).toMatchObject(malformed);
  }); // prettier-ignore

  test.each([
    ...['../x', '/etc/passwd', 'a/../b', './a', 'a//b', 'a/', 'C:/x', 'a\\b', '.hidden', 'a/.b', 'a b', 'ä', 'a\nb'],
    ...['-rf', 'docs/-rf', 'CON', 'docs/con.txt', 'aux.tgz', 'docs/LPT1', 'a.', 'docs/a./b', 'docs/..', 'a..'],
    ...['release.json', 'RELEASE.json', 'release.json/x', 'checksums.txt', 'Checksums.txt/x', 'image-list.txt'],
    ...['signatures', 'signatures/9.sigstore.json', 'Attestations/x', 'images', 'images/linux-amd64.tar', 'IMAGES/x'],
  ])('a file called %j', async (path) => {
    const changed = withImage((draft) => (draft.files = [file(path)]));
    changed.components.length = 0;
    expect(await rejectionOf(() => checkInventory(changed))).toMatchObject(malformed);
  });

  test.each([
    ['names that differ by case', ['docs/A.txt', 'docs/a.txt']],
    ['folders that differ by case only, with one name', ['Docs/a.txt', 'docs/a.txt']],
    ['a file that is a folder', ['docs', 'docs/a.txt']],
    ['a file that is a folder in another case', ['Docs', 'docs/a.txt']],
    ['a file that is a folder further up', ['a/b', 'a/b/c/d']],
  ])('%s', async (_, paths) => {
    const changed = withImage((draft) => (draft.files = paths.map(file)));
    changed.components.length = 0;
    expect(await rejectionOf(() => checkInventory(changed))).toMatchObject(malformed);
  });
});

test('what looks strange but is consistent passes', () => {
  const changed = withImage((draft) => {
    draft.files = [file('a-b'), file('a.b'), file('a/b')];
    draft.components.length = 0;
    rename(draft, 'linux/mips64');
  });
  checkInventory(changed);
  expect(layoutArchive(changed).members.map((member) => member.path)).toContain('images/linux-mips64.tar');
});

test('hostile sizes and numbers are refused quickly', async () => {
  const platforms = Array.from({ length: 2_000 }, (_, index) => `linux/a${index}`);
  const digests = platforms.map((platform) => sha256(platform)).sort();
  const config = { digest: sha256('{}'), mediaType: 'x', size: 2 };
  const children = digests.map((digest) => ({
    digest,
    mediaType: MediaType.manifest,
    size: 1,
    config: config.digest,
    layers: [],
  }));
  const root: GraphManifest = {
    digest: `sha256:${'f'.repeat(64)}`,
    mediaType: MediaType.index,
    size: 1,
    manifests: digests.map((digest, index) => ({ digest, platform: platforms[index] as string })),
  };
  const changed: Inventory = {
    ...inventory,
    components: [],
    platforms: platforms.toSorted(),
    images: [{ reference: 'registry.example/a:1', digest: root.digest }],
    manifests: [...children, root],
    blobs: [config],
  };
  expect(await rejectionOf(() => checkInventory(changed))).toMatchObject(malformed);
  expect(MAX_INVENTORY_BYTES).toBeLessThanOrEqual(64 * 1024 * 1024);
});
