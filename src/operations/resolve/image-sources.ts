/** Where the images and charts of a release come from in one run of a command: registries, web servers, the Docker Engine. */
import { assertCaFile } from '../../base/http/tls-files.ts';
import { retryPolicy } from '../../base/retry.ts';
import { KnownSource } from '../../content/known-source.ts';
import type { Source } from '../../content/store.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { Digest } from '../../oci/digest.ts';
import { Registries } from '../../stores/registry/registries.ts';
import type { RegistryListener } from '../../stores/registry/registry-listener.ts';
import type { RegistryHostOptions } from '../../stores/registry/registry-hosts.ts';
import { WebFiles, type WebReadOptions } from '../../stores/registry/web-files.ts';
import { webPlaceOf } from '../../release/mapping/web-place.ts';
import { parseMirror, throughMirror, type MirrorRule } from '../../release/mapping/mirror-rule.ts';
import type { ImageOrigin } from '../../release/spec/spec-schema.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { DockerImageSource } from '../../stores/docker/image.ts';

/** Options of {@link ImageSources}. */
export interface SourceOptions {
  /** PEM file with certificate authorities to trust beside the system's. */
  readonly caFile?: string | undefined;
  /** `registry=host/path` rules: what names one is fetched from the other. @defaultValue none */
  readonly mirror?: readonly string[] | undefined;
  /** Registries (`host[:port]`) that are spoken to without TLS; loopback ones are without being named. @defaultValue none */
  readonly plainHttpFrom?: readonly string[] | undefined;
  /** How often a request that fails is sent again. @defaultValue 4 */
  readonly retries?: number | undefined;
  /** Requests to one registry at the same time. */
  readonly concurrency?: number | undefined;
  /** Accounts, proxies and the Engine's address are looked up here. @defaultValue the environment of the process */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Told what the clients of registries do. */
  readonly listener?: RegistryListener | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** Opens each place once and closes them all together. */
export class ImageSources implements AsyncDisposable {
  readonly #registries: Registries;
  readonly #files: WebFiles;
  readonly #plainHttpFrom: readonly string[];
  readonly #mirrors: readonly MirrorRule[];
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #signal: AbortSignal | undefined;
  /** By canonical reference: the Engine hands out an image once, however often it is asked for. */
  readonly #docker = new Map<string, Promise<DockerImageSource>>();
  readonly #open = new Map<string, Source>();

  /** @throws UsageError when a rule of `mirror` is none. */
  constructor(options: SourceOptions = {}) {
    const { caFile, mirror = [], plainHttpFrom = [], retries, concurrency, env = process.env, signal } = options;
    assertCaFile(caFile);
    this.#env = env;
    this.#signal = signal;
    this.#mirrors = mirror.map(parseMirror);
    this.#plainHttpFrom = plainHttpFrom;
    const optionsOf = (registry: string): RegistryHostOptions => ({
      ...options.listener,
      caFile,
      concurrency,
      retry: retryPolicy(retries),
      environment: env,
      ...(plainHttpFrom.includes(registry) ? { plainHttp: true } : {}),
    });
    this.#registries = new Registries('pull', optionsOf);
    this.#files = new WebFiles(optionsOf);
  }

  /**
   * The file at an http(s) address, such as the index of a chart repository, through the rules of `mirror`.
   * @throws as {@link WebFiles.read}
   */
  async read(address: URL, options: WebReadOptions): Promise<Buffer> {
    return this.#files.read(webPlaceOf(address, this.#mirrors, this.#plainHttpFrom), options);
  }

  /** The place an image is fetched from. */
  async open(reference: Reference, origin: ImageOrigin): Promise<Source> {
    const key = formatReference(reference);
    const source =
      origin === 'registry'
        ? this.#registries.repository(throughMirror(reference, this.#mirrors))
        : await this.#openDocker(key);
    this.#open.set(key, source);
    return source;
  }

  /** Opens every image of a lock, so that {@link sourceOf} can answer at once. */
  async openLocked(lock: ReleaseLock): Promise<void> {
    const local = new Set(
      lock.components.flatMap(({ images }) =>
        images.filter(({ from }) => from === 'docker-daemon').map(({ reference }) => reference),
      ),
    );
    for (const { reference } of lock.images) {
      await this.open(parseReference(reference), local.has(reference) ? 'docker-daemon' : 'registry');
    }
  }

  /** Answers with the sources opened before, by canonical reference; what `known` holds is not fetched again. */
  sourceOf(known: ReadonlyMap<Digest, Uint8Array> = new Map()): (reference: string) => Source {
    const sources = new Map([...this.#open].map(([key, source]) => [key, new KnownSource(source, known)]));
    return (reference) => {
      const source = sources.get(reference);
      if (source === undefined) throw new RangeError(`the source of ${reference} was not opened`);
      return source;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of await Promise.allSettled(this.#docker.values())) {
      if (opening.status === 'fulfilled') await opening.value[Symbol.asyncDispose]();
    }
    await this.#registries[Symbol.asyncDispose]();
    await this.#files[Symbol.asyncDispose]();
  }

  #openDocker(reference: string): Promise<Source> {
    let opening = this.#docker.get(reference);
    if (opening === undefined) {
      opening = import('../../stores/docker/image.ts').then(({ openDockerImage }) =>
        openDockerImage(reference, { host: this.#env['DOCKER_HOST'], signal: this.#signal }),
      );
      this.#docker.set(reference, opening);
    }
    return opening;
  }
}
