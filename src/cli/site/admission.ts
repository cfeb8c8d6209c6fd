/** Admits an archive under what the site remembers, and remembers it in turn when all is done. */
import type { ArchiveReader } from '../../archive/reader/reader.ts';
import { openSite, readSiteState, type Site } from '../../site/site-state.ts';
import {
  factsOf,
  trustArchive,
  type Acceptance,
  type TrustedRelease,
} from '../../archive/verification/trusted-archive.ts';
import { advanceState, recordException } from '../../trust/rollback/evaluate-rollback.ts';
import type { Terms } from '../options/trust-options.ts';

/** Why an archive is admitted: only a load, when it is complete, advances the state. */
export type AdmissionPurpose = 'load' | 'extract' | 'verify' | 'plan';

/** An acceptance under the site's state, held until disposed where something may be written to it. */
export class Admission implements AsyncDisposable {
  readonly acceptance: Acceptance;
  readonly #terms: Terms;
  readonly #purpose: AdmissionPurpose;
  readonly #site: Site | undefined;

  private constructor(terms: Terms, purpose: AdmissionPurpose, acceptance: Acceptance, site: Site | undefined) {
    this.acceptance = acceptance;
    this.#terms = terms;
    this.#purpose = purpose;
    this.#site = site;
  }

  /**
   * Reads the state, and takes its lock where it may be written: two loads at one site go one after the other.
   * @throws StoreError `LOCKED`
   */
  static async open(terms: Terms, purpose: AdmissionPurpose): Promise<Admission> {
    const { state: directory, ...rest } = terms;
    if (directory === undefined) return new Admission(terms, purpose, rest, undefined);
    const isWriting = purpose === 'load' || (purpose !== 'plan' && terms.exceptionFor !== undefined);
    const site = isWriting ? await openSite(directory) : undefined;
    const state = site?.state ?? (await readSiteState(directory));
    return new Admission(terms, purpose, { ...rest, state }, site);
  }

  /** Decides whether to believe an open archive. */
  async admit(archive: ArchiveReader): Promise<TrustedRelease> {
    return trustArchive(archive, this.acceptance);
  }

  /** To be called when what was done with the release is complete. */
  async complete(release: TrustedRelease): Promise<void> {
    if (this.#site === undefined) return;
    const { now } = this.#terms;
    const { standing, trust } = release;
    const facts = factsOf(release);
    const command = this.#purpose;
    let { state } = this.#site;
    if (standing.kind === 'exception') state = recordException(state, facts, standing, { now, command });
    if (this.#purpose === 'load') state = advanceState(state, facts, standing, { now, trust });
    if (state !== this.#site.state) await this.#site.write(state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#site?.[Symbol.asyncDispose]();
  }
}
