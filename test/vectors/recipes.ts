/** All vectors of docs/vectors/vectors.json, and how each is made. */
import { layoutArchive } from '../../src/archive/layout/archive-layout.ts';
import { toPublicKeyPem } from '../../src/trust/keys/public-key.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { fixedKeyPair } from '../archive/forge.ts';
import { encodeArchive, type Vector, type VectorFile } from './encoding.ts';
import { deltaRecipes } from './delta-vectors.ts';
import { graphRecipes } from './graph-vectors.ts';
import { arrange, build, buildAsItIs, KEYS, makeDraft, withChecksums, withText } from './material.ts';

export type Recipe = readonly [name: string, rule: string, verdict: Vector['verdict'], make: () => Promise<Buffer>];

/** The good archive with bytes of a member changed, counted from its header. */
const patched = (path: string, offset: number, bytes: string) => async (): Promise<Buffer> => {
  const archive = await build(makeDraft());
  const member = layoutArchive(arrange(makeDraft()).inventory).members.find((each) => each.path === path);
  if (member === undefined) throw new Error(`no member ${path}`);
  archive.write(bytes, member.offset - 512 + offset, 'latin1');
  return archive;
};

/** The good archive with its inventory spelled otherwise. */
const respelled = (change: (text: string) => string | Buffer) => (): Promise<Buffer> => withText(makeDraft(), change);

/** The good archive with the text of its signature slot changed. */
const resigned = (change: (text: string) => string) => async (): Promise<Buffer> => {
  const archive = await build(makeDraft());
  const { offset, size } = layoutArchive(arrange(makeDraft()).inventory).members[1] ?? { offset: 0, size: 0 };
  const text = change(archive.toString('latin1', offset, offset + size)).slice(0, size);
  archive.write(text, offset, 'latin1');
  return archive;
};

/** The good archive, with a signed list that has no tarballs. */
const listingFiles = async (): Promise<Buffer> => {
  const draft = arrange(makeDraft());
  const { platforms, components, files, slots, images, manifests, blobs, ...head } = draft.inventory;
  const rest = { platforms, components, files, slots, images, manifests, blobs };
  return await buildAsItIs({ ...draft, inventory: { ...head, checksums: 'files', ...rest } });
};

const BYTE_RECIPES: readonly Recipe[] = [
  ['a small release', '8', 'accept', () => build(makeDraft())],
  ['nobody signed', '8', 'refuse', () => build(makeDraft(), null)],
  ['somebody else signed', '8', 'refuse', () => build(makeDraft(), createKeySigner(fixedKeyPair('stranger').privateKey))],
  ['one byte less', '8', 'refuse', async () => (await build(makeDraft())).subarray(0, -1)],
  ['one byte more', '8', 'refuse', async () => Buffer.concat([await build(makeDraft()), Buffer.alloc(1)])],
  ['rounded to a record of tar', '2', 'refuse', async () => Buffer.concat([await build(makeDraft()), Buffer.alloc(512)])],
  ['the front alone', '8', 'refuse', async () => (await build(makeDraft())).subarray(0, 3072)],
  ['another owner', '3', 'refuse', patched('docs/readme.txt', 108, '0000001')],
  ['a link', '3', 'refuse', patched('docs/readme.txt', 156, '1')],
  ['a user name', '3', 'refuse', patched('release.json', 265, 'root')],
  ['another time in front', '3', 'refuse', patched('release.json', 136, '00000000000')],
  ['padding that is not zero', '2', 'refuse', patched('docs/readme.txt', 512 + 8, 'x')],
  ['other content', '8', 'refuse', patched('docs/readme.txt', 512, 'R')],
  ['other content of a blob', '8', 'refuse', patched('images/linux-amd64.tar', 512 * 7, 'L')],
  ['another digest of a tarball in the list', '6', 'refuse', patched('checksums.txt', 512 + 250, '0')],
  ['a wrong digest of a tarball that was signed', '6', 'accept', () => withChecksums((text) => text.replace(/^[a-f0-9]{64}(?= {2}images)/m, '0'.repeat(64)))],
  ['a digest of a tarball that is none', '6', 'refuse', () => withChecksums((text) => text.replace(/^[a-f0-9]{64}(?= {2}images)/m, 'x'.repeat(64)))],
  ['a wrong digest of a file that was signed', '6', 'refuse', () => withChecksums((text) => text.replace(/^[a-f0-9]{64}(?= {2}docs)/m, '0'.repeat(64)))],
  ['lines in another order', '6', 'refuse', () => withChecksums((text) => text.replace(/^(.*image-list.*\n)(.*docs.*\n)/m, '$2$1'))],
  ['a byte behind the signature', '7', 'refuse', resigned((text) => text.replace(/ \n$/, 'x\n'))],
  ['no line feed at the end of a slot', '7', 'refuse', resigned((text) => text.replace(/\n$/, ' '))],
  ['a space within the bundle', '7.1', 'refuse', resigned((text) => text.replace(':', ': ').replace(/ \n$/, '\n'))],
  ['another hint', '7.1', 'refuse', resigned((text) => text.replace(/"hint":"./, '"hint":"_'))],
  ['another digest in the bundle', '7.1', 'refuse', resigned((text) => text.replace(/"digest":"../, '"digest":"AA'))],
  ['a field that nothing knows', '7.1', 'refuse', resigned((text) => text.replace('{', '{"a":1,').replace(/ {7}\n$/, '\n'))],
  ['an empty signature', '7.1', 'refuse', resigned((text) => text.replace(/"signature":"([^"]*)"\}\}/, (_, signature: string) => `"signature":""}}${' '.repeat(signature.length)}`))],
  ['another order of keys', '4.1', 'refuse', respelled((text) => text.replace(/( "name": .*\n)( "version": .*\n)/, '$2$1'))],
  ['a key that nothing knows', '4.1', 'refuse', respelled((text) => text.replace(' "name"', ' "extra": 1,\n "name"'))],
  ['a key of the inventory twice', '4.1', 'refuse', respelled((text) => text.replace(' "name"', ' "name": "x",\n "name"'))],
  ['an escape that is not needed', '4.1', 'refuse', respelled((text) => text.replace('"sample"', '"s\\u0061mple"'))],
  ['a fraction in the inventory', '4.1', 'refuse', respelled((text) => text.replace(/"size": (\d+)/, '"size": $1.0'))],
  ['CRLF', '4.1', 'refuse', respelled((text) => text.replaceAll('\n', '\r\n'))],
  ['no line feed at the end', '4.1', 'refuse', respelled((text) => text.trimEnd())],
  ['a byte order mark before the inventory', '4.1', 'refuse', respelled((text) => `\uFEFF${text}`)],
  ['no UTF-8', '4.1', 'refuse', respelled((text) => Buffer.from(text.replace('"A"', '"\xc4"'), 'latin1'))],
  ['another version of the format', '11', 'refuse', respelled((text) => text.replace('"formatVersion": 1', '"formatVersion": 2'))],
  ['a day that does not exist', '4.2', 'refuse', respelled((text) => text.replace('2024-05-06', '2024-02-30'))],
  ['an expiry beyond what a header holds', '4.2', 'refuse', respelled((text) => text.replace('08:09Z",', '08:09Z",\n "expires": "2300-01-01T00:00:00Z",'))],
  ['an expiry that is to come', '4.2', 'accept', respelled((text) => text.replace('08:09Z",', '08:09Z",\n "expires": "2242-03-16T12:56:31Z",'))],
  ['a release that has expired', '8', 'refuse', respelled((text) => text.replace('08:09Z",', '08:09Z",\n "expires": "2024-05-07T00:00:00Z",'))],
  ['a list of files alone', '6', 'accept', listingFiles],
  ['a list of files alone, and a tarball in it', '6', 'refuse', respelled((text) => text.replace(' "platforms"', ' "checksums": "files",\n "platforms"'))],
  ['a list of all, spelled out', '4.2', 'refuse', respelled((text) => text.replace(' "platforms"', ' "checksums": "all",\n "platforms"'))],
  ['a sequence', '4.2', 'accept', respelled((text) => text.replace(' "created"', ' "sequence": 1,\n "created"'))],
  ['a sequence of 0', '4.2', 'refuse', respelled((text) => text.replace(' "created"', ' "sequence": 0,\n "created"'))],
]; // prettier-ignore

/** The whole file, the same at every run. */
export async function makeVectors(): Promise<VectorFile> {
  const vectors: Vector[] = [];
  for (const [name, rule, verdict, make] of [...BYTE_RECIPES, ...graphRecipes(), ...deltaRecipes()]) {
    vectors.push({ name, rule, verdict, archive: encodeArchive(await make()) });
  }
  return { formatVersion: 1, publicKey: toPublicKeyPem(KEYS.publicKey), vectors };
}

/** One vector a line. */
export function serializeVectors({ formatVersion, publicKey, vectors }: VectorFile): string {
  const lines = vectors.map((vector) => JSON.stringify(vector)).join(',\n');
  return `{"formatVersion":${formatVersion},"publicKey":${JSON.stringify(publicKey)},"vectors":[\n${lines}\n]}\n`;
}
