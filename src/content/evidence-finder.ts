/**
 * Finds what vouches for an image beside it: signatures, attestations and bills of materials, as referrers and under
 * cosign's tags, of the index and of each child, and what vouches for these in turn. Only a clear "there is none" of the
 * source counts as none. Where it does not answer, that is an error, or, for a lenient finder, a doubt that is told.
 */
import { AuthError, HttpError, inContext, IntegrityError, NotFoundError, StoreError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { evidenceTags, kindOfReferrer } from '../oci/evidence-names.ts';
import { parseManifest } from '../oci/manifest.ts';
import { isManifestType } from '../oci/media-types.ts';
import type { GraphEvidence } from './content-graph.ts';
import { discoverImage, type GraphPart } from './graph-walk.ts';
import { KnownSource } from './known-source.ts';
import { forEachConcurrently } from '../base/limit.ts';
import { fetchNamed } from './named-manifest.ts';
import { canListReferrers, canListTags, type CallOptions, type ReferrerSource, type Source } from './store.ts';

/** Questions about one image at the same time; each host has its own limit besides. */
const CONCURRENCY = 8;
/** Evidence for evidence for evidence: real chains have two links. */
const MAX_DEPTH = 4;
/** Pieces of evidence for one image. */
const MAX_EVIDENCE = 5_000;
/** Beyond so many pages a list of tags costs more than asking for the few that matter. */
const MAX_TAG_PAGES = 10;
/** Evidence runs on no platform, whatever its config says; saying so also spares reading the config. */
const NOWHERE = { os: 'unknown', architecture: 'unknown' } as const;
const HINT = 'try again, or set `evidence: ignore` in release.yaml to carry none';

/** All evidence for one image, and everything it is made of. */
export interface FoundEvidence extends GraphPart {
  /** Sorted. */
  readonly evidence: readonly GraphEvidence[];
  /** What the source did not answer: there may be more evidence than was found. Sorted; empty of a strict finder. */
  readonly doubts: readonly string[];
}

/** Options of {@link EvidenceFinder}. */
export interface EvidenceOptions extends CallOptions {
  /** Take questions that the source refuses to answer for doubts, not for errors. @defaultValue false */
  readonly isLenient?: boolean | undefined;
}

interface Piece extends GraphPart {
  readonly entry: GraphEvidence;
}

interface Answers {
  readonly pieces: readonly Piece[];
  readonly doubts: readonly string[];
}

/** Looks for evidence in one run of the program: whatever several images share is asked for once. */
export class EvidenceFinder {
  readonly #contents: Map<Digest, Buffer>;
  readonly #signal: AbortSignal | undefined;
  readonly #isLenient: boolean;
  readonly #answers = new Map<Source, Map<Digest, Promise<Answers>>>();
  readonly #tags = new Map<Source, Promise<ReadonlySet<string> | undefined>>();

  /** `contents` holds manifests that are known, and gets those that are read. */
  constructor(contents: Map<Digest, Buffer>, { signal, isLenient = false }: EvidenceOptions = {}) {
    this.#contents = contents;
    this.#signal = signal;
    this.#isLenient = isLenient;
  }

  /**
   * Everything that vouches for these manifests. Undefined when the source is of a kind that keeps no evidence.
   * @throws whatever the source throws but `NOT_FOUND`, naming the manifest whose evidence was asked for; of a lenient
   *   finder no refusals, but connections that fail and content that is not what it is called.
   */
  async find(source: Source, subjects: readonly Digest[], reference: string): Promise<FoundEvidence | undefined> {
    if (!canListReferrers(source)) return undefined;
    const pieces: Piece[] = [];
    const doubts = new Set<string>();
    const seen = new Set(subjects);
    let wave: readonly Digest[] = [...seen];
    for (let depth = 0; wave.length > 0; depth++) {
      if (depth > MAX_DEPTH || pieces.length > MAX_EVIDENCE) throw tooMuch(reference);
      const next = new Set<Digest>();
      await forEachConcurrently(wave, CONCURRENCY, async (subject) => {
        const answers = await this.#ask(source, subject, reference);
        for (const doubt of answers.doubts) doubts.add(doubt);
        for (const piece of answers.pieces) {
          pieces.push(piece);
          for (const { digest } of piece.manifests) next.add(digest);
        }
      });
      wave = [...next].filter((digest) => !seen.has(digest));
      for (const digest of wave) seen.add(digest);
    }
    return {
      evidence: pieces.map(({ entry }) => entry).sort(byKey),
      manifests: pieces.flatMap(({ manifests }) => manifests),
      blobs: pieces.flatMap(({ blobs }) => blobs),
      doubts: [...doubts].sort(),
    };
  }

  /** Shared by all images that reach the subject in one repository. */
  #ask(source: ReferrerSource, subject: Digest, reference: string): Promise<Answers> {
    const answers = this.#answers.get(source) ?? new Map<Digest, Promise<Answers>>();
    this.#answers.set(source, answers);
    const known = answers.get(subject);
    if (known !== undefined) return known;
    const asking = this.#search(source, subject, reference).catch((error: unknown) => {
      throw inContext(error, `evidence for ${subject} of ${reference}`, HINT);
    });
    answers.set(subject, asking);
    return asking;
  }

  async #search(source: ReferrerSource, subject: Digest, reference: string): Promise<Answers> {
    const pieces: Piece[] = [];
    const doubts: string[] = [];
    const attempt = async <T>(question: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await question();
      } catch (error) {
        if (!this.#isLenient || !isRefusal(error)) throw error;
        doubts.push(`${subject}: ${error.message}`);
        return undefined;
      }
    };
    const onDoubt = (error: Error): unknown => doubts.push(`${subject}: ${error.message}`);
    const options = { signal: this.#signal, ...(this.#isLenient ? { onDoubt } : {}) };
    for (const referrer of (await attempt(() => source.referrers(subject, options))) ?? []) {
      const part = await attempt(() => this.#read(source, referrer, reference));
      if (part !== undefined) pieces.push({ ...part, entry: this.#toReferrer(referrer, subject) });
    }
    const listed = await this.#listTags(source);
    for (const { tag, kind } of evidenceTags(subject)) {
      if (listed?.has(tag) === false) continue;
      const found = await attempt(() => this.#fetchTag(source, tag));
      if (found === undefined) continue;
      const part = await attempt(() => this.#read(source, found, reference));
      if (part !== undefined) pieces.push({ ...part, entry: { subject, digest: found.digest, kind, tag } });
    }
    return { pieces, doubts };
  }

  async #read(source: Source, root: Descriptor, reference: string): Promise<GraphPart> {
    if (!isManifestType(root.mediaType)) {
      throw new StoreError('UNSUPPORTED', `${root.digest} is of type ${root.mediaType}, which cannot be carried`);
    }
    const { contents, manifests, blobs } = await discoverImage(
      new KnownSource(source, this.#contents),
      { ...root, platform: NOWHERE },
      { platforms: 'all', reference, signal: this.#signal },
    );
    for (const [digest, bytes] of contents) this.#contents.set(digest, bytes);
    return { manifests, blobs };
  }

  /** @throws IntegrityError when the list names a manifest that does not refer to the subject. */
  #toReferrer({ digest, mediaType }: Descriptor, subject: Digest): GraphEvidence {
    const manifest = parseManifest(this.#contents.get(digest) ?? Buffer.alloc(0), mediaType, digest);
    if (manifest.subject?.digest === subject) return { subject, digest, kind: kindOfReferrer(manifest) };
    throw new IntegrityError('MALFORMED', `${digest} is listed as referring to it, but does not`);
  }

  async #fetchTag(source: Source, tag: string): Promise<Descriptor | undefined> {
    try {
      return await fetchNamed(source, tag, this.#contents, { signal: this.#signal });
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /** One list for a repository instead of three questions for each manifest. Undefined: there is none, so all are asked. */
  #listTags(source: Source): Promise<ReadonlySet<string> | undefined> {
    let listing = this.#tags.get(source);
    if (listing === undefined) {
      listing = readTags(source, this.#signal);
      this.#tags.set(source, listing);
    }
    return listing;
  }
}

async function readTags(source: Source, signal: AbortSignal | undefined): Promise<ReadonlySet<string> | undefined> {
  if (!canListTags(source)) return undefined;
  try {
    return new Set(await source.listTags({ maxPages: MAX_TAG_PAGES, signal }));
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** Whether a source answered, with anything but what was asked for. A connection that fails is no answer. */
function isRefusal(error: unknown): error is Error {
  if (error instanceof NotFoundError || error instanceof AuthError) return true;
  if (error instanceof StoreError) return error.code === 'UNSUPPORTED';
  return error instanceof HttpError && error.failure.status > 0;
}

function byKey(a: GraphEvidence, b: GraphEvidence): number {
  return evidenceKey(a) < evidenceKey(b) ? -1 : 1;
}

/** What evidence is sorted by. */
export function evidenceKey({ subject, digest, tag = '' }: GraphEvidence): string {
  return `${subject} ${digest} ${tag}`;
}

function tooMuch(reference: string): IntegrityError {
  return new IntegrityError('MALFORMED', `${reference}: more evidence, or longer chains of it, than the limits allow`, {
    hint: HINT,
  });
}
