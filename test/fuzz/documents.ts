/** Mutated documents, each read by the one function that reads such documents. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { formatChecksums, parseChecksums } from '../../src/archive/layout/checksums.ts';
import { parseInventory, serializeInventory } from '../../src/archive/inventory/inventory.ts';
import { AirgapError } from '../../src/errors.ts';
import { readChartPackage } from '../../src/kubernetes/charts/chart-package.ts';
import { unpackChart } from '../../src/kubernetes/charts/chart-archive.ts';
import { packChart } from '../../src/kubernetes/charts/chart-packing.ts';
import { isDigest, sha256 } from '../../src/oci/digest.ts';
import { isIndex, parseManifest } from '../../src/oci/manifest.ts';
import { formatLock, parseLock } from '../../src/release/lock/lock.ts';
import { parseSpec } from '../../src/release/spec/spec.ts';
import { formatStarter } from '../../src/release/spec/starter.ts';
import type { ReleaseLock } from '../../src/release/lock/lock-schema.ts';
import { parseIndexFile } from '../../src/stores/layout/index-file.ts';
import { anchorTrust } from '../../src/trust/documents/trust-chain.ts';
import { parseTrustFile } from '../../src/trust/documents/trust-document.ts';
import { evaluateImageSignature, type ImageSignature } from '../../src/trust/evidence/image-signature.ts';
import { keyId } from '../../src/trust/keys/public-key.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { verifySignatures } from '../../src/trust/signatures/evaluate-signatures.ts';
import { fixedKeyPair } from '../archive/forge.ts';
import { makeRelease } from '../archive/sample-release.ts';
import { makePayload, makeSignatureBundle, makeSignStatement, signBytes } from '../helpers/signed-image.ts';
import { makeDocument, signTrust, trustBytes } from '../trust/documents/trust-documents.ts';
import { mutateBytes, mutateHeader, mutateJson, mutateText, pick, type Random } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** Runs the reader; a refusal in the product's own words is fine, anything else is not. */
async function orRefused<T>(read: () => T | Promise<T>, judge: (value: T) => void): Promise<void> {
  let value: T;
  try {
    value = await read();
  } catch (error) {
    if (error instanceof AirgapError) return;
    throw error;
  }
  judge(value);
}

function insist(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

export async function documentTargets(): Promise<readonly FuzzTarget[]> {
  const { inventory, contents } = await makeRelease();
  const { privateKey, publicKey } = fixedKeyPair('trusted');
  const inventoryText = serializeInventory(inventory).toString();
  const lines = inventory.files.map(({ path, digest }) => ({ path, digest }));
  const checksums = formatChecksums(lines);
  const bundle = Buffer.from(await createKeySigner(privateKey).sign(checksums));
  const manifests = inventory.manifests.map(({ digest }) => String(contents.get(digest)?.bytes));
  const { images, manifests: nodes, blobs } = inventory;
  const file = { path: 'docs/a.md', from: 'docs/a.md', kind: 'doc', size: 1, digest: sha256('a') } as const;
  const lock: ReleaseLock = {
    ...{ lockVersion: 1, name: 'sample', version: '1.0.0', channel: 'stable', created: '2024-05-06T07:08:09Z' },
    ...{ platforms: ['linux/amd64'], specDigest: sha256(''), files: [file], images, manifests: nodes, blobs },
    components: [
      { name: 'core', images: [{ reference: 'r.example/a:1', foundIn: ['release.yaml'] }], files: [file.path] },
    ],
  };
  const trust = trustBytes(signTrust(makeDocument()));
  const image = sha256('image');
  const payload = makePayload(image);
  const signature = signBytes(payload, privateKey).toString('base64');
  const statement = makeSignStatement(image);
  const imageBundle = makeSignatureBundle(statement, privateKey).toString();
  const signers = [{ key: 'a.pub', keyId: keyId(publicKey), publicKey }];
  const starter = formatStarter();
  const chart = await packChart('demo', chartFiles(await packChart('sub', chartFiles())));
  const tar = gunzipSync(chart);
  const blocks = Array.from({ length: tar.length / 512 }, (_, index) => index * 512);
  const tarHeaders = blocks.filter((at) => tar.toString('latin1', at + 257, at + 262) === 'ustar');
  const text = (random: Random, original: string): string =>
    random() < 0.5 ? mutateText(random, original) : JSON.stringify(mutateJson(random, JSON.parse(original) as unknown));
  return [
    {
      name: 'inventory',
      run: (random) => {
        const bytes = Buffer.from(mutateText(random, inventoryText));
        return orRefused(() => parseInventory(bytes), (parsed) => insist(serializeInventory(parsed).equals(bytes), 'not canonical')); // prettier-ignore
      },
    },
    {
      name: 'checksums',
      run: (random) => {
        const bytes = mutateBytes(random, checksums, 1);
        return orRefused(() => parseChecksums(bytes), (parsed) => insist(formatChecksums([...parsed].map(([path, digest]) => ({ path, digest }))).equals(bytes), 'not canonical')); // prettier-ignore
      },
    },
    {
      name: 'bundle',
      run: (random) => {
        const bytes = random() < 0.5 ? mutateBytes(random, bundle, 1) : Buffer.from(text(random, bundle.toString()));
        return orRefused(() => verifySignatures(checksums, [bytes], { keys: [publicKey], threshold: 1 }), () => insist(bytes.equals(bundle), 'another bundle was accepted')); // prettier-ignore
      },
    },
    {
      name: 'lock',
      run: (random) => orRefused(() => parseLock(text(random, formatLock(lock)), 'release.lock.json'), formatLock),
    },
    { name: 'spec', run: (random) => orRefused(() => parseSpec(mutateText(random, starter), 'release.yaml'), () => undefined) }, // prettier-ignore
    {
      name: 'manifest',
      run: (random) => {
        const bytes = Buffer.from(text(random, pick(random, manifests)));
        return orRefused(() => parseManifest(bytes, undefined, 'fuzz'), (parsed) => {
          const named = isIndex(parsed) ? parsed.manifests : [parsed.config, ...parsed.layers];
          insist(named.every(({ digest, size }) => isDigest(digest) && Number.isSafeInteger(size) && size >= 0), 'a descriptor that is none'); // prettier-ignore
          insist(bytes.toString() !== `\uFEFF${bytes.toString().slice(1)}`, 'a byte order mark');
        }); // prettier-ignore
      },
    },
    {
      name: 'trust-document',
      run: (random) => {
        const bytes = random() < 0.5 ? mutateBytes(random, trust, 1) : Buffer.from(text(random, trust.toString()));
        return orRefused(() => anchorTrust(parseTrustFile(bytes, '1.trust.json')), () => insist(bytes.equals(trust), 'other trust was accepted')); // prettier-ignore
      },
    },
    {
      name: 'image-signature',
      run: (random) => {
        const changed: readonly ImageSignature[] = [
          { form: 'simple', payload: Buffer.from(text(random, payload.toString())), signature },
          { form: 'simple', payload, signature: mutateText(random, signature) },
          { form: 'bundle', bundle: Buffer.from(text(random, imageBundle)) },
        ];
        const judged = pick(random, changed);
        return orRefused(() => evaluateImageSignature(judged, image, signers), (verdict) => {
          if ('fault' in verdict) return;
          if (judged.form === 'simple') return insist(payload.equals(judged.payload), 'another payload was accepted');
          // Base64 has several spellings of the same bytes.
          const { dsseEnvelope } = JSON.parse(String(judged.bundle)) as { dsseEnvelope: { payload: string } };
          insist(statement.equals(Buffer.from(dsseEnvelope.payload, 'base64')), 'another statement was accepted');
        }); // prettier-ignore
      },
    },
    {
      name: 'layout-index',
      run: (random) => orRefused(() => parseIndexFile(Buffer.from(text(random, pick(random, manifests))), 'fuzz'), () => undefined), // prettier-ignore
    },
    {
      name: 'chart',
      run: (random) => {
        const changed = random() < 0.5 ? mutateHeader(random, tar, tarHeaders) : mutateBytes(random, tar);
        const bytes = random() < 0.8 ? gzipSync(changed, { level: 1 }) : mutateBytes(random, chart, 1);
        return orRefused(() => unpackChart(bytes, 'demo.tgz'), (files) => {
          const isSafe = (path: string): boolean => !/(^|\/)\.{0,2}(\/|$)|[\0-\x1f\\]|^[A-Za-z]:/.test(path);
          insist(files.every(({ path }) => isSafe(path)), 'a path that leaves'); // prettier-ignore
          insist(new Set(files.map(({ path }) => path)).size === files.length, 'a path twice');
        }).then(() => orRefused(() => readChartPackage(bytes, 'demo.tgz'), () => undefined)); // prettier-ignore
      },
    },
  ];
}

function chartFiles(sub?: Buffer): { path: string; bytes: Buffer }[] {
  const name = sub === undefined ? 'sub' : 'demo';
  const yaml = `apiVersion: v2\nname: ${name}\nversion: 1.0.0\nannotations: {images: "[{image: sub:1}]"}\n`;
  const own = { path: 'Chart.yaml', bytes: Buffer.from(yaml) };
  const rest = ['values.yaml', 'templates/a.yaml', 'README.md'].map((path) => ({ path, bytes: Buffer.from('a: 1\n') }));
  return [own, ...rest, ...(sub === undefined ? [] : [{ path: 'charts/sub-1.0.0.tgz', bytes: sub }])];
}
