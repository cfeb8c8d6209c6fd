/** Docker Engine as a source: one local image, read once through `docker save`. */
import type { Readable } from 'node:stream';
import type { Bytes } from '../../base/bytes.ts';
import type { CallOptions, FetchOptions, Source } from '../../content/store.ts';
import { bytesOf } from '../../content/verified.ts';
import { IntegrityError, NotFoundError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isIndex, MAX_MANIFEST_BYTES, parseManifest } from '../../oci/manifest.ts';
import { isManifestType, MediaType } from '../../oci/media-types.ts';
import { imageName, inspect, openEngine, waitFor, type DockerOptions } from './engine.ts';
import { synthesizeManifest } from './legacy.ts';
import { readSave, type Members } from './save.ts';
import { openSpool, type Spool } from './spool.ts';

const TRANSPORT = 'docker-daemon:';

/** Options of {@link openDockerImage}. */
export interface DockerImageOptions extends DockerOptions {
  /** Where the image is held while the source is open, without a name. @defaultValue the system's temporary directory */
  readonly temporaryDirectory?: string | undefined;
}

/** Made by {@link openDockerImage}. Everything it holds was hashed when it came. */
export interface DockerImageSource extends Source, AsyncDisposable {
  /** The image's manifest or index. Of an index the Engine may hold some platforms only. */
  readonly root: Descriptor;
  /**
   * True when the Engine sent no manifest (before version 25) and one was made: the digest is the same for the same
   * config and layers, but it is not the one a registry has for this image.
   */
  readonly synthesized: boolean;
}

/**
 * Reads a local image, `name:tag` or an ID, with or without `docker-daemon:` in front. Needs room for the whole image
 * in the temporary directory until it is disposed of.
 * @throws NotFoundError `NOT_FOUND` when the Engine has no such image.
 * @throws StoreError `STORE_IO` when no Engine answers, `NO_SPACE`
 * @throws IntegrityError when what the Engine sends is not a sound image.
 */
export async function openDockerImage(reference: string, options: DockerImageOptions = {}): Promise<DockerImageSource> {
  const name = imageName(reference.startsWith(TRANSPORT) ? reference.slice(TRANSPORT.length) : reference);
  const engine = await openEngine(options);
  const what = `${engine.name}, image ${name}`;
  if ((await inspect(engine, name, options.signal)) === undefined) {
    throw new NotFoundError('NOT_FOUND', `${engine.name} has no image ${name}`, {
      hint: 'docker images lists those it has',
    });
  }
  const saving = engine.docker.getImage(name).get() as Promise<Readable>;
  const body = await waitFor(engine, saving, options.signal).catch((error: unknown) => {
    // The Engine may still begin to answer; no one is left to read it.
    saving.then(
      (late) => late.destroy(),
      () => undefined,
    );
    throw error;
  });
  const spool = await openSpool(options.temporaryDirectory).catch((error: unknown) => {
    body.destroy();
    throw error;
  });
  try {
    const members = await readSave(body, spool, what, options.signal);
    const saved = await findSavedRoot(members, spool, what);
    const root = saved ?? (await storeManifest(await synthesizeManifest(members, spool, what), spool));
    return new SavedImage(name, what, spool, root, saved === undefined);
  } catch (error) {
    await spool[Symbol.asyncDispose]();
    throw error;
  }
}

/** The image in the layout that Engines from version 25 on send; undefined when there is none. */
async function findSavedRoot(members: Members, spool: Spool, what: string): Promise<Descriptor | undefined> {
  const member = members.find('index.json');
  if (member === undefined) return undefined;
  const bytes = await spool.readSmall(member.digest, MAX_MANIFEST_BYTES, `${what}: index.json`);
  const index = parseManifest(bytes, undefined, `${what}: index.json`);
  const roots = isIndex(index) ? index.manifests.filter(({ mediaType }) => isManifestType(mediaType)) : [];
  const [first] = roots;
  if (first === undefined || roots.some((root) => root.digest !== first.digest)) {
    throw new IntegrityError('MALFORMED', `${what}: index.json names ${roots.length} images where one was asked for`);
  }
  if (spool.sizeOf(first.digest) !== first.size) {
    throw new IntegrityError('MALFORMED', `${what}: ${first.digest} is missing or has another size`);
  }
  return { mediaType: first.mediaType, digest: first.digest, size: first.size };
}

async function storeManifest(bytes: Buffer, spool: Spool): Promise<Descriptor> {
  return { mediaType: MediaType.manifest, ...(await spool.add(bytesOf(bytes))) };
}

class SavedImage implements DockerImageSource {
  readonly name: string;
  readonly root: Descriptor;
  readonly synthesized: boolean;
  readonly #image: string;
  readonly #spool: Spool;

  constructor(image: string, name: string, spool: Spool, root: Descriptor, synthesized: boolean) {
    this.#image = image;
    this.name = name;
    this.#spool = spool;
    this.root = root;
    this.synthesized = synthesized;
  }

  async resolve(tagOrDigest: string, options?: CallOptions): Promise<Descriptor> {
    options?.signal?.throwIfAborted();
    if (tagOrDigest === this.#image || tagOrDigest === this.root.digest) return this.root;
    throw new NotFoundError('NOT_FOUND', `${this.name}: ${tagOrDigest} is another image`);
  }

  async exists(target: Descriptor, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    return this.#spool.sizeOf(target.digest) === target.size;
  }

  async *fetch(target: Descriptor, options?: FetchOptions): Bytes {
    options?.signal?.throwIfAborted();
    yield* this.#spool.read(target.digest, this.name, options?.offset, options?.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]();
  }
}
