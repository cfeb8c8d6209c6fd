/** Fallback tags of registries that answer them in their own way. */
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../../src/content/verified.ts';
import { sha256 } from '../../../../src/oci/digest.ts';
import { MediaType } from '../../../../src/oci/media-types.ts';
import { createRegistryHost, openRepository } from '../../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../../src/stores/registry/repository.ts';
import { madeBlob, madeImage, type Made } from '../../../helpers/image.ts';
import { drain, startScriptedServer, type Answerer, type ScriptedServer } from '../../../helpers/scripted-server.ts';

const image = madeImage([madeBlob('subject')]).manifest;
const list = madeBlob(
  JSON.stringify({ schemaVersion: 2, mediaType: MediaType.index, manifests: [image.descriptor] }),
  MediaType.index,
);
const signatureOf = (subject: Made, text: string): Made =>
  madeImage([madeBlob(text)], { artifactType: 'application/vnd.example', subject: subject.descriptor }).manifest;
const tagOf = ({ descriptor }: Made): string => descriptor.digest.replace(':', '-');

function open(host: string, decisions: string[] = []): RegistryRepository & AsyncDisposable {
  const retry = { tries: 3, baseMs: 1, maxMs: 2 };
  const client = createRegistryHost(host, {
    ...{ environment: {}, plainHttp: true, retry },
    onDecision: (line) => decisions.push(line),
  });
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

interface Held {
  readonly bytes: Buffer;
  readonly type: string;
}

/** A registry without the API; `find` says what is under a name, beside what was put there. */
function manifests(
  find: (name: string, held: ReadonlyMap<string, Held>) => Held | undefined,
  onPut: (name: string, bytes: Buffer) => void = () => undefined,
): Promise<ScriptedServer> {
  const held = new Map<string, Held>();
  const answer: Answerer = async (request, response) => {
    const name = /\/manifests\/(.+)$/.exec(request.url ?? '')?.[1];
    if (name === undefined) {
      response.writeHead(404, { 'content-length': 0 }).end();
    } else if (request.method === 'PUT') {
      const bytes = await drain(request);
      onPut(name, bytes);
      held.set(name, { bytes, type: request.headers['content-type'] ?? '' });
      response.writeHead(201, { 'docker-content-digest': sha256(bytes), 'content-length': 0 }).end();
    } else {
      const found = find(name, held);
      if (found === undefined) response.writeHead(404, { 'content-length': 0 }).end();
      else response.writeHead(200, { 'content-type': found.type, 'content-length': found.bytes.length }).end(found.bytes);
    }
  };
  return startScriptedServer(answer);
}

/** As GitLab does: a tag `sha256-<hex>` that is not there is answered with the manifest of that digest. */
function startGitLab(...known: readonly Made[]): Promise<ScriptedServer> {
  return manifests((name, held) => {
    const subject = known.find((made) => tagOf(made) === name);
    return held.get(name) ?? (subject && { bytes: subject.bytes, type: subject.descriptor.mediaType });
  });
}

describe('a registry that answers the fallback tag with the subject', () => {
  it.each([
    ['an image', image],
    ['an index, whose children are no referrers', list],
  ])('has no referrers of %s until there are some', async (_, subject) => {
    await using server = await startGitLab(subject);
    const decisions: string[] = [];
    await using repository = open(server.host, decisions);
    expect(await repository.referrers(subject.descriptor.digest)).toEqual([]);
    const made = [signatureOf(subject, 'one'), signatureOf(subject, 'two')];
    for (const { descriptor, bytes } of made) await repository.push(descriptor, bytesOf(bytes));
    const found = await repository.referrers(subject.descriptor.digest);
    expect(found.map(({ digest }) => digest)).toEqual(made.map(({ descriptor }) => descriptor.digest));
    expect(decisions).toEqual([
      expect.stringContaining(`${server.host} has no referrers API: fallback tags`),
      expect.stringContaining(`a/b:${tagOf(subject)} lists 1 more`),
      expect.stringContaining(`a/b:${tagOf(subject)} lists 1 more`),
    ]);
  });
});

describe('a registry that refuses its list of referrers', () => {
  const signature = signatureOf(image, 'one');
  const listing = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MediaType.index, manifests: [signature.descriptor] }),
  );

  it.each([401, 403, 409, 500, 503])('with %i is asked for the fallback tag by those who can bear a doubt', async (status) => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url?.includes('/referrers/') === true) response.writeHead(status, { 'content-length': 0 }).end();
      else response.writeHead(200, { 'content-type': MediaType.index, 'content-length': listing.length }).end(listing);
    });
    const decisions: string[] = [];
    await using repository = open(server.host, decisions);
    const doubts: Error[] = [];
    const found = await repository.referrers(image.descriptor.digest, { onDoubt: (error) => doubts.push(error) });
    expect(found.map(({ digest }) => digest)).toEqual([signature.descriptor.digest]);
    expect(doubts.map(({ message }) => message)).toEqual([expect.stringContaining(`answered ${status}`)]);
    expect(decisions).toEqual([expect.stringContaining('so the fallback tag is read')]);
    await expect(repository.referrers(image.descriptor.digest)).rejects.toThrow(`answered ${status}`);
  });

  it('by not answering at all is an error for everyone', async () => {
    await using server = await startScriptedServer((_, response) => void response.destroy());
    await using repository = open(server.host);
    const onDoubt = (): never => expect.fail('a doubt');
    await expect(repository.referrers(image.descriptor.digest, { onDoubt })).rejects.toMatchObject({
      failure: { status: 0 },
    });
  });
});

describe('a fallback tag', () => {
  it.each([
    ['another image', madeImage([madeBlob('another')]).manifest],
    ['no manifest at all', madeBlob('{"not": "a manifest"}', MediaType.index)],
    ['no JSON', madeBlob('<html>', MediaType.index)],
  ])('that holds %s lists nothing', async (_, other) => {
    await using server = await manifests(() => ({ bytes: other.bytes, type: other.descriptor.mediaType }));
    await using repository = open(server.host);
    expect(await repository.referrers(image.descriptor.digest)).toEqual([]);
  });

  it('that holds another image is not written over, which is no fault of what is loaded', async () => {
    const other = madeImage([madeBlob('another')]).manifest;
    await using server = await manifests(() => ({ bytes: other.bytes, type: other.descriptor.mediaType }));
    await using repository = open(server.host);
    const { descriptor, bytes } = signatureOf(image, 'one');
    await expect(repository.push(descriptor, bytesOf(bytes))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(`a/b:${tagOf(image)} should list referrers but is an image`) as string,
      hint: expect.stringContaining('delete that tag') as string,
    });
    expect(server.asked.filter(({ method, url }) => method === 'PUT' && url.endsWith(tagOf(image)))).toEqual([]);
  });

  it('loses nothing where reads lag behind writes', async () => {
    const stale: Held[] = [];
    const lists: number[] = [];
    await using server = await manifests(
      (name, held) => {
        const now = held.get(name);
        if (name !== tagOf(image)) return now;
        if (now !== undefined && stale.at(-1) !== now) stale.push(now);
        return stale.at(-3); // as it was two writes ago
      },
      (name, bytes) => {
        if (name === tagOf(image)) lists.push((JSON.parse(bytes.toString()) as { manifests: unknown[] }).manifests.length);
      },
    );
    await using repository = open(server.host);
    const made = ['one', 'two', 'three', 'four'].map((text) => signatureOf(image, text));
    for (const { descriptor, bytes } of made) await repository.push(descriptor, bytesOf(bytes));
    expect(lists).toEqual([1, 2, 3, 4]);
  });
});

describe('the list of referrers', () => {
  const signature = signatureOf(image, 'one');
  const listing = (...made: readonly Made[]): string =>
    JSON.stringify({ schemaVersion: 2, mediaType: MediaType.index, manifests: made.map(({ descriptor }) => descriptor) });

  it.each([
    ['a route that is not there', 404, 'text/html', 1],
    ['an error of the specification, which may be about the repository', 404, 'application/json', 2],
    ['a route that is not there', 405, 'text/html', 2],
    ['a route that is not there', 406, 'text/html', 2],
    ['a route that is not there', 410, 'text/html', 2],
    ['a route that is not there', 501, 'text/html', 2],
  ])('answered with %s (%i, %s) is asked for %i times of two', async (_, status, type, expected) => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url?.includes('/referrers/') === true) response.writeHead(status, { 'content-type': type }).end('no');
      else response.writeHead(200, { 'content-type': MediaType.index }).end(listing(signature));
    });
    await using repository = open(server.host);
    for (let nth = 0; nth < 2; nth++) {
      expect(await repository.referrers(image.descriptor.digest)).toEqual([signature.descriptor]);
    }
    expect(server.asked.filter(({ url }) => url.includes('/referrers/'))).toHaveLength(expected);
  });

  it('names each once, and is asked for as an index without following a redirect', async () => {
    await using server = await startScriptedServer((request, response) => {
      const isFirst = request.url?.endsWith('?page=2') === false;
      const link = isFirst ? { link: `<${request.url}?page=2>; rel="next"` } : {};
      response.writeHead(200, { 'content-type': `${MediaType.index}; charset=utf-8`, ...link }).end(listing(signature));
    });
    await using repository = open(server.host);
    expect(await repository.referrers(image.descriptor.digest)).toEqual([signature.descriptor]);
    expect(server.asked.map(({ headers }) => headers.accept)).toEqual([MediaType.index, MediaType.index]);
  });

  it('that does not end is an error', async () => {
    await using server = await startScriptedServer((request, response) => {
      const link = `<${request.url}>; rel="next"`;
      const some = Array.from({ length: 2_000 }, () => signature);
      response.writeHead(200, { 'content-type': MediaType.index, link }).end(listing(...some));
    });
    await using repository = open(server.host);
    await expect(repository.referrers(image.descriptor.digest)).rejects.toThrow('too many referrers to list');
    expect(server.asked).toHaveLength(5);
  });
});

describe('a fallback tag that is written', () => {
  const put = (server: ScriptedServer): number => server.asked.filter(({ method, url }) => method === 'PUT' && url.endsWith(tagOf(image))).length;

  it('keeps what others wrote there, and lists a referrer once', async () => {
    const signature = signatureOf(image, 'one');
    const theirs = { schemaVersion: 2, mediaType: MediaType.index, annotations: { by: 'them' }, manifests: [list.descriptor] };
    const written: unknown[] = [];
    await using server = await manifests(
      (name, held) => held.get(name) ?? (name === tagOf(image) ? { bytes: Buffer.from(JSON.stringify(theirs)), type: MediaType.index } : undefined),
      (name, bytes) => void (name === tagOf(image) && written.push(JSON.parse(bytes.toString()))),
    );
    await using repository = open(server.host);
    for (let times = 0; times < 2; times++) await repository.push(signature.descriptor, bytesOf(signature.bytes));
    expect(written).toEqual([
      { ...theirs, manifests: [list.descriptor, { ...signature.descriptor, artifactType: 'application/vnd.example' }] },
    ]);
    expect(put(server)).toBe(1);
  });

  it('is written by one push after the other, and a failure of one stops no other', async () => {
    const made = ['one', 'two', 'three'].map((text) => signatureOf(image, text));
    let puts = 0;
    await using server = await manifests(
      (name, held) => held.get(name),
      (name) => {
        if (name === tagOf(image) && ++puts === 1) throw new Error('cut');
      },
    );
    const client = createRegistryHost(server.host, { environment: {}, plainHttp: true, retry: { tries: 1, baseMs: 1, maxMs: 1 } });
    const repository = openRepository({ registry: server.host, repository: 'a/b' }, { host: client });
    const pushes = await Promise.allSettled(made.map(({ descriptor, bytes }) => repository.push(descriptor, bytesOf(bytes))));
    expect(pushes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(await repository.referrers(image.descriptor.digest)).toHaveLength(2);
    await client.close();
  });

  it.each([
    ['an index by its own type', { artifactType: 'application/own' }, 'application/own'],
    ['an index without one', {}, undefined],
  ])('describes %s', async (_, extra, artifactType) => {
    const index = madeBlob(
      JSON.stringify({ schemaVersion: 2, mediaType: MediaType.index, manifests: [], subject: image.descriptor, ...extra }),
      MediaType.index,
    );
    await using server = await manifests((name, held) => held.get(name));
    await using repository = open(server.host);
    await repository.push(index.descriptor, bytesOf(index.bytes));
    const [found] = await repository.referrers(image.descriptor.digest);
    expect([found?.digest, found?.artifactType]).toEqual([index.descriptor.digest, artifactType]);
  });

  it('describes an image without a type by that of its config', async () => {
    const { manifest } = madeImage([madeBlob('x')], { subject: image.descriptor });
    await using server = await manifests((name, held) => held.get(name));
    await using repository = open(server.host);
    await repository.push(manifest.descriptor, bytesOf(manifest.bytes));
    expect((await repository.referrers(image.descriptor.digest))[0]?.artifactType).toBe(MediaType.config);
  });
});
