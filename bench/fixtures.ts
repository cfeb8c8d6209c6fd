/** What contenders start from: keys, specs, locks, archives and layouts. Made when first asked for, never timed. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shell } from './contender.ts';
import type { Corpus } from './corpus.ts';
import { measure } from './measure.ts';
import * as ours from './ours.ts';
import { skopeoBuild } from './peer-commands.ts';

/** Everything lies below one directory. */
export class Fixtures {
  readonly #folder: string;
  readonly #corpus: Corpus;
  /** The registry that serves the corpus. */
  readonly #source: string;
  readonly #made = new Map<string, Promise<string>>();

  constructor(folder: string, corpus: Corpus, source: string) {
    this.#folder = folder;
    this.#corpus = corpus;
    this.#source = source;
  }

  /** A directory with a signing key pair. */
  keys(): Promise<string> {
    return this.#once('keys', async (folder) => void (await measure(ours.generateKeys(folder))));
  }

  /** A directory with release.yaml and its lock. */
  locked(): Promise<string> {
    return this.#once('locked', async (folder) => {
      await this.writeSpec(folder, this.#source);
      await measure(ours.resolve(folder));
    });
  }

  /** Path of our archive of the corpus. */
  async archive(): Promise<string> {
    const folder = await this.#once('archive', async (made) => {
      await measure(ours.build(await this.locked(), await this.keys(), join(made, ours.ARCHIVE)));
    });
    return join(folder, ours.ARCHIVE);
  }

  /** A directory with both halves of our archive as files, for tools that read one file on one core. */
  halves(): Promise<string> {
    return this.#once('halves', async (folder) => {
      await measure(shell([`split -n 2 ${await this.archive()} ${join(folder, 'half-')}`]));
    });
  }

  /** A directory with an OCI layout of the corpus, and the same as one tar. */
  layout(): Promise<string> {
    return this.#once('layout', async (folder) => {
      await measure(skopeoBuild('skopeo-current', this.#corpus, this.#source, folder));
    });
  }

  /** Writes the release.yaml of the corpus as served by a host. */
  async writeSpec(folder: string, host: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'release.yaml'), ours.specText(this.#corpus, host));
  }

  #once(name: string, make: (folder: string) => Promise<void>): Promise<string> {
    const folder = join(this.#folder, name);
    const made =
      this.#made.get(name) ??
      mkdir(folder, { recursive: true })
        .then(() => make(folder))
        .then(() => folder);
    this.#made.set(name, made);
    return made;
  }
}
