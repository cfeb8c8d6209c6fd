/** A registry on loopback that answers with mutated status lines, headers and bodies. */
import type { Socket } from 'node:net';
import { collect, verified } from '../../src/content/verified.ts';
import { AirgapError } from '../../src/errors.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';
import { createRegistryHost, openRepository } from '../../src/stores/registry/registry-hosts.ts';
import { makeImage } from '../helpers/sample-image.ts';
import { startRawServer } from '../helpers/scripted-server.ts';
import { mutateBytes, mutateText, pick, type Random } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

const RETRY = { tries: 2, baseMs: 1, maxMs: 1 };
const TIMEOUT_MS = 8_000;

/** Serves one image; what a case does to the answers is told before it starts. */
export async function registryTargets(): Promise<{ readonly targets: readonly FuzzTarget[] } & AsyncDisposable> {
  const image = makeImage();
  const [, layer = image] = image.blobs;
  let change: (answer: Buffer) => Buffer = (answer) => answer;
  const answerTo = (request: string): Buffer => {
    const [method = '', path = ''] = request.split(' ');
    const isManifest = path.includes('/manifests/');
    const isBlob = path.includes('/blobs/');
    const body = isManifest
      ? image.bytes
      : isBlob
        ? layer.bytes
        : path.includes('/tags/')
          ? Buffer.from('{"name":"a/b","tags":["1","2"]}')
          : path.startsWith('/token')
            ? Buffer.from('{"token":"abc","expires_in":60}')
            : Buffer.from('{}');
    const lines = [
      'HTTP/1.1 200 OK',
      `Content-Length: ${body.length}`,
      `Content-Type: ${isManifest ? MediaType.manifest : 'application/octet-stream'}`,
      `Docker-Content-Digest: ${sha256(body)}`,
      'Docker-Distribution-Api-Version: registry/2.0',
    ];
    return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), method === 'HEAD' ? Buffer.alloc(0) : body]);
  };
  const serve = (socket: Socket): void => {
    let pending = '';
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1');
      for (let end = pending.indexOf('\r\n\r\n'); end !== -1; end = pending.indexOf('\r\n\r\n')) {
        const answer = answerTo(pending);
        const changed = change(answer);
        socket.write(changed);
        // Whoever is told of more than comes would wait for it.
        if (!changed.equals(answer)) socket.end();
        pending = pending.slice(end + 4);
      }
    });
  };
  const server = await startRawServer(serve);

  const challenge = `HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: Bearer realm="http://${server.host}/token",service="s"\r\n\r\n`; // prettier-ignore
  const mutateAnswer = (random: Random, answer: Buffer): Buffer => {
    const head = answer.indexOf('\r\n\r\n');
    const body = answer.subarray(head);
    return pick<() => Buffer>(random, [
      () => Buffer.concat([Buffer.from(mutateText(random, answer.toString('latin1', 0, head)), 'latin1'), body]),
      () => Buffer.concat([answer.subarray(0, head + 4), mutateBytes(random, body.subarray(4), 1)]),
      () => mutateBytes(random, answer, 1),
      () => Buffer.from(mutateText(random, challenge), 'latin1'),
      () => answer,
    ])();
  };
  const attempt = async (work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      await work(signal);
    } catch (error) {
      if (signal.aborted) throw new Error('the client waits for ever', { cause: error });
      if (!(error instanceof AirgapError)) throw error;
    }
  };
  const target: FuzzTarget = {
    name: 'registry-answers',
    run: async (random) => {
      change = (answer) => mutateAnswer(random, answer);
      const host = createRegistryHost(server.host, { environment: {}, retry: RETRY, plainHttp: true, allowHosts: [] });
      const repository = openRepository({ registry: server.host, repository: 'a/b' }, { host });
      try {
        await attempt(async (signal) => {
          const found = await repository.resolve('1', { signal });
          const bytes = await collect(verified(repository.fetch(found, { signal }), found, 'fuzz'));
          if (sha256(bytes) !== found.digest) throw new Error('content under another digest');
        });
        await attempt(async (signal) => {
          const bytes = await collect(verified(repository.fetch(layer.descriptor, { signal }), layer.descriptor, 'fuzz')); // prettier-ignore
          if (!bytes.equals(layer.bytes)) throw new Error('other content');
        });
        await attempt(async (signal) => void (await repository.exists(layer.descriptor, { signal })));
        await attempt(async (signal) => void (await repository.listTags({ signal })));
      } finally {
        await host.close();
      }
    },
  };
  return { targets: [target], [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
