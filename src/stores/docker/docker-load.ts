/** Docker Engine as a target: one archive streamed into `docker load`. */
import { Readable } from 'node:stream';
import * as z from 'zod';
import type { Bytes } from '../../base/bytes.ts';
import { parseJson } from '../../base/json/parse-json.ts';
import { StoreError } from '../../errors.ts';
import { isDigest, type Digest } from '../../oci/digest.ts';
import { openEngine, toStoreError, waitFor, type DockerOptions, type Engine } from './engine.ts';

/** Bytes of one line of the Engine's answer. */
const MAX_LINE_BYTES = 1024 * 1024;
/** Bytes read ahead of the Engine. */
const READ_AHEAD_BYTES = 1024 * 1024;

/** What the Engine says it has loaded. */
export interface LoadedImages {
  /** Familiar names, as the Engine prints them: `postgres:16`. */
  readonly names: readonly string[];
  /** Images that came without a name, by {@link DockerImage.id}. */
  readonly ids: readonly Digest[];
}

/** A line of the answer. @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageLoad */
const Line = z.object({
  stream: z.string().optional(),
  error: z.string().optional(),
  errorDetail: z.object({ message: z.string().optional() }).optional(),
});

/**
 * Loads a `docker load` archive, uncompressed or not. The Engine reads the archive once, from start to end; when `archive` fails,
 * it gets a broken stream and loads nothing, and that failure is thrown.
 * @throws StoreError `STORE_IO` when no Engine answers, or with the Engine's own words when it refuses.
 */
export async function loadIntoDocker(archive: Bytes, options: DockerOptions = {}): Promise<LoadedImages> {
  const engine = await openEngine(options);
  const body = Readable.from(copied(archive, options.signal), { objectMode: false, highWaterMark: READ_AHEAD_BYTES });
  const stop = (): void => void body.destroy(options.signal?.reason as Error);
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    const answer = await waitFor(engine, engine.docker.loadImage(body, { quiet: true }), options.signal);
    return await readAnswer(engine, answer as Readable);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw toStoreError(engine, error);
  } finally {
    options.signal?.removeEventListener('abort', stop);
    body.destroy();
  }
}

async function readAnswer(engine: Engine, answer: AsyncIterable<Uint8Array>): Promise<LoadedImages> {
  const names: string[] = [];
  const ids: Digest[] = [];
  for await (const line of linesOf(answer, engine)) {
    const { stream, error, errorDetail } = parseLine(line, engine);
    const failure = errorDetail?.message ?? error;
    if (failure !== undefined) throw refused(engine, failure);
    const [, isId, loaded] = /^Loaded image( ID)?: (\S+)\s*$/.exec(stream ?? '') ?? [];
    if (loaded === undefined) continue;
    if (isId === undefined) names.push(loaded);
    else if (isDigest(loaded)) ids.push(loaded);
  }
  if (names.length + ids.length === 0) throw refused(engine, 'it found no image in the archive');
  return { names, ids };
}

function parseLine(line: string, engine: Engine): z.infer<typeof Line> {
  try {
    return Line.parse(parseJson(line, { maxBytes: MAX_LINE_BYTES, reading: 'lenient' }));
  } catch (error) {
    throw new StoreError('STORE_IO', `${engine.name} answered ${JSON.stringify(line.slice(0, 200))}`, { cause: error });
  }
}

function refused(engine: Engine, why: string): StoreError {
  return new StoreError('STORE_IO', `${engine.name} could not load the archive: ${why.trim()}`, {
    hint: 'an Engine before version 23 knows no zstd layers; its data directory needs room for the unpacked images',
  });
}

async function* linesOf(content: AsyncIterable<Uint8Array>, engine: Engine): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of content) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES) throw new StoreError('STORE_IO', `${engine.name} answered an endless line`);
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  if (rest.trim() !== '') yield rest;
}

/** A stream queues its chunks, while those of a store are only borrowed. */
async function* copied(content: Bytes, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of content) {
    signal?.throwIfAborted();
    yield Buffer.from(chunk);
  }
}
