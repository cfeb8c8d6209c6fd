/** Registries of one command: a client per host, opened when first needed, closed together. */
import { type Reference } from '../../oci/reference.ts';
import type { RegistryHost } from './host.ts';
import { createRegistryHost, openRepository, type RegistryHostOptions } from './registry-hosts.ts';
import type { RegistryRepository } from './repository.ts';

/** Opens repositories and keeps their hosts. */
export class Registries implements AsyncDisposable {
  readonly #optionsOf: (registry: string) => RegistryHostOptions;
  readonly #access: 'pull' | 'push';
  readonly #hosts = new Map<string, RegistryHost>();
  readonly #repositories = new Map<string, RegistryRepository>();

  /** `options` for every registry, or asked for by its name. `access` is what tokens are asked for. */
  constructor(
    access: 'pull' | 'push',
    options: RegistryHostOptions | ((registry: string) => RegistryHostOptions) = {},
  ) {
    this.#access = access;
    this.#optionsOf = typeof options === 'function' ? options : () => options;
  }

  /** The repository a reference names; the same object for the same repository. */
  repository({ registry, repository }: Pick<Reference, 'registry' | 'repository'>): RegistryRepository {
    const key = `${registry}/${repository}`;
    const known = this.#repositories.get(key);
    if (known !== undefined) return known;
    let host = this.#hosts.get(registry);
    if (host === undefined) {
      host = createRegistryHost(registry, this.#optionsOf(registry));
      this.#hosts.set(registry, host);
    }
    const opened = openRepository({ registry, repository }, { host, access: this.#access });
    this.#repositories.set(key, opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.close()));
  }
}
