/** What an Engine says to an archive, and what is made of it: nothing is taken for success that is none. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { bytesOf } from '../../../src/content/verified.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { loadIntoDocker, type LoadedImages } from '../../../src/stores/docker/docker-load.ts';
import { inspectDockerImages } from '../../../src/stores/docker/engine.ts';
import { openDockerImage } from '../../../src/stores/docker/image.ts';
import { drain, startScriptedServer, type Answerer, type ScriptedServer } from '../../helpers/scripted-server.ts';
import { failureOf } from '../contract.ts';

let engine: ScriptedServer | undefined;
afterEach(async () => {
  await engine?.[Symbol.asyncDispose]();
});

async function hostOf(answer: Answerer): Promise<string> {
  engine = await startScriptedServer(answer);
  return `tcp://${engine.host}`;
}

/** Loads something into an Engine that takes it and answers with these chunks. */
async function load(...chunks: readonly (string | Buffer)[]): Promise<LoadedImages> {
  const host = await hostOf(async (request, response) => {
    await drain(request);
    for (const chunk of chunks) {
      response.write(chunk);
      // What is sent at once is read at once.
      if (chunks.length > 1) await delay(20);
    }
    response.end();
  });
  return await loadIntoDocker(bytesOf(Buffer.from('archive')), { host });
}
const line = (stream: string): string => `${JSON.stringify({ stream })}\n`;

describe('an Engine that takes an archive', () => {
  test('says which images it has loaded, by name or by what they are', async () => {
    const id = sha256('image');
    const said = line('Loaded image: a:1\n') + line(`Loaded image ID: ${id}\n`) + line('Loaded image: b:2\n');
    expect(await load(line('Loading layer\n') + '\n', said)).toEqual({ names: ['a:1', 'b:2'], ids: [id] });
  });

  test('may say so in any pieces, the last line without an end', async () => {
    const said = Buffer.from(line('Loaded image: ä:1').trim());
    const middle = said.indexOf(0xc3) + 1;
    expect(await load(said.subarray(0, middle), said.subarray(middle))).toEqual({ names: ['ä:1'], ids: [] });
  });

  test.each([
    ['nothing', ''],
    ['no image', line('Loading layer\n')],
    ['an ID that is none', line('Loaded image ID: sha256:abc\n')],
  ])('and finds %s has not loaded it', async (_, said) => {
    expect(await failureOf(load(said))).toMatchObject({
      code: 'STORE_IO',
      message: expect.stringContaining('could not load the archive: it found no image in the archive') as string,
    });
  });

  test.each([
    ['in detail', { error: 'short', errorDetail: { message: 'no space left ' } }, 'archive: no space left'],
    ['in short', { error: 'no space left', errorDetail: {} }, 'archive: no space left'],
  ])('and fails %s has failed, whatever it loaded before', async (_, failure, words) => {
    const said = line('Loaded image: a:1\n') + JSON.stringify(failure);
    expect(await failureOf(load(said))).toMatchObject({ code: 'STORE_IO', message: expect.stringMatching(new RegExp(`${words}$`)) as string }); // prettier-ignore
  });

  test.each([
    ['something else', '<html>', 'answered "<html>"'],
    ['another shape', '{"stream":1}', 'answered "{\\"stream\\":1}"'],
    ['something long', '<'.repeat(201), `answered "${'<'.repeat(200)}"`],
    ['without end', 'x'.repeat(1024 * 1024 + 1), 'answered an endless line'],
  ])('and answers %s is not understood', async (_, said, words) => {
    expect(await failureOf(load(said))).toMatchObject({
      code: 'STORE_IO',
      message: expect.stringContaining(words) as string,
    });
  });
});

describe('an Engine that refuses', () => {
  test('is given the word, and the status with it', async () => {
    const host = await hostOf(async (request, response) => {
      await drain(request);
      response.writeHead(500, { 'content-type': 'application/json' }).end('{"message":"out of order"}');
    });
    const expected = {
      code: 'STORE_IO',
      message: expect.stringMatching(/^Docker Engine tcp:.* refused \(500\): .*out of order$/) as string,
    };
    expect(await failureOf(inspectDockerImages(['a:1'], { host }))).toMatchObject(expected);
    expect(await failureOf(openDockerImage('a:1', { host }))).toMatchObject(expected);
    expect(await failureOf(loadIntoDocker(bytesOf(Buffer.alloc(1)), { host }))).toMatchObject(expected);
  });

  test('since it has no such image says what lists those it has', async () => {
    const host = await hostOf((_, response) => void response.writeHead(404).end('{"message":"No such image: a:1"}'));
    expect((await inspectDockerImages(['a:1'], { host })).size).toBe(0);
    expect(await failureOf(openDockerImage('docker-daemon:a:1', { host }))).toMatchObject({
      code: 'NOT_FOUND',
      message: `Docker Engine ${host} has no image a:1`,
      hint: 'docker images lists those it has',
    });
  });

  test('by breaking the connection is not said to be out of reach', async () => {
    const host = await hostOf((request) => void request.socket.destroy());
    expect(await failureOf(inspectDockerImages(['a:1'], { host }))).toMatchObject({
      code: 'STORE_IO',
      message: expect.stringContaining('broke the connection') as string,
    });
  });
});
