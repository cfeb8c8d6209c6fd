/** Mutated archives: by an attacker without a key, with a stranger's key, and by a builder whose key is trusted and who lies. */
import type { KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { layoutArchive } from '../../src/archive/layout/archive-layout.ts';
import { serializeInventory } from '../../src/archive/inventory/inventory.ts';
import { bytesOf } from '../../src/content/verified.ts';
import { AirgapError, exitCodeOf } from '../../src/errors.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { verifyArchive, verifyStream } from '../../src/archive/verification/verified-archive.ts';
import type { Inventory } from '../../src/archive/inventory/inventory-schema.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { contentsOf, fixedKeyPair, forgeArchive, forgeFront, withManifestBytes } from '../archive/forge.ts';
import { makeRelease, sampleEvidence, sampleImages } from '../archive/sample-release.ts';
import type { SampleNode } from '../helpers/sample-image.ts';
import { readArchive } from '../helpers/second-reader.ts';
import { integer, mutateBytes, mutateHeader, mutateJson, mutateText, pick, type Random } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** Everything that is made once. `path` is a file that each case overwrites. */
export async function archiveTargets(path: string): Promise<readonly FuzzTarget[]> {
  const release = await makeRelease();
  const { inventory } = release;
  const contents = contentsOf(release);
  const [trusted, stranger] = [fixedKeyPair('trusted'), fixedKeyPair('stranger')];
  const [signer, otherSigner] = [createKeySigner(trusted.privateKey), createKeySigner(stranger.privateKey)];
  const policy = { keys: [trusted.publicKey], threshold: 1 };
  const good = await forgeArchive(inventory, contents, signer);
  const mtime = Date.parse(inventory.created) / 1000;
  const images = sampleImages();
  const vouched = await makeRelease({
    images,
    evidence: sampleEvidence(images['registry.example/team/app:1.0'] as SampleNode),
  });
  const vouching = { inventory: vouched.inventory, contents: contentsOf(vouched) };
  const { offset: front = 0 } =
    layoutArchive(inventory).members.find(({ path: each }) => each === 'image-list.txt') ?? {};
  const headers = layoutArchive(inventory).members.map(({ offset }) => offset - 512);

  /** Whether both ways of reading accept; they must agree, and refuse as refusals are made. */
  const verdict = async (bytes: Buffer): Promise<boolean> => {
    await writeFile(path, bytes);
    const judge = (run: Promise<unknown>): Promise<boolean> =>
      run.then(
        () => true,
        (error: unknown) => {
          if (error instanceof AirgapError && exitCodeOf(error) === 3) return false;
          throw error;
        },
      );
    const asFile = await judge(verifyArchive(path, policy));
    const asStream = await judge(verifyStream(bytesOf(bytes), 'stream', policy));
    if (asFile !== asStream) throw new Error(`as a file ${asFile}, as a stream ${asStream}`);
    return asFile;
  };
  const onlyOriginal = async (bytes: Buffer): Promise<void> => {
    if ((await verdict(bytes)) !== bytes.equals(good)) throw new Error('accepted other bytes, or refused the same');
  };
  /** A lie is believed by both readers or by neither: what decides is on the page that both were written from. */
  const consistent = async (bytes: Buffer): Promise<void> => {
    const product = await verdict(bytes);
    const second = secondVerdict(bytes, policy.keys);
    if (product !== (second === 'accepted'))
      throw new Error(`the product says ${product}, the second reader ${second}`);
  };
  const forged = (changed: unknown, extra: ReadonlyMap<Digest, Buffer>): Promise<Buffer | undefined> =>
    // What cannot even be laid out is put in as text.
    forgeArchive(changed as Inventory, new Map([...contents, ...vouching.contents, ...extra]), signer).catch(
      () => undefined,
    );
  const mutated = async (random: Random, original: Inventory): Promise<Buffer> => {
    const changed = mutateJson(random, original);
    const text = `${JSON.stringify(changed, null, 1)}\n`;
    return (await forged(changed, new Map())) ?? (await forgeFront(Buffer.from(text), { signer, mtime }));
  };
  const remade = async (random: Random, original: Inventory, known: ReadonlyMap<Digest, Buffer>): Promise<void> => {
    const { digest } = pick(random, original.manifests);
    const json: unknown = JSON.parse(String(known.get(digest)));
    const text = random() < 0.8 ? JSON.stringify(mutateJson(random, json)) : mutateText(random, JSON.stringify(json));
    const bytes = Buffer.from(text);
    const changed = withManifestBytes(original, digest, bytes);
    const other = changed.manifests.find(({ digest: each }) => !known.has(each))?.digest ?? digest;
    const archive = await forged(changed, new Map([[other, bytes]]));
    if (archive !== undefined) await consistent(archive);
  };
  return [
    { name: 'archive-bytes', run: (random) => onlyOriginal(mutateBytes(random, good)) },
    {
      name: 'front-bytes',
      run: (random) => onlyOriginal(Buffer.concat([mutateBytes(random, good.subarray(0, front), 1), good.subarray(front)])), // prettier-ignore
    },
    { name: 'front-headers', run: (random) => onlyOriginal(mutateHeader(random, good, headers.filter((at) => at < front))) }, // prettier-ignore
    { name: 'archive-headers', run: (random) => onlyOriginal(mutateHeader(random, good, headers)) },
    { name: 'archive-members', run: (random) => onlyOriginal(moveMembers(random, good, headers)) },
    {
      name: 'inventory-text',
      run: async (random) => {
        const text = Buffer.from(mutateText(random, serializeInventory(inventory).toString()));
        if (await verdict(await forgeFront(text, { signer, mtime }))) throw new Error('accepted a front alone');
      },
    },
    { name: 'inventory-signed-by-trusted', run: async (random) => consistent(await mutated(random, inventory)) },
    {
      name: 'evidence-signed-by-trusted',
      run: async (random) => consistent(await mutated(random, vouching.inventory)),
    },
    { name: 'evidence-manifest-signed-by-trusted', run: (random) => remade(random, vouching.inventory, vouching.contents) }, // prettier-ignore
    {
      name: 'signed-by-stranger',
      run: async (random) => {
        const changed = (random() < 0.5 ? inventory : mutateJson(random, inventory)) as Inventory;
        const bytes = await forgeArchive(changed, contents, otherSigner).catch(() => undefined);
        if (bytes !== undefined && (await verdict(bytes))) throw new Error('accepted the signature of a stranger');
      },
    },
    { name: 'manifest-signed-by-trusted', run: (random) => remade(random, inventory, contents) },
  ];
}

function secondVerdict(bytes: Buffer, keys: readonly KeyObject[]): string {
  try {
    readArchive(bytes, keys);
    return 'accepted';
  } catch (error) {
    return `refused it: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Leaves out, doubles or moves whole members. */
function moveMembers(random: Random, good: Buffer, headers: readonly number[]): Buffer {
  const ends = [...headers.slice(1), good.length - 1024];
  const members = headers.map((start, index) => good.subarray(start, ends[index]));
  const [member = Buffer.alloc(0)] = members.splice(integer(random, members.length), random() < 0.5 ? 1 : 0);
  if (random() < 0.7) members.splice(integer(random, members.length + 1), 0, member);
  return Buffer.concat([...members, pick(random, [Buffer.alloc(1024), Buffer.alloc(512), Buffer.alloc(0), good])]);
}
