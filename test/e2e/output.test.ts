/** What the commands that move content say while they work, and what they keep to themselves. */
import { beforeAll, describe, expect, test } from 'vitest';
import { startRegistry, type EmbeddedRegistry } from '../../src/server/embedded-registry.ts';
import { startDockerRegistry } from '../helpers/docker-registry.ts';
import type { ProcessResult } from '../helpers/process.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { startFaultyProxy } from './support/faulty-proxy.ts';
import { airgap, airgapOk, errorOf, runProgram } from './support/program.ts';

const fixture = useBuiltRelease({ baseBytes: 20_000, ownBytes: 6_000 });

const load = (to: string): string[] => [
  ...['load', fixture.archive, '--key', fixture.pub, '--to', to, '--report', fixture.folder()],
];
const lines = ({ stderr }: ProcessResult): string[] => stderr.split('\n').filter((line) => line !== '');

/** One run of every command that moves content, into places of its own. */
const COMMANDS: Readonly<Record<string, () => readonly string[]>> = {
  resolve: () => ['resolve', fixture.release.spec, '--lock', `${fixture.folder()}.json`],
  build: () => ['build', fixture.release.lock, '--key', fixture.key, '--output', `${fixture.folder()}.tar`],
  mirror: () => ['mirror', fixture.release.lock, '--to', `docker://${target.host}/${prefix()}`],
  'mirror to a layout': () => ['mirror', fixture.release.lock, '--to', `oci:${fixture.folder()}`],
  load: () => load(`docker://${target.host}/${prefix()}`),
  'load to a layout': () => load(`oci:${fixture.folder()}`),
  'load to a directory': () => load(`dir:${fixture.folder()}`),
  extract: () => ['extract', fixture.archive, fixture.folder(), '--key', fixture.pub],
  verify: () => ['verify', fixture.archive, '--key', fixture.pub],
  'sample-images': () => ['sample-images', fixture.release.spec, '--to', `docker://${target.host}/${prefix()}`],
};
const ASKS_REGISTRIES = ['resolve', 'build', 'mirror', 'mirror to a layout', 'load', 'sample-images'];

let target: EmbeddedRegistry;
let prefixes = 0;
const prefix = (): string => `p${(prefixes += 1)}`;

beforeAll(async () => {
  target = await startRegistry({ directory: fixture.temp.join('target') });
  return () => target.close();
});

describe.each(Object.keys(COMMANDS))('%s', (name) => {
  const args = (): readonly string[] => COMMANDS[name]?.() ?? [];

  test('says nothing on success with --quiet', async () => {
    const { stdout, stderr } = await airgapOk([...args(), '--quiet']);
    expect([stdout, stderr]).toEqual(['', '']);
  });

  test('prints one document with --json, and nothing beside it with --quiet', async () => {
    const { stdout, stderr } = await airgapOk([...args(), '--json', '--quiet']);
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1 });
    expect(stderr).toBe('');
  });

  test('writes nothing but events to standard error with --progress json, and says all of it with --verbose', async () => {
    const result = await airgapOk([...args(), '--progress', 'json', '--verbose']);
    const events = lines(result).map((line) => JSON.parse(line) as { event: string; url?: string; status?: number });
    for (const { event } of events) expect(event).toBeTypeOf('string');
    const requests = events.filter(({ event }) => event === 'request');
    if (!ASKS_REGISTRIES.includes(name)) expect(requests).toEqual([]);
    else
      expect(requests).toContainEqual(
        expect.objectContaining({
          method: expect.stringMatching(/^(GET|HEAD|PUT)$/) as string,
          url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v2\//) as string,
          status: expect.any(Number) as number,
          ms: expect.any(Number) as number,
        }),
      );
    const plain = await airgapOk([...args(), '--progress', 'json']);
    expect(plain.stderr).not.toContain('"event":"request"');
  });
});

test('progress stays on standard error under --json', async () => {
  const { stdout, stderr } = await airgapOk([...load(`oci:${fixture.folder()}`), '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'load' });
  expect(stderr).toMatch(/^verified /m);
});

test('a failure is the last event', async () => {
  const args = ['verify', fixture.archive, '--key', fixture.key, '--progress', 'json'];
  const failed = await airgap(args);
  expect(failed.exitCode).toBe(2);
  expect(errorOf(failed).code).toBe(errorOf(await airgap([...args.slice(0, 4), '--json'])).code);
});

test('--verbose names each request, what is mounted, and then what is there already', async () => {
  const to = `docker://${target.host}/${prefix()}`;
  const first = await airgapOk([...load(to), '--verbose']);
  expect(first.stderr).toMatch(
    /^PUT http:\/\/127\.0\.0\.1:\d+\/v2\/\S+\/manifests\/\S+ 201 \d+ ms, \d+ bytes in, \d+ out$/m,
  );
  expect(first.stderr).toMatch(/^mounted \S+/m);
  const second = await airgapOk([...load(to), '--verbose']);
  expect(second.stderr).toMatch(/^skipped .+ sha256:\S+: 127\.0\.0\.1:\d+\/\S+ holds it$/m);
  expect(second.stderr).not.toMatch(/^PUT /m);
  const terse = await airgapOk(load(to));
  expect(terse.stderr).not.toMatch(/^(skipped|GET|HEAD) /m);
});

describe('a target that is not at its best', () => {
  const port = (): number => Number(target.host.split(':')[1]);

  test('is asked again and more slowly, and --verbose says why', async () => {
    await using proxy = await startFaultyProxy(port());
    const isManifest = (method: string, path: string): boolean => method === 'PUT' && path.includes('/manifests/');
    let [refusals, throttled] = [2, 2];
    proxy.setRule((method, path) => {
      if (isManifest(method, path) && refusals-- > 0) return { status: 503 };
      // Without Retry-After: how long to wait is ours to find out.
      return method === 'HEAD' && throttled-- > 0 ? { status: 429 } : undefined;
    });
    const { stderr } = await airgapOk([...load(`docker://${proxy.host}/${prefix()}`), '--verbose']);
    expect(stderr).toMatch(/^asking again in .+: PUT http:\S+ answered 503$/m);
    expect(stderr).toMatch(/^127\.0\.0\.1:\d+ throttles: it is asked once in \d+\.\d\d s$/m);
  });

  test.each(['airgap', 'verify-and-load'] as const)('is asked once by %s with --retries 0', async (program) => {
    await using proxy = await startFaultyProxy(port());
    proxy.setRule((method, path) => (method === 'PUT' && path.includes('/manifests/') ? { status: 503 } : undefined));
    const [, ...rest] = load(`docker://${proxy.host}/${prefix()}`);
    const args = [...(program === 'airgap' ? ['load'] : []), ...rest, '--retries', '0', '--concurrency', '1'];
    const failed = await runProgram(program, [...args, '--json']);
    expect([failed.exitCode, errorOf(failed).details['status']]).toEqual([1, 503]);
    expect(proxy.asked.filter((line) => line.startsWith('PUT') && line.includes('/manifests/'))).toHaveLength(1);
  });

  test('a build takes --retries for its transfers too', async () => {
    await using proxy = await startFaultyProxy(Number(fixture.source.host.split(':')[1]));
    const mirror = ['--mirror', `${fixture.source.host}=${proxy.host}`, '--plain-http-from', proxy.host];
    proxy.setRule((method, path) => (method === 'GET' && path.includes('/blobs/') ? { status: 503 } : undefined));
    const args = ['build', fixture.release.lock, '--key', fixture.key, '--output', `${fixture.folder()}.tar`];
    const failed = await airgap([...args, ...mirror, '--retries', '0', '--concurrency', '1']);
    expect(failed.exitCode).toBe(1);
    expect(proxy.asked.filter((line) => line.includes('/blobs/'))).toHaveLength(1);
  });

  test('that takes no sparse index is said to get another one, with --verbose', async () => {
    await using old = await startDockerRegistry();
    const { stderr } = await airgapOk([...load(`docker://${old.host}`), '--platform', 'linux/amd64', '--verbose']);
    expect(stderr).toMatch(/^rebuilt \S+ as \S+ for /m);
  });
});

test.each([
  ['oci:', ['--retries', '1']],
  ['oci:', ['--ca-file', 'ca.pem']],
  ['oci:', ['--plain-http']],
  ['oci:', ['--insecure']],
  ['oci:', ['--allow-host', 'blobs.example.com']],
  ['dir:', ['--retries', '1']],
  ['dir:', ['--allow-host', 'blobs.example.com']],
])('a load to %s refuses %j, which is about registries', async (kind, option) => {
  const refused = await airgap([...load(`${kind}${fixture.folder()}`), ...option, '--json']);
  expect([refused.exitCode, errorOf(refused).message]).toEqual([
    2,
    `${option[0]} does not apply here: no registry is asked`,
  ]);
});
