/** The links of one repository: which of the stored content it serves, under which tags, and what refers to what. */
import { access, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseJson } from '../../base/json/parse-json.ts';
import { StoreError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { hexOf, isRegisteredDigest, type RegisteredDigest } from '../../oci/digest.ts';
import { inDirectory, listDigests, unlessMissing, type Storage } from './storage.ts';

/** A descriptor with annotations, as large as the manifest that it is taken from. */
const MAX_NOTE_BYTES = 32 * 1024 * 1024;

/** A repository serves only what was pushed to it or mounted into it. */
export class Repository {
  readonly #storage: Storage;
  readonly #path: string;

  constructor(storage: Storage, name: string) {
    this.#storage = storage;
    this.#path = storage.repositoryPath(name);
  }

  /** Whether anything was ever pushed here. */
  async exists(): Promise<boolean> {
    const entries = (await unlessMissing(() => readdir(this.#path))) ?? [];
    return entries.some((entry) => entry.startsWith('_'));
  }

  /** Whether the digest may be read as a blob. Manifests may, too: clients fall back to that. */
  async hasBlob(digest: RegisteredDigest): Promise<boolean> {
    return (await isPresent(this.#link('_blobs', digest))) || (await isPresent(this.#link('_manifests', digest)));
  }

  /** Makes stored content a blob of this repository. */
  async linkBlob(digest: RegisteredDigest): Promise<void> {
    const path = this.#link('_blobs', digest);
    await inDirectory(dirname(path), () => writeFile(path, ''));
  }

  /** Serves the blob no more. The content stays on disk: other repositories may serve it. */
  async unlinkBlob(digest: RegisteredDigest): Promise<boolean> {
    return remove(this.#link('_blobs', digest));
  }

  /** Serves the manifest no more, and no tag that points at it; referrers are listed no more with it. */
  async unlinkManifest(digest: RegisteredDigest): Promise<boolean> {
    if (!(await remove(this.#link('_manifests', digest)))) return false;
    for (const tag of await this.listTags()) {
      if ((await this.resolveTag(tag)) === digest) await this.removeTag(tag);
    }
    return true;
  }

  /** Forgets the tag, and nothing that it points at. */
  async removeTag(tag: string): Promise<boolean> {
    return remove(join(this.#path, '_tags', tag));
  }

  /** The media type a manifest was pushed with, or `undefined` when it is not in this repository. */
  async manifestType(digest: RegisteredDigest): Promise<string | undefined> {
    return unlessMissing(() => readFile(this.#link('_manifests', digest), 'utf8'));
  }

  /** Makes stored content a manifest of this repository. */
  async linkManifest(digest: RegisteredDigest, mediaType: string): Promise<void> {
    await this.#storage.replace(this.#link('_manifests', digest), mediaType);
  }

  /** The digest a tag points at. */
  async resolveTag(tag: string): Promise<RegisteredDigest | undefined> {
    const text = await unlessMissing(() => readFile(join(this.#path, '_tags', tag), 'utf8'));
    if (text === undefined || isRegisteredDigest(text)) return text;
    throw new StoreError('STORE_IO', `${join(this.#path, '_tags', tag)} holds no digest`, {
      hint: 'the directory of the registry was changed by something else: push the tag again',
    });
  }

  /** Points a tag at a manifest. */
  async setTag(tag: string, digest: RegisteredDigest): Promise<void> {
    await this.#storage.replace(join(this.#path, '_tags', tag), digest);
  }

  /** All tags in ASCII order. */
  async listTags(): Promise<string[]> {
    return ((await unlessMissing(() => readdir(join(this.#path, '_tags')))) ?? []).sort();
  }

  /** Notes that the described manifest names `subject`, which need not exist (yet). */
  async addReferrer(subject: RegisteredDigest, referrer: Descriptor<RegisteredDigest>): Promise<void> {
    const path = join(this.#link('_referrers', subject), hexOf(referrer.digest));
    await this.#storage.replace(path, JSON.stringify(referrer));
  }

  /** Descriptors of the manifests that name `subject`, sorted by digest. */
  async listReferrers(subject: RegisteredDigest): Promise<Descriptor<RegisteredDigest>[]> {
    const directory = this.#link('_referrers', subject);
    const found: Descriptor<RegisteredDigest>[] = [];
    for (const digest of await listDigests(directory)) {
      // The note is written before the manifest's link: after a crash between the two it means nothing.
      if (!(await isPresent(this.#link('_manifests', digest)))) continue;
      const note = await readFile(join(directory, hexOf(digest)));
      found.push(parseJson(note, { maxBytes: MAX_NOTE_BYTES }) as Descriptor<RegisteredDigest>);
    }
    return found;
  }

  #link(kind: '_blobs' | '_manifests' | '_referrers', digest: RegisteredDigest): string {
    return join(this.#path, kind, hexOf(digest));
  }
}

/** Whether there was something to remove. */
async function remove(path: string): Promise<boolean> {
  return (await unlessMissing(() => rm(path).then(() => true))) ?? false;
}

async function isPresent(path: string): Promise<boolean> {
  return (await unlessMissing(() => access(path).then(() => true))) ?? false;
}
