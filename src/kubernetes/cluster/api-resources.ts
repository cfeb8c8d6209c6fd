/** Which kinds a cluster knows, what they are called in addresses, and whether they belong to a namespace. */
import * as z from 'zod';

/** A kind as the cluster serves it. */
export interface ApiResource {
  /** Empty for Kubernetes' first one. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

const Listed = z.object({
  resources: z
    .array(z.object({ name: z.string().max(512), kind: z.string().max(256), namespaced: z.boolean() }))
    .max(10_000),
});

/** The kinds of one cluster, asked for by the version of their group and remembered. */
export class ApiResources {
  readonly #read: (path: string, doing: string) => Promise<unknown>;
  readonly #groups = new Map<string, Promise<ReadonlyMap<string, ApiResource>>>();

  /** `read`: what stands at a path; undefined where nothing does. */
  constructor(read: (path: string, doing: string) => Promise<unknown>) {
    this.#read = read;
  }

  /** A kind; undefined where the cluster does not serve it in this version. */
  async find(apiVersion: string, kind: string): Promise<ApiResource | undefined> {
    const known = this.#groups.get(apiVersion) ?? this.#ask(apiVersion);
    this.#groups.set(apiVersion, known);
    try {
      return (await known).get(kind);
    } catch (error) {
      this.#groups.delete(apiVersion);
      throw error;
    }
  }

  /** Everything is asked for again. */
  forget(): void {
    this.#groups.clear();
  }

  async #ask(apiVersion: string): Promise<ReadonlyMap<string, ApiResource>> {
    const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
    const words = [group, version].filter((word) => word !== '').map(encodeURIComponent);
    const path = `/${group === '' ? 'api' : 'apis'}/${words.join('/')}`;
    const answer = Listed.safeParse(await this.#read(path, `ask which kinds ${apiVersion} has`));
    if (!answer.success) return new Map();
    return new Map(
      answer.data.resources
        // `deployments/scale` has a kind of its own and is no collection.
        .filter(({ name }) => !name.includes('/'))
        .map(({ name, kind, namespaced }) => [kind, { group, version, plural: name, isNamespaced: namespaced }]),
    );
  }
}
