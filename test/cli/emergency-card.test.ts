/** The emergency card of docs/operations.md: what goes wrong at a site prints what the card says, with the exit code it says. */
import { createServer as createTlsServer } from 'node:https';
import { copyFile, open, readFile, truncate } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificates } from '../helpers/certificates.ts';
import { startScriptedServer, type Answerer } from '../helpers/scripted-server.ts';
import { writeKeyFiles } from '../helpers/key-files.ts';
import { useBuiltCli } from './built-cli.ts';
import { makeSampleRelease, type SampleRelease } from './sample-release.ts';

interface Row {
  /** Of which one is printed. */
  readonly phrases: readonly RegExp[];
  readonly exitCode: number;
  /** The first words of what to do. */
  readonly title: string;
}

const cli = useBuiltCli();
const card = await readCard();
let release: SampleRelease;
beforeAll(async () => {
  release = await makeSampleRelease(cli, true);
  await writeKeyFiles(release.temp.join('other'));
});
afterAll(() => release[Symbol.asyncDispose]());

/** The rows of the card that name an exit code; `…` in a phrase stands for anything. */
async function readCard(): Promise<readonly Row[]> {
  const page = await readFile(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
  const section = /^## Emergency card$([^]*?)^## /m.exec(page)?.[1] ?? '';
  return [...section.matchAll(/^\| (.+?) +\| ([0-9]+) +\| \*\*(.+?)\*\*/gm)].map(
    ([, said = '', code = '', title = '']) => ({
      phrases: [...said.matchAll(/`([^`]+)`/g)].map(
        ([, phrase = '']) => new RegExp(phrase.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.*')),
      ),
      exitCode: Number(code),
      title,
    }),
  );
}

/** Runs a command that fails, and returns the title of the one row that is about it. */
async function titleFor(args: readonly string[]): Promise<string | undefined> {
  const { stderr, exitCode } = await cli.airgap(args, { cwd: release.temp.path });
  const rows = card.filter((row) => row.exitCode === exitCode && row.phrases.some((phrase) => phrase.test(stderr)));
  expect(rows, stderr).toHaveLength(1);
  expect(stderr).toContain('\n  hint: ');
  return rows[0]?.title;
}

function load(archive: string, target: string, ...more: readonly string[]): readonly string[] {
  return ['load', archive, '--key', release.publicKey, '--to', target, ...more];
}

async function answering(answer: Answerer): Promise<string | undefined> {
  await using server = await startScriptedServer(answer);
  return await titleFor(load(release.archive, `docker://${server.host}`));
}

test('it has ten lines at most', () => {
  expect(card.length).toBeGreaterThanOrEqual(8);
  expect(card.length).toBeLessThanOrEqual(10);
});

test('the wrong key', async () => {
  expect(await titleFor(['verify', release.archive, '--key', 'other.pub'])).toMatch(/^Wrong key/);
});

test('an archive that is cut short, and one with a changed byte', async () => {
  const damaged = release.temp.join('damaged.tar');
  await copyFile(release.archive, damaged);
  const bytes = await readFile(damaged);
  await using file = await open(damaged, 'r+');
  const at = bytes.lastIndexOf('blobs/sha256/') + 600;
  await file.write(Buffer.from([(bytes[at] ?? 0) ^ 1]), 0, 1, at);
  expect(await titleFor(['verify', damaged, '--key', release.publicKey])).toMatch(/^Damaged/);
  await truncate(damaged, bytes.length - 600);
  expect(await titleFor(['verify', damaged, '--key', release.publicKey])).toMatch(/^Damaged/);
});

test('a registry without a login', async () => {
  const title = await answering((_request, response) => {
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="registry"' }).end();
  });
  expect(title).toMatch(/^Not logged in/);
});

test('an account without the right', async () => {
  const title = await answering((request, response) => {
    response.writeHead(request.method === 'POST' ? 403 : 404).end();
  });
  expect(title).toMatch(/^No right/);
});

test('a registry whose disk is full', async () => {
  const title = await answering((request, response) => {
    response.writeHead(request.method === 'POST' ? 507 : 404).end();
  });
  expect(title).toMatch(/^Disk full/);
});

test('a certificate of an authority that is not known here', async () => {
  const { certFile, keyFile } = await makeCertificates(release.temp.path);
  const server = createTlsServer(
    { cert: await readFile(certFile), key: await readFile(keyFile) },
    (_request, response) => {
      response.end();
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await titleFor(load(release.archive, `docker://127.0.0.1:${port}`))).toMatch(/^TLS/);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('a registry that does not run', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  expect(await titleFor(load(release.archive, `docker://127.0.0.1:${port}`))).toMatch(/^Registry down/);
});
