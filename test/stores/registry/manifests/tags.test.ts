/** Lists of tags as registries answer them, over all pages. */
import { describe, expect, it } from 'vitest';
import { createRegistryHost, openRepository } from '../../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../../src/stores/registry/repository.ts';
import { startScriptedServer, type ScriptedServer } from '../../../helpers/scripted-server.ts';

function open(host: string): RegistryRepository & AsyncDisposable {
  const retry = { tries: 2, baseMs: 1, maxMs: 2 };
  const client = createRegistryHost(host, { environment: {}, plainHttp: true, retry });
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

/** Answers one page after the other, each with a link to the next. */
function startPages(...pages: readonly string[]): Promise<ScriptedServer> {
  return startScriptedServer((request, response) => {
    const nth = Number(new URL(request.url ?? '', 'http://r').searchParams.get('page') ?? 0);
    const link = nth + 1 < pages.length ? { link: `</v2/a/b/tags/list?page=${nth + 1}>; rel="next"` } : {};
    response.writeHead(200, link).end(pages[nth]);
  });
}

async function list(answer: string | readonly string[], status = 200): Promise<readonly string[]> {
  const pages = typeof answer === 'string' ? [answer] : answer;
  await using server =
    status === 200
      ? await startPages(...pages)
      : await startScriptedServer((_, response) => void response.writeHead(status).end(pages[0]));
  await using repository = open(server.host);
  return await repository.listTags();
}

describe('tags', () => {
  it('come over all pages, a thousand at a time', async () => {
    await using server = await startPages('{"tags":["b","a"]}', '{"tags":null}', '{"name":"a/b","tags":["c",5]}');
    await using repository = open(server.host);
    expect(await repository.listTags()).toEqual(['b', 'a', 'c']);
    expect(server.asked.map(({ url }) => url)).toEqual([
      '/v2/a/b/tags/list?n=1000',
      '/v2/a/b/tags/list?page=1',
      '/v2/a/b/tags/list?page=2',
    ]);
  });

  it('that do not end are an error, and not some of them', async () => {
    await using server = await startPages('{"tags":["a"]}', '{"tags":["b"]}');
    await using repository = open(server.host);
    expect(await repository.listTags({ maxPages: 2 })).toEqual(['a', 'b']);
    await expect(repository.listTags({ maxPages: 1 })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: `${server.host}/a/b has too many tags to list`,
    });
  });

  it.each(['not JSON', '5', 'null', '[]', '{}', '{"tags":"a"}', '{"tags":{}}'])(
    'are not read out of %s',
    async (text) => {
      await expect(list(text)).rejects.toThrow('the answer is not a list of tags');
    },
  );

  it.each([
    [404, '{"errors":[{"code":"NAME_UNKNOWN"}]}', 'NOT_FOUND', 'a/b does not exist (NAME_UNKNOWN)'],
    [404, '<html>', 'NOT_FOUND', 'a/b does not exist'],
    [405, '', 'UNSUPPORTED', 'does not list its tags: GET'],
    [400, '', 'UNSUPPORTED', 'does not list its tags: GET'],
    [501, '', 'UNSUPPORTED', 'does not list its tags: GET'],
    [403, '', 'DENIED', 'answered 403'],
    [304, '', 'REGISTRY', 'answered 304'],
    [503, '', 'REGISTRY', 'answered 503'],
  ])('of a registry that answers %i %s are %s', async (status, text, code, message) => {
    await expect(list(text, status)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it('fill pages of up to 16 MiB', async () => {
    const text = '{"tags":["a"]}';
    expect(await list(text.padEnd(16 * 1024 * 1024))).toEqual(['a']);
    await expect(list(text.padEnd(16 * 1024 * 1024 + 1))).rejects.toThrow('the answer is over 16777216 bytes');
  });
});
