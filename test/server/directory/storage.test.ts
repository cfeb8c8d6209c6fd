/** The registry's directory: kill -9 leaves nothing half-written, and what was answered is there after a restart. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { NotFoundError, StoreError } from '../../../src/errors.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { startRegistry } from '../../../src/server/embedded-registry.ts';
import { openStorage } from '../../../src/server/directory/storage.ts';
import { childScript } from '../../helpers/child-script.ts';
import { send } from '../../helpers/raw-http.ts';
import { pushSample } from '../../helpers/push-sample.ts';
import { contentOf, makeMultiPlatformImage } from '../../helpers/sample-image.ts';
import { noise } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const script = await childScript(new URL('../../helpers/serve-registry.ts', import.meta.url));
const children: ChildProcess[] = [];

async function serve(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [script, temp.join('registry')], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: line.toString().trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
});

test('kill -9 in the middle of an upload: the blob is not there, and can be pushed again', async () => {
  const content = noise('killed', 4_000_000);
  const digest = sha256(content);
  const first = await serve();
  const started = await send(first.url, 'POST', '/v2/app/blobs/uploads/');
  const { hostname, port } = new URL(first.url);
  const path = `${started.headers.location}?digest=${digest}`;
  const upload = request({ hostname, port, method: 'PUT', path, headers: { 'Content-Length': content.length } });
  upload.on('error', () => undefined);
  upload.write(content.subarray(0, 3_000_000));
  await expect.poll(() => readdir(temp.join('registry', 'uploads'))).toHaveLength(1);
  await kill(first.child);

  const second = await serve();
  expect(await readdir(temp.join('registry', 'uploads'))).toEqual([]);
  expect(await readdir(temp.join('registry', 'blobs', 'sha256'))).toEqual([]);
  expect((await send(second.url, 'HEAD', `/v2/app/blobs/${digest}`)).status).toBe(404);
  expect((await send(second.url, 'PUT', path, { body: content })).status).toBe(404);
  const again = await send(second.url, 'POST', `/v2/app/blobs/uploads/?digest=${digest}`, { body: content });
  expect(again.status).toBe(201);
});

test('kill -9 at any moment of a push: every visible digest has its content, and a second push completes it', async () => {
  const image = makeMultiPlatformImage({ name: 'app', attestations: true });
  for (const delayMs of [1, 5, 15, 40]) {
    const { child, url } = await serve();
    const pushing = pushSample(url, 'app', image, ['1.0']).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await kill(child);
    await pushing;
    for (const hex of await readdir(temp.join('registry', 'blobs', 'sha256'))) {
      expect(sha256(await readFile(temp.join('registry', 'blobs', 'sha256', hex)))).toBe(`sha256:${hex}`);
    }
  }
  const { url } = await serve();
  await pushSample(url, 'app', image, ['1.0']);
  expect((await send(url, 'GET', '/v2/app/manifests/1.0')).body.equals(image.bytes)).toBe(true);
  for (const [digest, { bytes }] of contentOf(image)) {
    expect((await send(url, 'GET', `/v2/app/blobs/${digest}`)).body.equals(bytes)).toBe(true);
  }
});

test('what was pushed is there after kill -9', async () => {
  const image = makeMultiPlatformImage({ name: 'app' });
  const first = await serve();
  await pushSample(first.url, 'app', image, ['1.0']);
  await kill(first.child);
  await using registry = await startRegistry({ directory: temp.join('registry') });
  expect((await send(registry.url, 'GET', '/v2/app/manifests/1.0')).body.equals(image.bytes)).toBe(true);
});

test('a directory that cannot be written is refused', async () => {
  await writeFile(temp.join('file'), '');
  await expect(openStorage(temp.join('file', 'below'), false)).rejects.toThrow(StoreError);
  await expect(openStorage(temp.join('missing'), true)).rejects.toThrow(NotFoundError);
});

test('replacing a file that cannot be replaced leaves no draft', async () => {
  const storage = await openStorage(temp.join('registry'), false);
  await mkdir(temp.join('registry', 'target', 'full'), { recursive: true });
  await expect(storage.replace(temp.join('registry', 'target'), 'text')).rejects.toThrow();
  expect(await readdir(join(storage.root, 'uploads'))).toEqual([]);
});
