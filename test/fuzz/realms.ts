/**
 * What a registry says of where to go and with which token: challenges, locations, token answers, lists of referrers.
 * Challenges and locations are only read. What is sent goes to one server on loopback, and the client is kept there.
 */
import { placeOf, resolveLocation } from '../../src/base/http/location.ts';
import { isLocalHost } from '../../src/base/http/network-policy.ts';
import { AirgapError } from '../../src/errors.ts';
import { isDigest, sha256 } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';
import { parseChallenges } from '../../src/stores/registry/auth/challenge.ts';
import { requestToken } from '../../src/stores/registry/auth/token.ts';
import { createRegistryHost, openRepository } from '../../src/stores/registry/registry-hosts.ts';
import { REGISTRY } from '../../src/stores/registry/registry-refusal.ts';
import { makeArtifact, makeImage } from '../helpers/sample-image.ts';
import { startScriptedServer } from '../helpers/scripted-server.ts';
import { mutateBytes, mutateJson, mutateText, pick, type Random } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

const RETRY = { tries: 2, baseMs: 1, maxMs: 1 };
const TIMEOUT_MS = 8_000;
const DAY_MS = 24 * 3600 * 1000;
const CHALLENGES = [
  'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
  'Basic realm="registry", Bearer realm="https://auth.example/token"',
  'Negotiate dG9rZW4=, basic realm = "a \\"quoted\\" one" , charset=UTF-8',
];
const LOCATIONS = [
  '/v2/a/b/blobs/uploads/1?_state=abc%3D%3D',
  'https://cdn.registry.example:8443/x/y?signature=a%2Fb',
  'registry.example/v2/a/b/blobs/uploads/2',
  '//other.example/path#fragment',
  'http://registry.example/v2/',
];
const PLACES = [
  'https://registry.example/v2/a/b/',
  'http://127.0.0.1:5000/v2/a/b/',
  'https://[2001:db8::1]:5000/v2/a/',
];

/** @throws Error for anything but an error of the product's own. */
async function own<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}

function assert(isTrue: boolean, what: string): asserts isTrue {
  if (!isTrue) throw new Error(what);
}

async function readChallenges(random: Random): Promise<void> {
  for (const { scheme, parameters } of parseChallenges(mutateText(random, pick(random, CHALLENGES)))) {
    assert(scheme !== '' && scheme === scheme.toLowerCase(), `scheme ${JSON.stringify(scheme)}`);
    for (const [key, value] of Object.entries(parameters)) {
      assert(key === key.toLowerCase() && typeof value === 'string', `parameter ${JSON.stringify(key)}`);
    }
  }
}

async function readLocation(random: Random): Promise<void> {
  const from = new URL(pick(random, PLACES));
  const text = mutateText(random, pick(random, LOCATIONS));
  const place = await own(() =>
    resolveLocation({ asked: { peer: REGISTRY }, place: placeOf(from) }, text, 'a redirect'),
  );
  if (place === undefined) return;
  const { url, target } = place;
  const shown = JSON.stringify([text, url.href, target]);
  assert(url.protocol === 'https:' || (url.protocol === 'http:' && from.protocol === 'http:'), `scheme: ${shown}`);
  assert(url.username === '' && url.password === '', `account: ${shown}`);
  assert(!isLocalHost(url.hostname) || isLocalHost(from.hostname), `led home: ${shown}`);
  assert(/^\/[\x21-\x7e]*$/.test(target) && !target.includes('#'), `request line: ${shown}`);
}

/** A token server and a registry, both of which say what the case makes of a genuine answer. */
export async function realmTargets(): Promise<{ readonly targets: readonly FuzzTarget[] } & AsyncDisposable> {
  const subject = makeImage();
  const listed = ['one', 'two'].map((text) => makeArtifact('application/vnd.example', text, { subject }).descriptor);
  let body: Buffer = Buffer.alloc(0);
  let headers: Readonly<Record<string, string>> = {};
  /** Links to a next page that are still to be given: a list may lead back to itself. */
  let links: readonly string[] = [];
  const server = await startScriptedServer((request, response) => {
    request.resume();
    const [link, ...rest] = links;
    links = rest;
    const next = link === undefined ? {} : { link };
    response.writeHead(200, { ...headers, ...next, 'content-length': body.length }).end(body);
  });
  const open = () =>
    createRegistryHost(server.host, { environment: {}, retry: RETRY, plainHttp: true, allowHosts: [] });
  const spoil = (random: Random, genuine: object): Buffer =>
    pick<() => Buffer>(random, [
      () => Buffer.from(JSON.stringify(mutateJson(random, genuine)) ?? ''),
      () => Buffer.from(mutateText(random, JSON.stringify(genuine))),
      () => mutateBytes(random, Buffer.from(JSON.stringify(genuine)), 1),
    ])();

  async function askToken(random: Random): Promise<void> {
    body = spoil(random, { token: 'abc', access_token: 'def', expires_in: 60, refresh_token: 'r' });
    headers = { 'content-type': 'application/json' };
    await using host = open();
    const registry = new URL(`http://${server.host}/`);
    const request = { registry, realm: `http://${server.host}/token`, service: 's', scopes: ['repository:a/b:pull'] };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const token = await own(() =>
      requestToken(host.client, { ...request, credentials: undefined, signal }, RETRY, () => 0),
    );
    if (token === undefined) return;
    assert(/^[\x21-\x7e]+$/.test(token.value), `token ${JSON.stringify(token.value)}`);
    assert(token.renewAtMs > 0 && token.renewAtMs <= DAY_MS, `renewed at ${token.renewAtMs}`);
  }

  async function askReferrers(random: Random): Promise<void> {
    body = spoil(random, { schemaVersion: 2, mediaType: MediaType.index, manifests: listed });
    // Printable, since the server of the test would not send anything else.
    const link = mutateText(random, `</v2/a/b/referrers/${subject.descriptor.digest}?last=1>; rel="next"`);
    links = /^[\x20-\x7e]*$/.test(link) ? [link] : [];
    headers = { 'content-type': MediaType.index };
    await using host = open();
    const repository = openRepository({ registry: server.host, repository: 'a/b' }, { host });
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const found = await own(() => repository.referrers(sha256(subject.bytes), { signal }));
    const digests = (found ?? []).map(({ digest }) => digest);
    assert(digests.every(isDigest), `digests ${JSON.stringify(digests)}`);
    assert(new Set(digests).size === digests.length, 'a referrer is listed twice');
  }

  const targets = [
    { name: 'challenges', run: readChallenges },
    { name: 'locations', run: readLocation },
    { name: 'token-answers', run: askToken },
    { name: 'referrers-answers', run: askReferrers },
  ];
  return { targets, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
