/** What a stranger's file can cost before it is refused: 256 MiB of memory and 5 seconds of a processor, whatever it holds. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_INVENTORY_BYTES } from '../../../src/archive/inventory/inventory.ts';
import { MAX_SLOT_BYTES } from '../../../src/archive/inventory/inventory-schema.ts';
import { MAX_TRUST_BYTES } from '../../../src/archive/layout/trust-files.ts';
import { MAX_CHECKSUMS_BYTES } from '../../../src/archive/reader/seal.ts';
import { hexOf, sha256 } from '../../../src/oci/digest.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { fillSlot } from '../../../src/trust/signatures/slot.ts';
import { keyHint, toPublicKeyPem } from '../../../src/trust/keys/public-key.ts';
import { childScript } from '../../helpers/child-script.ts';
import { runOk } from '../../helpers/run.ts';
import { makeTempDir, useTempDir, type TempDir } from '../../helpers/temp.ts';
import { makeDocument, signTrust, trustBytes } from '../../trust/documents/trust-documents.ts';
import { fixedKeyPair, forgeFrontParts } from '../forge.ts';

const MAX_RSS_BYTES = 256 * 1024 * 1024;
const MAX_CPU_SECONDS = 5;
const CHILD = await childScript(new URL('cost-child.ts', import.meta.url));

const temp = useTempDir();
const { publicKey } = fixedKeyPair('maker');
const stranger = createKeySigner(fixedKeyPair('stranger').privateKey);

interface Cost {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

const key = toPublicKeyPem(publicKey);
const trustFile = trustBytes(signTrust(makeDocument()));

async function write(parts: readonly Buffer[]): Promise<string> {
  const path = temp.join('a.tar');
  await writeFile(path, parts);
  return path;
}

async function costOf(verb: 'verify' | 'stream' | 'inspect', archive: string, byTrust = false): Promise<Cost> {
  await writeFile(temp.join('key.pub'), key);
  await writeFile(temp.join('1.trust.json'), trustFile);
  const trust = byTrust ? [temp.join('1.trust.json')] : [];
  const { stdout } = await runOk(process.execPath, [CHILD, verb, archive, temp.join('key.pub'), ...trust]);
  const cost = JSON.parse(stdout) as Cost;
  expect(cost.cpuSeconds).toBeLessThan(MAX_CPU_SECONDS);
  expect(cost.rssBytes).toBeLessThan(MAX_RSS_BYTES);
  return cost;
}

/** The unit over and over, up to so many bytes. */
const filled = (unit: string, bytes: number, before = '', after = ''): Buffer =>
  Buffer.from(before + unit.repeat(Math.floor((bytes - before.length - after.length) / unit.length)) + after);

/** Inventories that are expensive to interpret. */
const INVENTORIES: readonly (readonly [string, () => Buffer])[] = [
  ['numbers for texts', () => filled('1,', MAX_INVENTORY_BYTES, '{"components":[{"name":"a","images":[', '1]}]}')],
  [
    'numbers for texts, each on its line',
    () => filled('    1,\n', MAX_INVENTORY_BYTES, '{\n "components": [\n  {\n   "images": [\n', '1]}]}'),
  ],
  ['empty lists', () => filled('[],', MAX_INVENTORY_BYTES, '{"images":[', '[]]}')],
  ['empty objects', () => filled('{},', MAX_INVENTORY_BYTES, '{"manifests":[', '{}]}')],
  ['brackets', () => filled('[', MAX_INVENTORY_BYTES)],
  [
    'keys that nothing has',
    () => Buffer.from(`{${Array.from({ length: 900_000 }, (_, key) => `"k${key}":1`).join()}}`),
  ],
  ['one text', () => filled('a', MAX_INVENTORY_BYTES, '"', '"')],
  ['one text of other letters', () => filled('\u044f', MAX_INVENTORY_BYTES / 2, '"', '"')],
  ['escapes', () => filled('\\u0041', MAX_INVENTORY_BYTES, '"', '"')],
  ['evidence of nothing', () => filled('{"evidence":[1]},', 14_000_000, '{"images":[', '{}]}')],
];

describe.each(INVENTORIES)('an inventory of %s', (_, make) => {
  let folder: TempDir & AsyncDisposable;
  let inventory: Buffer;
  let unsigned: string;
  beforeAll(async () => {
    folder = await makeTempDir();
    inventory = make();
    unsigned = folder.join('unsigned.tar');
    await writeFile(unsigned, await forgeFrontParts(inventory));
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  test('is not interpreted when no trusted key signed it', async () => {
    const { exitCode, code } = await costOf('stream', unsigned);
    expect([exitCode, code]).toEqual([3, 'UNSIGNED']);
    const strange = await costOf('verify', await write(await forgeFrontParts(inventory, { signer: stranger })));
    expect([strange.exitCode, strange.code]).toEqual([3, 'UNTRUSTED_SIGNER']);
  });

  test('costs no more when it is only looked at', async () => {
    expect(await costOf('inspect', unsigned)).toMatchObject({ exitCode: 3, code: 'MALFORMED' });
  });
});

describe('a front as large as it may be', () => {
  /** A signature by somebody else in every slot, over the largest list that there may be. */
  let front: { readonly checksums: Buffer; readonly between: Readonly<Record<string, Buffer>> };
  const inventory = filled('[', MAX_INVENTORY_BYTES);
  beforeAll(async () => {
    const line = `${hexOf(sha256(inventory))}  release.json\n`;
    const checksums = filled(`${'0'.repeat(64)}  ${'a'.repeat(200)}\n`, MAX_CHECKSUMS_BYTES, line);
    // A signature over so much takes a while: it is made once, and each slot names another key for it.
    const signed = String(await stranger.sign(checksums));
    const signatures = Array.from({ length: 16 }, (_, index) => {
      const hint = keyHint(fixedKeyPair(`stranger ${index}`).publicKey);
      const bundle = Buffer.from(signed.replace(keyHint(fixedKeyPair('stranger').publicKey), hint));
      return [`signatures/${index + 1}.sigstore.json`, fillSlot(bundle, MAX_SLOT_BYTES)] as const;
    });
    front = { checksums, between: Object.fromEntries(signatures) };
  });

  test('is refused, as a file and as a stream', async () => {
    const archive = await write(await forgeFrontParts(inventory, front));
    for (const verb of ['verify', 'stream'] as const) {
      const { exitCode, code } = await costOf(verb, archive);
      expect([verb, exitCode, code]).toEqual([verb, 3, 'UNTRUSTED_SIGNER']);
    }
  });

  const size = MAX_TRUST_BYTES / 4;
  const canonical = (payload: string, signatures = '[]'): string =>
    `{\n "payloadType": "application/vnd.hexabase.airgap.trust+json",\n "payload": "${payload}",\n "signatures": ${signatures}\n}\n`;
  test.each<[string, () => Buffer]>([
    ['lists for signatures', () => filled('[],', size, '{"payloadType":"a","payload":"","signatures":[', '[]]}')],
    ['numbers for signatures', () => filled('1,', size, '{"payloadType":"a","payload":"","signatures":[', '1]}')],
    ['a payload of nothing but numbers', () => Buffer.from(canonical(filled('1,', size / 2, '[').toString('base64')))],
    ['a signature by a stranger', () => trustBytes(signTrust(makeDocument({ version: 2 }), ['stranger']))],
    ['brackets', () => filled('[', size)],
  ])('with trust documents that hold %s is refused', async (_, make) => {
    const document = make();
    const trust = [2, 3, 4, 5].map((version) => [`trust/${version}.trust.json`, document] as const);
    const between = { ...front.between, ...Object.fromEntries(trust) };
    const archive = await write(await forgeFrontParts(inventory, { ...front, between }));
    for (const verb of ['verify', 'stream'] as const) {
      expect((await costOf(verb, archive, true)).exitCode).toBe(3);
    }
  });

  test.each<[string, string]>([
    ['brackets', '['],
    ['log entries', '{},'],
    ['a text', 'a'],
  ])('with signatures of %s is refused', async (_, unit) => {
    const content = filled(unit, 60_000, '{"verificationMaterial":{"tlogEntries":[', '{}]}}');
    const slots = Array.from({ length: 16 }, (__, index) => [`signatures/${index + 1}.sigstore.json`, fillSlot(content, MAX_SLOT_BYTES)] as const); // prettier-ignore
    const { exitCode, code } = await costOf('verify', await write(await forgeFrontParts(inventory, { ...front, between: Object.fromEntries(slots) })));
    expect([exitCode, code]).toEqual([3, 'SIGNATURE_INVALID']);
  }); // prettier-ignore
});

test('fifteen thousand references to one index over 63 platforms cost no more', async () => {
  const platforms = Array.from({ length: 63 }, (_, index) => `linux/a${String(index).padStart(2, '0')}`);
  const config = { digest: sha256('config'), mediaType: 'application/json', size: 2 };
  const manifests = platforms.map((platform) => ({
    digest: sha256(platform),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: 1,
    config: config.digest,
    layers: [],
  }));
  const index = {
    digest: sha256('index'),
    mediaType: 'application/vnd.oci.image.index.v1+json',
    size: 1,
    manifests: platforms.map((platform) => ({ digest: sha256(platform), platform })),
  };
  const inventory = {
    ...{ formatVersion: 1, name: 'a', version: '1', channel: 'a', created: '1970-01-01T00:00:00Z', platforms },
    ...{ components: [], files: [], slots: [{ path: 'signatures/1.sigstore.json', size: 1024 }] },
    images: Array.from({ length: 15_000 }, (_, at) => ({
      reference: `r.example/a:${String(at).padStart(5, '0')}`,
      digest: index.digest,
      indexMode: 'complete',
    })),
    manifests: [...manifests, index].sort((a, b) => (a.digest < b.digest ? -1 : 1)),
    blobs: [config],
  };
  const bytes = await forgeFrontParts(Buffer.from(`${JSON.stringify(inventory, null, 1)}\n`));
  const { code, message } = await costOf('inspect', await write(bytes));
  expect([code, message]).toEqual(['MALFORMED', 'release.json needs tarballs with too many entries']);
});
