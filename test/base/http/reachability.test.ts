/** A registry that is not there is told soon; one that was there is waited for. */
import { describe, expect, it } from 'vitest';
import { bytesOf, readVerified } from '../../../src/content/verified.ts';
import { RegistryError } from '../../../src/errors.ts';
import { Reachability } from '../../../src/base/http/reachability.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import { REGISTRY } from '../../../src/stores/registry/registry-refusal.ts';
import type { RegistryRepository } from '../../../src/stores/registry/repository.ts';
import { madeBlob } from '../../helpers/image.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

const { descriptor, bytes } = madeBlob('content');

/** On a port that no program is given by chance, at an address of loopback that none listens on. */
const NOBODY = '127.77.77.77:1';

function open(host: string, plainHttp: boolean | undefined, tries = 1_000_000): RegistryRepository & AsyncDisposable {
  const retry = { tries, baseMs: 50, maxMs: 50 };
  const client = createRegistryHost(host, {
    environment: {},
    retry,
    ...(plainHttp === undefined ? {} : { plainHttp }),
  });
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

// With a million tries each, only the verdict can end these.
describe.concurrent('a host that refuses every connection from the start', () => {
  it.each([true, undefined])('is given up by everything that is asked of it (plain: %s)', async (plainHttp) => {
    await using repository = open(NOBODY, plainHttp);
    const outcomes = await Promise.allSettled([
      repository.resolve('v1'),
      repository.exists(descriptor),
      readVerified(repository, descriptor),
      repository.push(descriptor, bytesOf(bytes)),
      repository.tag(descriptor, 'v1'),
    ]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'REGISTRY',
          failure: { status: 0, retryable: false },
          message: expect.stringContaining('ECONNREFUSED') as string,
          hint: expect.stringContaining('nothing has ever answered there') as string,
        },
      });
    }
  });
});

describe('the verdict', () => {
  const url = new URL('http://r.example:5000/v2/');
  const failed = (code: string): RegistryError =>
    new RegistryError('x', { method: 'GET', url: url.href, status: 0, errors: [], retryable: true }, { cause: Object.assign(new Error(code), { code }) }); // prettier-ignore

  it('leaves everything but refused connections alone', () => {
    const reachability = new Reachability(REGISTRY);
    for (const code of ['ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'EPIPE']) {
      const error = failed(code);
      expect(reachability.explain(url, error)).toBe(error);
    }
    const other = new TypeError('x');
    expect(reachability.explain(url, other)).toBe(other);
  });

  it('is patient for a moment with one that is being started', () => {
    expect(new Reachability(REGISTRY).explain(url, failed('ECONNREFUSED'))).toMatchObject({
      failure: { retryable: true },
      hint: expect.stringContaining('nothing has ever answered there') as string,
    });
  });

  it('gives up after some seconds, unless the host has ever answered', () => {
    let nowMs = 0;
    const reachability = new Reachability(REGISTRY, () => nowMs);
    const error = failed('ECONNREFUSED');
    reachability.explain(url, error);
    nowMs = 2_999;
    expect(reachability.explain(url, error)).toMatchObject({ failure: { retryable: true } });
    nowMs = 3_000;
    expect(reachability.explain(url, error)).toMatchObject({ failure: { retryable: false } });
    reachability.answered(url);
    nowMs = 1_000_000;
    expect(reachability.explain(url, error)).toBe(error);
  });
});

it('is told of every answer, on each path', async () => {
  const server = await startScriptedServer((_, response) => {
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  });
  await using repository = open(server.host, true, 1);
  expect(await readVerified(repository, descriptor)).toEqual(bytes);
  await server[Symbol.asyncDispose]();
  await expect(readVerified(repository, descriptor)).rejects.toMatchObject({
    code: 'REGISTRY',
    hint: expect.stringContaining('reachable from here') as string,
  });
});
