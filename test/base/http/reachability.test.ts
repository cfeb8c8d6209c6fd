/** A registry that is not there is told soon; one that was there is waited for. */
import { describe, expect, it } from 'vitest';
import { bytesOf, readVerified } from '../../../src/content/verified.ts';
import { RegistryError } from '../../../src/errors.ts';
import { Reachability } from '../../../src/base/http/reachability.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry.ts';
import type { RegistryRepository } from '../../../src/stores/registry/repository.ts';
import { startChaosProxy } from '../../helpers/chaos-proxy.ts';
import { madeBlob } from '../../helpers/image.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

const { descriptor, bytes } = madeBlob('content');

/** On a port that no program is given by chance, at an address of loopback that none listens on. */
const NOBODY = '127.77.77.77:1';

function open(host: string, plainHttp: boolean | undefined): RegistryRepository & AsyncDisposable {
  const retry = { tries: 1_000_000, baseMs: 50, maxMs: 50 };
  const client = createRegistryHost(host, {
    environment: {},
    retry,
    ...(plainHttp === undefined ? {} : { plainHttp }),
  });
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

// With a million tries each, only the judgement can end these.
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

describe('the judgement', () => {
  const url = new URL('http://r.example:5000/v2/');
  const failed = (code: string): RegistryError =>
    new RegistryError('x', { method: 'GET', url: url.href, status: 0, errors: [], retryable: true }, { cause: Object.assign(new Error(code), { code }) }); // prettier-ignore

  it('leaves everything but refused connections alone', () => {
    const reachability = new Reachability();
    for (const code of ['ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'EPIPE']) {
      const error = failed(code);
      expect(reachability.judge(url, error)).toBe(error);
    }
    const other = new TypeError('x');
    expect(reachability.judge(url, other)).toBe(other);
  });

  it('is patient for a moment with one that is being started', () => {
    expect(new Reachability().judge(url, failed('ECONNREFUSED'))).toMatchObject({
      failure: { retryable: true },
      hint: expect.stringContaining('nothing has ever answered there') as string,
    });
  });
});

it('a host that has answered once is waited for when it is gone', async () => {
  await using server = await startScriptedServer((_, response) => {
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  });
  await using link = await startChaosProxy(Number(server.host.split(':')[1]));
  await using repository = open(link.host, true);
  expect(await readVerified(repository, descriptor)).toEqual(bytes);
  const { reachability } = repository.host.transport;
  const error = new RegistryError(
    'x',
    { method: 'GET', url: `http://${link.host}/`, status: 0, errors: [], retryable: true },
    { cause: Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }) },
  );
  const url = new URL(`http://${link.host}/v2/`);
  for (const started = performance.now(); performance.now() - started < 3_500;) {
    expect(reachability.judge(url, error)).toBe(error);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
});
