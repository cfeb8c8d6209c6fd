/** Vectors of sections 4.2 to 4.4: what inventories and manifests say of each other. */
import { sha256 } from '../../src/oci/digest.ts';
import {
  addBlob,
  addFile,
  addIndex,
  addManifest,
  build,
  buildAsItIs,
  emptyDraft,
  imageOf,
  makeDraft,
  REFERENCE,
  withText,
  type Draft,
} from './material.ts';
import type { Recipe } from './recipes.ts';

type Json = Record<string, unknown>;
const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };

/** One image of a single manifest. */
async function single(
  document: (draft: Draft) => Json | string,
  platform: string | null = 'linux/amd64',
): Promise<Buffer> {
  const draft = emptyDraft();
  const { digest } = addManifest(draft, document(draft));
  draft.inventory.images.push({ reference: REFERENCE, digest, ...(platform === null ? {} : { platform }) });
  return await build(draft);
}

/** One image whose document is changed as text. */
const spelled = (change: (text: string) => string): Promise<Buffer> =>
  single((draft) => change(JSON.stringify(imageOf(draft))));

/** An index over one image, listed with these platforms and carried under those. */
async function listed(
  platforms: readonly unknown[],
  carried: readonly (string | undefined)[],
  mode: 'complete' | 'sparse' = 'complete',
  config?: unknown,
): Promise<Buffer> {
  const draft = emptyDraft();
  const image = addManifest(draft, config === undefined ? imageOf(draft) : imageOf(draft, config));
  const entries = platforms.map((platform) => (platform === undefined ? { ...image } : { ...image, platform }));
  const index = addIndex(draft, entries, carried);
  const entry = draft.inventory.manifests.find(({ digest }) => digest === index.digest);
  entry?.manifests?.splice(carried.length);
  draft.inventory.images.push({ reference: REFERENCE, digest: index.digest, indexMode: mode });
  return await build(draft);
}

/** An image and something that vouches for it. */
async function vouched(type: string, claim: Json, more: Json = {}): Promise<Buffer> {
  const draft = emptyDraft();
  const image = addManifest(draft, imageOf(draft));
  const document = {
    schemaVersion: 2,
    artifactType: type,
    config: addBlob(draft, 'application/vnd.oci.empty.v1+json', Buffer.from('{}')),
    layers: [],
    subject: image,
    ...more,
  };
  const { digest } = addManifest(draft, document);
  const evidence = { subject: image.digest, digest, kind: 'artifact', ...claim } as never;
  draft.inventory.images.push({
    reference: REFERENCE,
    digest: image.digest,
    platform: 'linux/amd64',
    evidence: [evidence],
  });
  return await build(draft);
}

async function named(...references: readonly string[]): Promise<Buffer> {
  const draft = emptyDraft();
  const { digest } = addManifest(draft, imageOf(draft));
  for (const reference of references)
    draft.inventory.images.push({ reference: reference.replace('DIGEST', digest), digest, platform: 'linux/amd64' });
  return await build(draft);
}

/** What no writer could lay out: said in the inventory in place of a placeholder. */
async function renamed(placeholder: string, to: string, make: (draft: Draft) => void): Promise<Buffer> {
  const draft = emptyDraft();
  make(draft);
  return await withText(draft, (text) => text.replaceAll(JSON.stringify(placeholder), JSON.stringify(to)));
}

const misnamed = (reference: string): Promise<Buffer> =>
  renamed('r.example/placeholder:1', reference, (draft) => {
    const { digest } = addManifest(draft, imageOf(draft));
    draft.inventory.images.push({ reference: 'r.example/placeholder:1', digest, platform: 'linux/amd64' });
  });

const misplaced = (path: string): Promise<Buffer> =>
  renamed('docs/zzz.txt', path, (draft) => {
    addFile(draft, 'docs/readme.txt', 'read me');
    addFile(draft, 'docs/zzz.txt', 'x');
  });

async function changed(change: (draft: Draft) => void, make: typeof build = build): Promise<Buffer> {
  const draft = makeDraft();
  change(draft);
  return await make(draft);
}

const withFiles = (...paths: readonly string[]): Promise<Buffer> =>
  changed((draft) => {
    for (const path of paths) addFile(draft, path, 'x');
  });

const RECIPES: readonly Recipe[] = [
  ['nothing at all', '4.2', 'accept', () => build(emptyDraft())],
  ['one manifest for two platforms', '4.4', 'accept', () => listed([AMD64, ARM64], ['linux/amd64', 'linux/arm64'])],
  ['one manifest for two platforms, one of them left out of a complete index', '4.4', 'refuse', () => listed([AMD64, ARM64], ['linux/amd64'])],
  ['one manifest for two platforms, one of them left out of a sparse index', '4.4', 'accept', () => listed([AMD64, ARM64], ['linux/amd64'], 'sparse')],
  ['a platform that the index does not give', '4.4', 'refuse', () => listed([AMD64], ['linux/arm64'])],
  ['a platform that nothing gives', '4.4', 'refuse', () => listed([{ os: 'unknown', architecture: 'unknown' }], ['linux/amd64'])],
  ['no platform where the index gives one', '4.4', 'refuse', () => listed([AMD64], [undefined])],
  ['unknown/unknown is none', '4.4', 'accept', () => listed([{ os: 'unknown', architecture: 'unknown' }], [undefined])],
  ['an entry without platform has that of the config', '4.4', 'accept', () => listed([undefined], ['linux/amd64'])],
  ['an entry whose platform is null has that of the config', '4.4', 'accept', () => listed([null], ['linux/amd64'])],
  ['a platform without architecture is none', '4.4', 'accept', () => listed([{ os: 'linux' }], [undefined])],
  ['v8 of arm64 is not written', '4.4', 'accept', () => listed([{ ...ARM64, variant: 'v8' }], ['linux/arm64'])],
  ['v7 of arm is written', '4.4', 'accept', () => listed([{ os: 'linux', architecture: 'arm', variant: 'v7' }], ['linux/arm/v7'])],
  ['multi/platform is none', '4.4', 'accept', () => listed([{ os: 'multi', architecture: 'platform' }], [undefined])],
  ['multi/platform as a platform', '4.2', 'refuse', () => multi()],
  ['the version of an operating system does not matter', '4.4', 'accept', () => listed([{ os: 'windows', architecture: 'amd64', 'os.version': '10.0' }], ['windows/amd64'])],
  ['a platform key in another case', '4.4', 'refuse', () => listed([{ ...AMD64, OS: 'linux' }], ['linux/amd64'])],
  ['a config that is no JSON', '4.4', 'accept', () => single((draft) => imageOf(draft, 'text'), null)],
  ['a config with a key twice has no platform', '4.4', 'accept', () => single((draft) => imageOf(draft, '{"os":"linux","os":"linux","architecture":"amd64"}'), null)],
  ['a config with a key in another case has no platform', '4.4', 'accept', () => single((draft) => imageOf(draft, '{"os":"linux","architecture":"amd64","OS":"x"}'), null)],
  ['a config of another type has no platform', '4.4', 'accept', () => single((draft) => imageOf(draft, AMD64, 'application/x'), null)],
  ['a config of another type with a platform', '4.4', 'refuse', () => single((draft) => imageOf(draft, AMD64, 'application/x'))],
  ['a root without the platform of its config', '4.4', 'refuse', () => single((draft) => imageOf(draft), null)],
  ['unknown keys with any value', '4.4', 'accept', () => spelled((text) => text.replace('{', '{"future":{"deep":[true,null,1]},'))],
  ['null for optional keys', '4.4', 'accept', () => spelled((text) => text.replace('{', '{"annotations":null,"artifactType":null,"subject":null,'))],
  ['layers that are null', '4.4', 'accept', () => single((draft) => ({ ...imageOf({ ...draft, inventory: { ...draft.inventory, blobs: [] } }), config: addBlob(draft, 'application/vnd.oci.image.config.v1+json', Buffer.from(JSON.stringify(AMD64))), layers: null }))],
  ['a size with a fraction', '4.4', 'refuse', () => spelled((text) => text.replace(/"size":(\d+)/, '"size":$1.0'))],
  ['a size with an exponent', '4.4', 'refuse', () => spelled((text) => text.replace(/"size":(\d+)/, '"size":$1e0'))],
  ['a number with a sign in an unknown key', '4.4', 'refuse', () => spelled((text) => text.replace('{', '{"future":-1,'))],
  ['a key twice', '4.4', 'refuse', () => spelled((text) => text.replace('{', '{"future":1,"futur\\u0065":2,'))],
  ['a decisive key in another case', '4.4', 'refuse', () => spelled((text) => text.replace('{', '{"Layers":[],'))],
  ['artifactType in another case', '4.4', 'refuse', () => spelled((text) => text.replace('{', '{"ArtifactType":"x",'))],
  ['annotations in another case', '4.4', 'refuse', () => spelled((text) => text.replace('{', '{"Annotations":{},'))],
  ['an unknown key in any case', '4.4', 'accept', () => spelled((text) => text.replace('{', '{"Future":{},"future":{},'))],
  ['a byte order mark', '4.4', 'refuse', () => spelledAsBytes((text) => `\uFEFF${text}`)],
  ['text behind the document', '4.4', 'refuse', () => spelledAsBytes((text) => `${text}{}`)],
  ['white space around the document', '4.4', 'accept', () => spelled((text) => `\n ${text}\r\n`)],
  ['manifests beside layers', '4.4', 'refuse', () => spelled((text) => text.replace('{', '{"manifests":null,'))],
  ['schema version 1', '4.4', 'refuse', () => spelled((text) => text.replace('"schemaVersion":2', '"schemaVersion":1'))],
  ['another media type than the inventory’s', '4.4', 'refuse', () => mistyped()],
  ['no media type of its own', '4.4', 'accept', () => spelled((text) => text.replace(/"mediaType":"[^"]*manifest[^"]*",/, ''))],
  ['a layer with urls', '4.4', 'refuse', () => spelled((text) => text.replace('"size":5', '"size":5,"urls":["https://r.example/"]'))],
  ['a layer with an empty list of urls', '4.4', 'accept', () => spelled((text) => text.replace('"size":5', '"size":5,"urls":[]'))],
  ['embedded data that is the content', '4.4', 'accept', () => spelled((text) => text.replace('"size":5', '"size":5,"data":"bGF5ZXI="'))],
  ['embedded data that is other content', '4.4', 'refuse', () => spelled((text) => text.replace('"size":5', '"size":5,"data":"bGF5ZXM="'))],
  ['embedded data without padding', '4.4', 'refuse', () => spelled((text) => text.replace('"size":5', '"size":5,"data":"bGF5ZXI"'))],
  ['a foreign layer', '4.4', 'refuse', () => foreign()],
  ['annotations that are no texts', '4.4', 'refuse', () => spelled((text) => text.replace('{', '{"annotations":{"a":1},'))],
  ['an artifact that refers to the image', '4.4', 'accept', () => vouched('application/x', {})],
  ['a bill of materials', '4.4', 'accept', () => vouched('application/spdx+json', { kind: 'sbom' })],
  ['a bill of materials as a signature', '4.4', 'refuse', () => vouched('application/spdx+json', { kind: 'signature' })],
  ['a bundle with a predicate', '4.4', 'accept', () => vouched('application/vnd.dev.sigstore.bundle.v0.3+json', { kind: 'attestation' }, { annotations: { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' } })],
  ['a bundle without a predicate', '4.4', 'accept', () => vouched('application/vnd.dev.sigstore.bundle.v0.3+json', { kind: 'signature' })],
  ['evidence without a subject of its own', '4.4', 'refuse', () => vouched('application/x', {}, { subject: null })],
  ['evidence under a tag of its subject', '4.3', 'accept', () => tagged('.sbom', 'sbom')],
  ['evidence under a tag of another kind', '4.3', 'refuse', () => tagged('.sig', 'sbom')],
  ['evidence for what the image does not reach', '4.3', 'refuse', () => vouched('application/x', { subject: sha256('elsewhere') })],
  ['hosts with ports of any value, capitals and addresses', '4.2', 'accept', () => named('R.example/a:1', '[::1]:99999/a/b:1', 'a-b:0/c__d-e:1', 'docker.io/library/a@DIGEST', 'localhost/a:1')],
  ...['a:1', 'docker.io/a:1', 'index.docker.io/library/a:1', 'r..example/a:1', '-r.example/a:1', 'r.example/A:1', 'r.example/a', 'r.example/a:1@sha256:0', 'r.example:/a:1', 'r.example/a//b:1', 'r.example/a:-1', 'https://r.example/a:1'].map(
    (reference): Recipe => [`the reference ${reference}`, '4.2', 'refuse', () => misnamed(reference)],
  ),
  ['a tag and its digest', '4.2', 'accept', () => named('r.example/a:1@DIGEST', 'r.example/a:1')],
  ['a digest that is not the image’s', '4.2', 'refuse', () => named(`r.example/a@${sha256('other')}`)],
  ['one tag of two digests', '4.3', 'refuse', () => twice()],
  ['no platforms', '4.2', 'refuse', () => changed((draft) => void (draft.inventory.platforms = []), buildAsItIs)],
  ['other platforms', '4.2', 'refuse', () => changed((draft) => void (draft.inventory.platforms = ['windows/amd64']), buildAsItIs)],
  ['two components of one name', '4.2', 'refuse', () => changed(({ inventory }) => void inventory.components.push({ name: 'A', images: [], files: [] }))],
  ['a component that is empty', '4.2', 'accept', () => changed(({ inventory }) => void inventory.components.push({ name: 'B', images: [], files: [] }))],
  ['a component whose images are not sorted', '4.2', 'refuse', () => changed(({ inventory }) => void inventory.components.push({ name: 'B', images: [REFERENCE, REFERENCE], files: [] }))],
  ['a name of 512 characters, each of two units', '4.2', 'accept', () => changed(({ inventory }) => void inventory.components.push({ name: '\u{1f600}'.repeat(512), images: [], files: [] }))],
  ['a blob that nothing names', '4.3', 'refuse', () => changed((draft) => void addBlob(draft, 'application/x', Buffer.from('stray')))],
  ['paths that are plain', '4.3', 'accept', () => withFiles('a.b-c_d+e', `docs/${'d/'.repeat(100)}end.txt`, `${'d/'.repeat(77)}${'e'.repeat(100)}`)],
  ...['../x', '/x', 'a//b', 'a/./b', '.hidden', '-rf', 'a/-b', 'x.', 'CON', 'docs/nul.txt', 'a b', 'release.json', 'Images/x', 'DOCS/README.TXT', 'docs/readme.txt/x', 'x'.repeat(101), 'd/'.repeat(128)].map(
    (path): Recipe => [`a file with the path ${path.length > 40 ? `${path.slice(0, 8)}… of ${path.length} bytes` : path}`, '4.3', 'refuse', () => misplaced(path)],
  ),
  ['a trust document that is none, for a reader with keys', '8.2', 'accept', () => withFiles('trust/1.trust.json', 'trust/10.trust.json', 'trust/9.trust.json', 'trust/notes.txt')],
  ['a file without bytes', '4.3', 'accept', () => changed((draft) => addFile(draft, 'docs/empty', ''))],
]; // prettier-ignore

/** Bytes that the inventory's entry cannot be read out of. */
async function spelledAsBytes(change: (text: string) => string): Promise<Buffer> {
  const draft = emptyDraft();
  const document = JSON.stringify(imageOf(draft));
  const entry = addManifest(draft, document);
  const bytes = Buffer.from(change(document));
  draft.contents.set(sha256(bytes), bytes);
  const manifest = draft.inventory.manifests.find(({ digest }) => digest === entry.digest);
  Object.assign(manifest ?? {}, { digest: sha256(bytes), size: bytes.length });
  draft.inventory.images.push({ reference: REFERENCE, digest: sha256(bytes), platform: 'linux/amd64' });
  return await build(draft);
}

async function multi(): Promise<Buffer> {
  return await renamed('linux/amd64', 'multi/platform', (draft) => {
    const { digest } = addManifest(draft, imageOf(draft));
    draft.inventory.images.push({ reference: REFERENCE, digest, platform: 'linux/amd64' });
  });
}

async function mistyped(): Promise<Buffer> {
  const draft = emptyDraft();
  const { digest } = addManifest(draft, imageOf(draft));
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
  Object.assign(draft.inventory.manifests[0] ?? {}, { mediaType });
  draft.inventory.images.push({ reference: REFERENCE, digest, platform: 'linux/amd64' });
  return await build(draft);
}

async function foreign(): Promise<Buffer> {
  return await single((draft) => {
    const document = imageOf(draft);
    const layer = addBlob(draft, 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', Buffer.from('far'));
    return { ...document, layers: [...(document['layers'] as object[]), layer] };
  });
}

async function tagged(suffix: string, kind: 'sbom'): Promise<Buffer> {
  const draft = emptyDraft();
  const image = addManifest(draft, imageOf(draft));
  const config = addBlob(draft, 'application/vnd.oci.empty.v1+json', Buffer.from('{}'));
  const { digest } = addManifest(draft, { schemaVersion: 2, config, layers: [] });
  const evidence = [{ subject: image.digest, digest, kind, tag: `${image.digest.replace(':', '-')}${suffix}` }];
  draft.inventory.images.push({ reference: REFERENCE, digest: image.digest, platform: 'linux/amd64', evidence });
  return await build(draft);
}

async function twice(): Promise<Buffer> {
  const draft = emptyDraft();
  const one = addManifest(draft, imageOf(draft));
  const other = addManifest(draft, { ...imageOf(draft), annotations: { other: 'yes' } });
  draft.inventory.images.push({ reference: REFERENCE, digest: one.digest, platform: 'linux/amd64' });
  draft.inventory.images.push({
    reference: `${REFERENCE}@${other.digest}`,
    digest: other.digest,
    platform: 'linux/amd64',
  });
  return await build(draft);
}

/** How each is made. */
export function graphRecipes(): readonly Recipe[] {
  return RECIPES;
}
