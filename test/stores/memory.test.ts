/** What memory does beyond the laws of contract.ts. */
import { expect, test } from 'vitest';
import { bytesOf } from '../../src/content/verified.ts';
import { canListReferrers } from '../../src/content/store.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { corpus, failureOf } from './contract.ts';

async function pushJson(store: MemoryStore, mediaType: string, value: object) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...value }));
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
  await store.push(descriptor, bytesOf(bytes));
  return descriptor;
}

test('lists what refers to a manifest, with artifact type and annotations', async () => {
  const store = new MemoryStore();
  const subject = corpus.manifest.descriptor;
  await store.push(subject, bytesOf(corpus.manifest.bytes));
  const config = { ...corpus.config.descriptor, mediaType: 'application/vnd.example.config' };
  const signature = await pushJson(store, MediaType.manifest, {
    artifactType: 'application/vnd.example.signature',
    config,
    layers: [],
    subject,
    annotations: { by: 'key 1' },
  });
  const untyped = await pushJson(store, MediaType.manifest, { config, layers: [], subject });
  await pushJson(store, MediaType.manifest, { config, layers: [], subject: corpus.index.descriptor });

  expect(canListReferrers(store)).toBe(true);
  expect(await store.referrers(subject.digest)).toEqual([
    { ...signature, artifactType: 'application/vnd.example.signature', annotations: { by: 'key 1' } },
    { ...untyped, artifactType: 'application/vnd.example.config', annotations: undefined },
  ]);
  expect(await store.referrers(corpus.small.descriptor.digest)).toEqual([]);
});

test('does not pretend that the list is complete when a manifest cannot be read', async () => {
  const store = new MemoryStore('broken');
  const bytes = Buffer.from('{"schemaVersion":2,');
  await store.push({ mediaType: MediaType.manifest, digest: sha256(bytes), size: bytes.length }, bytesOf(bytes));
  expect(await failureOf(store.referrers(corpus.manifest.descriptor.digest))).toMatchObject({ code: 'MALFORMED' });
});

test('remembers a manifest as such when its bytes come again as a blob', async () => {
  const store = new MemoryStore();
  const { descriptor, bytes } = corpus.manifest;
  await store.push({ ...descriptor, mediaType: 'application/octet-stream' }, bytesOf(bytes));
  await store.push(descriptor, bytesOf(bytes));
  await store.push({ ...descriptor, mediaType: 'application/octet-stream' }, bytesOf(bytes));
  expect(await store.resolve(descriptor.digest)).toEqual(descriptor);
});
