/** Charts from classic repositories: found as Helm finds them, checked against the index, pinned by digest, carried unchanged. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../../src/oci/digest.ts';
import { ImageSources, type SourceOptions } from '../../../../src/operations/resolve/image-sources.ts';
import { pinRelease, type PinnedRelease } from '../../../../src/operations/resolve/pin-release.ts';
import { serveFiles } from '../../../helpers/file-server.ts';
import { requireTool } from '../../../helpers/require-tool.ts';
import { runOk } from '../../../helpers/run.ts';
import { startScriptedServer } from '../../../helpers/scripted-server.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { chartYaml, packFiles } from '../../../kubernetes/rendering/corpus.ts';
import { HEAD } from '../resolve-fixture.ts';

const temp = useTempDir();

const packed = (version: string, more = ''): Promise<Buffer> =>
  packFiles('app', { 'Chart.yaml': chartYaml('app', more).replace(/^version:.*$/m, `version: ${version}`) });

/** One entry of an index. */
const item = (version: string, url: string, digest?: string): string =>
  `  - name: app\n    version: ${version}\n    urls:\n    - ${url}\n${digest === undefined ? '' : `    digest: ${digest.replace('sha256:', '')}\n`}`;
const indexOf = (...items: readonly string[]): string => `apiVersion: v1\nentries:\n  app:\n${items.join('')}`;

async function pin(chart: string, options: SourceOptions = {}): Promise<PinnedRelease> {
  await writeFile(temp.join('release.yaml'), `${HEAD}components:\n  - name: a\n    charts:\n      - ${chart}\n`);
  return pinFile({ kind: 'spec', path: temp.join('release.yaml') }, options);
}

async function pinFile(input: Parameters<typeof pinRelease>[0], options: SourceOptions = {}): Promise<PinnedRelease> {
  await using sources = new ImageSources({ env: {}, retries: 0, ...options });
  // What charts render to is not the subject here.
  return await pinRelease(input, sources, { render: false });
}

const from = (host: string, version: string, path = ''): string =>
  `{chart: app, repository: 'http://${host}${path}', version: '${version}'}`;

/** All in one run of helm, as dependencies of one chart. */
const RANGES = [
  '1.2.0',
  '^1.1',
  '~1.1',
  '1.x',
  '>=1',
  '*',
  '>=2-0',
  '<2',
  '2',
  '1.1 - 1.5',
  '^0.9',
  '>1.1 <1.10 || ^7',
  '!=1.10',
];

describe('a repository that helm made', () => {
  test.for(['helm3', 'helm4'])('gives the version that %s chooses, for each range', async (name, t) => {
    const helm = requireTool(name) ?? t.skip();
    const files = new Map<string, Buffer>();
    for (const version of ['0.9.0', '1.1.0', '1.2.0', '1.10.0', '2.0.0-rc.1', '2.0.0+b1']) {
      const bytes = await packed(version);
      await writeFile(temp.join(`app-${version}.tgz`), bytes);
      files.set(`/charts/app-${version}.tgz`, bytes);
    }
    const env = { HOME: temp.join('home') };
    await runOk(helm, ['repo', 'index', temp.path], { env });
    files.set('/charts/index.yaml', await readFile(temp.join('index.yaml')));
    await using server = await serveFiles(files);
    const repository = `http://${server.host}/charts`;
    const dependencies = RANGES.map((version, index) => ({ name: 'app', version, repository, alias: `a${index}` }));
    const parent = { apiVersion: 'v2', name: 'parent', version: '1.0.0', dependencies };
    await mkdir(temp.join('parent'));
    await writeFile(temp.join('parent/Chart.yaml'), JSON.stringify(parent));
    await runOk(helm, ['dependency', 'update', temp.join('parent')], { env });
    const theirs = [...(await readFile(temp.join('parent/Chart.lock'), 'utf8')).matchAll(/^ {2}version: (.+)$/gm)];
    const ours: string[] = [];
    for (const range of RANGES) {
      const { files: carried } = (await pin(from(server.host, range, '/charts'))).lock;
      ours.push(carried[0]?.path.replace(/^charts\/app-(.*)\.tgz$/, '$1') ?? '');
    }
    expect(ours.map((version, index) => [RANGES[index], version])).toEqual(
      theirs.map(([, version], index) => [RANGES[index], version]),
    );
  });
});

test('a chart of a repository is pinned by the digest of its package, and found again without the index', async () => {
  const [old, bytes] = [await packed('1.0.0'), await packed('1.1.0')];
  const files = new Map<string, string | Buffer>([
    ['/stable/index.yaml', indexOf(item('1.0.0', 'app-1.0.0.tgz'), item('1.1.0', 'sub/app-1.1.0.tgz', sha256(bytes)))],
    ['/stable/app-1.0.0.tgz', old],
    ['/stable/sub/app-1.1.0.tgz', bytes],
  ]);
  await using server = await serveFiles(files);
  const { lock, files: contents } = await pin(from(server.host, '^1', '/stable/'));
  const address = `http://${server.host}/stable/sub/app-1.1.0.tgz`;
  const file = {
    path: 'charts/app-1.1.0.tgz',
    from: address,
    kind: 'chart',
    size: bytes.length,
    digest: sha256(bytes),
  };
  expect(lock.files).toEqual([file]);
  expect(contents.get(sha256(bytes))).toEqual({ bytes });

  files.set('/stable/index.yaml', 'gone');
  const again = await pinFile({ kind: 'lock', path: temp.join('release.lock.json') });
  expect(again.files.get(sha256(bytes))).toEqual({ bytes });

  files.set('/stable/sub/app-1.1.0.tgz', old);
  await expect(pinFile({ kind: 'lock', path: temp.join('release.lock.json') })).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
    message: `${address} has changed since the lock was written`,
  });
});

test('the address of a package is a chart too', async () => {
  const bytes = await packed('1.0.0');
  await using server = await serveFiles(new Map([['/app.tgz', bytes]]));
  const { lock } = await pin(`http://${server.host}/app.tgz`);
  expect(lock.files).toMatchObject([{ path: 'charts/app-1.0.0.tgz', from: `http://${server.host}/app.tgz` }]);
});

describe('what a repository says is checked', () => {
  test.for<[string, (host: string) => string, Record<string, unknown>]>([
    ['a digest that is another', () => item('1.0.0', 'app.tgz', 'ab'.repeat(32)), { code: 'DIGEST_MISMATCH' }],
    [
      'another version',
      () => item('1.0.1', 'app.tgz'),
      { code: 'MALFORMED', message: expect.stringContaining('is app 1.0.0;') as string },
    ],
    [
      'a package that is not there',
      () => item('1.0.0', 'no.tgz'),
      { code: 'NOT_FOUND', message: expect.stringContaining('/no.tgz answered 404') as string },
    ],
    ['a file on the machine', () => item('1.0.0', 'file:///etc/passwd'), { code: 'INVALID_SPEC' }],
    [
      'an address with an account',
      (host) => item('1.0.0', `http://me:secret@${host}/app.tgz`),
      { code: 'INVALID_SPEC' },
    ],
    ['an address with a signature', () => item('1.0.0', 'app.tgz?sig=1'), { code: 'INVALID_SPEC' }],
    ['no address', () => '  - name: app\n    version: 1.0.0\n', { code: 'INVALID_SPEC' }],
  ])('%s is refused', async ([, entry, error]) => {
    const files = new Map<string, string | Buffer>([['/app.tgz', await packed('1.0.0')]]);
    await using server = await serveFiles(files);
    files.set('/index.yaml', indexOf(entry(server.host)));
    await expect(pin(from(server.host, '>=1'))).rejects.toMatchObject(error);
  });

  test('what is asked for and is not there is told with what there is', async () => {
    const files = new Map([
      ['/index.yaml', indexOf(...['1.0.0', '1.9.0', '2.0.0', '3.0.0-rc.1'].map((v) => item(v, 'x')))],
    ]);
    await using server = await serveFiles(files);
    const { host } = server;
    await expect(pin(from(host, '1.9.1'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `http://${host} has no version 1.9.1 of app`,
      hint: 'it has 1.9.0, 1.0.0 and 2 more',
    });
    await expect(pin(from(host, '>=7'))).rejects.toMatchObject({ hint: 'it has 3.0.0-rc.1, 2.0.0, 1.9.0, 1.0.0' });
    await expect(pin(from(host, '1').replace('chart: app', 'chart: apq'))).rejects.toMatchObject({
      message: `http://${host} has no chart apq (asked for at version 1)`,
      hint: 'did you mean app?',
    });
    await expect(pin(from(host, 'latest'))).rejects.toMatchObject({ code: 'INVALID_SPEC' });
    await expect(pin(from(host, '1', '/charts'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: 'its address is the directory in which index.yaml lies',
    });
  });

  test('where all versions are pre-releases, that is said', async () => {
    await using server = await serveFiles(new Map([['/index.yaml', indexOf(item('1.0.0-rc.1', 'x'))]]));
    await expect(pin(from(server.host, '^1'))).rejects.toMatchObject({
      hint: 'it has 1.0.0-rc.1; all are pre-releases, which a range takes only if it names one: ^1-0',
    });
  });
});

describe('on the way to a repository', () => {
  const BASIC = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  const authFile = async (entry: object): Promise<Record<string, string>> => {
    await writeFile(temp.join('auth.json'), JSON.stringify({ auths: entry }));
    return { REGISTRY_AUTH_FILE: temp.join('auth.json') };
  };

  test.for<[string, string, object]>([
    ['an account of the host', BASIC, { auth: Buffer.from('me:secret').toString('base64') }],
    ['a token', 'Bearer t0ken', { registrytoken: 't0ken' }],
  ])('%s is sent at once, and to no other host', async ([, authorization, entry]) => {
    const bytes = await packed('1.0.0');
    await using other = await serveFiles(new Map([['/app.tgz', bytes]]), { address: '127.0.0.2' });
    const index = indexOf(item('1.0.0', `http://${other.host}/app.tgz`));
    await using server = await serveFiles(new Map([['/index.yaml', index]]), { authorization });
    const env = await authFile({ [server.host]: entry });
    expect((await pin(from(server.host, '1'), { env })).lock.files).toHaveLength(1);
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([authorization]);
    expect(other.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    await expect(pin(from(server.host, '1'))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    const wrong = await authFile({ [server.host]: { auth: Buffer.from('me:wrong').toString('base64') } });
    await expect(pin(from(server.host, '1'), { env: wrong })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('the account of a path goes before that of the host', async () => {
    const files = new Map<string, string | Buffer>([
      ['/team/index.yaml', indexOf(item('1.0.0', 'app.tgz'))],
      ['/team/app.tgz', await packed('1.0.0')],
    ]);
    await using server = await serveFiles(files, { authorization: BASIC });
    const auth = (text: string): object => ({ auth: Buffer.from(text).toString('base64') });
    const env = await authFile({ [`${server.host}/team`]: auth('me:secret'), [server.host]: auth('other:one') });
    expect((await pin(from(server.host, '1', '/team'), { env })).lock.files).toHaveLength(1);
  });

  test('an index may be compressed, and may not unpack to more than is read', async () => {
    const bytes = await packed('1.0.0');
    let index = gzipSync(indexOf(item('1.0.0', 'app.tgz')));
    await using server = await startScriptedServer(({ url, headers }, response) => {
      if (url === '/app.tgz') response.end(bytes);
      else if (url === '/index.yaml' && headers['accept-encoding'] === 'gzip') {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(index);
      } else response.writeHead(404).end();
    });
    expect((await pin(from(server.host, '1'))).lock.files).toMatchObject([{ digest: sha256(bytes) }]);
    index = gzipSync(Buffer.alloc(65 * 1024 * 1024, ' '), { level: 1 });
    await expect(pin(from(server.host, '1'))).rejects.toMatchObject({ code: 'REGISTRY' });
  });

  test('a mirror is asked in its place, the lock keeps the names, and what fails is tried again', async () => {
    const bytes = await packed('1.0.0');
    const files = new Map<string, string | Buffer>([
      ['/copies/stable/index.yaml', indexOf(item('1.0.0', 'app.tgz'))],
      ['/copies/stable/app.tgz', bytes],
    ]);
    await using server = await startScriptedServer(({ url = '' }, response, nth) => {
      if (nth === 0) response.writeHead(503).end();
      else response.writeHead(files.has(url) ? 200 : 404).end(files.get(url));
    });
    const mirror = [`charts.example.com=${server.host}/copies`];
    const chart = `{chart: app, repository: 'https://charts.example.com/stable', version: '1'}`;
    const { lock } = await pin(chart, { mirror, retries: 2 });
    expect(lock.files).toMatchObject([{ from: 'https://charts.example.com/stable/app.tgz', digest: sha256(bytes) }]);
  });

  test('plain HTTP to another machine is refused before anything is sent, unless it is allowed by name', async () => {
    const chart = `{chart: app, repository: 'http://charts.example.com', version: '1'}`;
    await expect(pin(chart)).rejects.toMatchObject({
      code: 'USAGE',
      hint: 'write https://, or allow it with --plain-http-from charts.example.com',
    });
  });

  test('a repository that says its packages lie in a registry is followed there', async () => {
    const index = indexOf(item('1.0.0', 'oci://registry.invalid/charts/app:1.0.0'));
    await using server = await serveFiles(new Map([['/index.yaml', index]]));
    const asked: string[] = [];
    await using sources = new ImageSources({ env: {}, retries: 0 });
    const open = sources.open.bind(sources);
    sources.open = (reference, origin) => {
      asked.push(`${reference.registry}/${reference.repository}:${reference.tag ?? ''}`);
      return open({ ...reference, registry: server.host }, origin);
    };
    await writeFile(
      temp.join('release.yaml'),
      `${HEAD}components:\n  - name: a\n    charts:\n      - ${from(server.host, '1')}\n`,
    );
    await expect(
      pinRelease({ kind: 'spec', path: temp.join('release.yaml') }, sources, { render: false }),
    ).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(asked).toEqual(['registry.invalid/charts/app:1.0.0']);
  });
});

describe('the provenance file beside a package', () => {
  const signed = (bytes: Buffer): string =>
    `-----BEGIN PGP SIGNED MESSAGE-----\n\nfiles:\n  app-1.0.0.tgz: ${sha256(bytes)}\n`;

  test('is carried with it, from a repository and from this directory, and found again from the lock', async () => {
    const bytes = await packed('1.0.0');
    const prov = signed(bytes);
    const index = indexOf(item('1.0.0', 'app.tgz'));
    const files = new Map<string, string | Buffer>(
      Object.entries({ '/index.yaml': index, '/app.tgz': bytes, '/app.tgz.prov': prov }),
    );
    await using server = await serveFiles(files);
    const { lock, warnings } = await pin(from(server.host, '1'));
    const pinned = { path: 'charts/app-1.0.0.tgz.prov', kind: 'provenance', size: prov.length, digest: sha256(prov) };
    expect(lock.files[1]).toEqual({ ...pinned, from: `http://${server.host}/app.tgz.prov` });
    expect(warnings.filter((warning) => warning.includes('provenance'))).toEqual([]);
    const again = await pinFile({ kind: 'lock', path: temp.join('release.lock.json') });
    expect(String((again.files.get(sha256(prov)) as { bytes: Buffer }).bytes)).toBe(prov);

    await writeFile(temp.join('app.tgz'), bytes);
    await writeFile(temp.join('app.tgz.prov'), prov);
    expect((await pin('app.tgz')).lock.files[1]).toEqual({ ...pinned, from: 'app.tgz.prov' });
    const local = await pinFile({ kind: 'lock', path: temp.join('release.lock.json') });
    expect(local.files.get(sha256(prov))).toEqual({ path: temp.join('app.tgz.prov') });
  });

  test('that is about another package is carried with a warning', async () => {
    const files = new Map<string, string | Buffer>([['/app.tgz', await packed('1.0.0')]]);
    files.set('/app.tgz.prov', signed(Buffer.from('other')));
    await using server = await serveFiles(files);
    const { lock, warnings } = await pin(`http://${server.host}/app.tgz`);
    expect(lock.files).toHaveLength(2);
    expect(warnings.join()).toContain('app.tgz.prov: the provenance file is that of another package than http://');
  });

  test.for<[number, string]>([
    [200, '<!DOCTYPE html>'],
    [403, 'AccessDenied'],
    [404, 'no'],
  ])('is absent where a server answers %i with %s', async ([status, text]) => {
    const bytes = await packed('1.0.0');
    await using server = await startScriptedServer(({ url }, response) => {
      if (url === '/app.tgz') response.end(bytes);
      else response.writeHead(status).end(text);
    });
    expect((await pin(`http://${server.host}/app.tgz`)).lock.files).toHaveLength(1);
  });

  test('is not silently left out where a server fails', async () => {
    const bytes = await packed('1.0.0');
    await using server = await startScriptedServer(({ url }, response) => {
      if (url === '/app.tgz') response.end(bytes);
      else response.writeHead(500).end();
    });
    await expect(pin(`http://${server.host}/app.tgz`)).rejects.toMatchObject({ code: 'REGISTRY' });
  });
});
